/*
 * The shared part of the network: picks name, subnet and MTU, makes bridge and
 * rules, takes them away. Always under the lock.
 */
#include "network/net_priv.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "network/bridge.h"
#include "network/host_priv.h"
#include "network/link_priv.h"
#include "network/rules_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BRIDGES_MAX 64 /* networks on one host: a state directory each */
#define DEFAULT_MTU 1500
#define WARNED_FILE "warned" /* holds the boot id of the last warning */

/* Private ranges to look for a free subnet in, the one we like best first. */
static const struct {
	uint32_t first;
	unsigned count;
	unsigned prefix;
} pools[] = {
	{0x0a570000, 40, 16}, /* 10.87.0.0 to 10.126.0.0 */
	{0xac140000, 12, 16}, /* 172.20.0.0 to 172.31.0.0 */
	{0xc0a8c800, 50, 24}, /* 192.168.200.0 to 192.168.249.0 */
};

static int pick_subnet(
	struct table *t, const struct link_routes *routes, unsigned from, struct err *e)
{
	for (size_t p = 0; p < ARRAY_SIZE(pools); p++) {
		for (unsigned i = 0; i < pools[p].count; i++) {
			uint32_t k = (from + i) % pools[p].count;
			struct in_addr net = {
				htonl(pools[p].first + (k << (32 - pools[p].prefix)))};
			if (host_subnet_is_used(routes, net, pools[p].prefix))
				continue;
			t->subnet = net;
			t->prefix = pools[p].prefix;
			return 0;
		}
	}
	return err_set(e, ERR_IN_USE, "the host's routes leave no private subnet for the bridge");
}

static int choose_subnet(struct table *t, const struct link_routes *routes, const char *wanted,
	unsigned from, struct err *e)
{
	if (!wanted)
		return pick_subnet(t, routes, from, e);
	int r = host_subnet_parse(wanted, &t->subnet, &t->prefix, e);
	if (r == 0 && host_subnet_is_used(routes, t->subnet, t->prefix))
		r = err_set(e, ERR_IN_USE, "subnet %s shares addresses with a route of the host",
			wanted);
	return r;
}

static int make_bridge(struct net *n, struct err *e)
{
	struct link_bridge b = {
		.name = n->t.bridge,
		.ip = table_gateway(&n->t),
		.prefix = n->t.prefix,
		.mtu = n->t.mtu,
		.owner = n->state_dir,
	};
	return link_bridge_make(n->route, &b, e);
}

static bool is_ours(const struct net *n, const struct link_found *f)
{
	size_t len = strnlen(n->state_dir, LINK_ALIAS_MAX);
	return strlen(f->alias) == len && memcmp(f->alias, n->state_dir, len) == 0;
}

/* A bridge that has our name on it but is not in the table, or that of a directory which is gone
 * while nothing is plugged in: left by a crash. It goes, its rules too. True when it did. */
static bool remove_leftover(struct net *n, const char *name)
{
	struct link_found f;
	if (link_find(n->route, name, &f, NULL) < 0)
		return false;
	bool orphan = f.alias[0] == '/' && access(f.alias, F_OK) < 0 && errno == ENOENT &&
		      link_ports_count(n->route, f.index, NULL) == 0;
	if ((!orphan && !is_ours(n, &f)) || net_nft(n, NULL) < 0)
		return false;
	rules_remove(n->nft, name, NULL);
	return link_remove(n->route, name, NULL) == 0;
}

/* A new bridge under the first free name. */
static int make_named_bridge(struct net *n, const struct network_options *o,
	const struct link_routes *routes, struct err *e)
{
	for (unsigned i = 0; i < BRIDGES_MAX; i++) {
		struct err taken = ERR_INIT;
		if (o->bridge)
			snprintf(n->t.bridge, sizeof(n->t.bridge), "%s", o->bridge);
		else
			snprintf(n->t.bridge, sizeof(n->t.bridge), "kist%u", i);
		int r = choose_subnet(&n->t, routes, o->subnet, i, e);
		if (r < 0)
			return r;
		r = make_bridge(n, &taken);
		if (r == -EEXIST && remove_leftover(n, n->t.bridge)) {
			err_clear(&taken);
			r = make_bridge(n, &taken);
		}
		if (r >= 0)
			return r;
		if (r != -EEXIST || o->bridge)
			return err_set(e, taken.code, "%s", taken.msg);
	}
	return err_set(e, ERR_LIMIT, "there are %d bridges kist0 ... already", BRIDGES_MAX);
}

/* Says once per boot which rule of the host is in the way. The rule is not ours to change. */
static void look_for_blocker(struct net *n, char *warning, size_t size)
{
	char where[160];
	struct buf b cleanup_buf = BUF_INIT_MAX(TABLE_BOOT);
	if (rules_find_blocker(n->nft, n->t.bridge, where, sizeof(where), NULL) <= 0)
		return;
	cleanup_free char *path = mem_printf("%s/%s", n->state_dir, WARNED_FILE);
	if (file_read(AT_FDCWD, path, &b, NULL) == 0 && str_eq(buf_str(&b), n->t.boot))
		return;
	bool iptables = str_ends(where, " FORWARD");
	const char *b_name = n->t.bridge;
	if (iptables)
		snprintf(warning, size,
			"containers cannot reach the outside or each other: the host's %s drops "
			"what "
			"it forwards; to let them: iptables -I FORWARD -i %s -j ACCEPT; "
			"iptables -I FORWARD -o %s -j ACCEPT",
			where, b_name, b_name);
	else
		snprintf(warning, size,
			"containers cannot reach the outside or each other: the host's %s drops "
			"what "
			"it forwards; to let them, accept iifname \"%s\" and oifname \"%s\" there",
			where, b_name, b_name);
	file_write(AT_FDCWD, path, n->t.boot, strlen(n->t.boot), 0644, 0, NULL);
}

static int make_rules(struct net *n, struct err *e)
{
	struct rules_network rn = {
		.bridge = n->t.bridge,
		.subnet = n->t.subnet,
		.prefix = n->t.prefix,
	};
	int r = net_nft(n, e);
	return r < 0 ? r : rules_make(n->nft, &rn, e);
}

static int make_network(
	struct net *n, const struct network_options *o, char *warning, size_t size, struct err *e)
{
	struct link_routes routes cleanup_link_routes = {0};
	int r = link_routes_read(n->route, &routes, e);
	if (r < 0)
		return r;
	n->t.mtu = routes.uplink_mtu ? routes.uplink_mtu : DEFAULT_MTU;
	int index = make_named_bridge(n, o, &routes, e);
	if (index < 0) {
		n->t.bridge[0] = 0;
		return index;
	}
	n->t.next = (struct in_addr){htonl(ntohl(n->t.subnet.s_addr) + 2)};
	r = make_rules(n, e);
	if (r == 0)
		r = host_sysctl_get("ip_forward", e);
	if (r < 0) {
		link_remove(n->route, n->t.bridge, NULL);
		n->t.bridge[0] = 0;
		return r;
	}
	n->t.forward_was = r == 0 ? 0 : -1;
	look_for_blocker(n, warning, size);
	return index;
}

/* Somebody removed the bridge under us: the same again, with the ports of those who remain. */
static int remake_network(struct net *n, struct err *e)
{
	int index = make_bridge(n, e);
	if (index < 0)
		return index;
	int r = make_rules(n, e);
	for (size_t i = 0; r == 0 && i < n->t.n; i++)
		r = rules_publish(n->nft, n->t.bridge, &n->t.v[i].ports, n->t.v[i].ip, e);
	return r < 0 ? r : index;
}

int net_ensure(
	struct net *n, const struct network_options *o, char *warning, size_t size, struct err *e)
{
	struct link_found f = {0};
	int r = net_route(n, e);
	if (r < 0)
		return r;
	int found = n->t.bridge[0] ? link_find(n->route, n->t.bridge, &f, e) : -ENODEV;
	if (found < 0 && found != -ENODEV)
		return found;
	/* another network may have got the name after somebody removed our bridge */
	bool theirs = found == 0 && !is_ours(n, &f);
	bool other = o->subnet || (o->bridge && !str_eq(o->bridge, n->t.bridge));
	if (n->t.bridge[0] && n->t.n == 0 && (other || theirs)) {
		r = net_remove(n, e);
		if (r < 0)
			return r;
	}
	if (!n->t.bridge[0])
		return make_network(n, o, warning, size, e);
	if (theirs)
		return err_set(e, ERR_STATE,
			"bridge '%s' belongs to another network now; stop the containers of this "
			"one",
			n->t.bridge);
	return found == 0 ? f.index : remake_network(n, e);
}

int net_sysctls_set(const struct table *t, struct err *e)
{
	cleanup_free char *name = mem_printf("conf/%s/route_localnet", t->bridge);
	int r = host_sysctl_set(name, true, e);
	if (r == 0 && t->forward_was == 0)
		r = host_sysctl_set("ip_forward", true, e);
	return r;
}

int net_remove(struct net *n, struct err *e)
{
	if (!n->t.bridge[0])
		return 0;
	int r = net_route(n, e);
	if (r >= 0)
		r = net_nft(n, e);
	if (r < 0)
		return r;
	/* the bridge last: when it is gone, all is */
	int forward = n->t.forward_was == 0 ? host_sysctl_set("ip_forward", false, e) : 0;
	int rules = 0, link = 0;
	struct link_found f;
	if (link_find(n->route, n->t.bridge, &f, NULL) < 0 || is_ours(n, &f)) {
		rules = rules_remove(n->nft, n->t.bridge, e);
		link = link_remove(n->route, n->t.bridge, e);
	}
	cleanup_free char *path = mem_printf("%s/%s", n->state_dir, TABLE_FILE);
	unlink(path);
	n->t.bridge[0] = 0;
	n->t.forward_was = -1;
	if (rules < 0)
		return rules;
	return link < 0 ? link : forward;
}
