/*
 * Attaching containers to the bridge and taking them off: the order of things.
 * What exists where: table.c (state), link.c (devices), rules.c (nftables).
 *
 * Order of an attach, so that a crash at any point leaves nothing unknown: the
 * bridge and its rules; the veth pair (its name says its address; it dies with the
 * container's namespace); the lease, written to disk; only then ports and sysctls,
 * which the lease tells how to take back.
 */
#include "network/bridge.h"
#include "base/err.h"
#include "base/file.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/host_priv.h"
#include "network/link_priv.h"
#include "network/net_priv.h"
#include "base/nl.h"
#include "network/rules_priv.h"
#include "network/table_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_IFACE "eth0"
#define ADDRESS_TRIES 64 /* veths of containers that died a moment ago */

void network_result_release(struct network_result *r)
{
	network_ports_release(&r->ports);
}

int net_open(struct net *n, const char *state_dir, struct err *e)
{
	*n = (struct net)NET_INIT;
	n->state_dir = state_dir;
	cleanup_free char *lock = mem_printf("%s/%s", state_dir, TABLE_LOCK);
	n->lock = lock_take(AT_FDCWD, lock, LOCK_EXCLUSIVE, true, e);
	if (n->lock < 0)
		return n->lock;
	return table_load(state_dir, &n->t, e);
}

void net_release(struct net *n)
{
	table_release(&n->t);
	defs_close_cleanup(&n->route);
	defs_close_cleanup(&n->nft);
	defs_close_cleanup(&n->lock);
}

int net_route(struct net *n, struct err *e)
{
	if (n->route < 0)
		n->route = nl_open(NETLINK_ROUTE, e);
	return n->route;
}

int net_nft(struct net *n, struct err *e)
{
	if (n->nft < 0)
		n->nft = nl_open(NETLINK_NETFILTER, e);
	return n->nft;
}

static bool is_iface_name(const char *s)
{
	return table_is_name(s) && strlen(s) < NETWORK_IFACE_TEXT;
}

static int check_name(const char *what, const char *s, struct err *e)
{
	if (s && !table_is_name(s))
		return err_set(
			e, ERR_USAGE, "%s '%s' is not made of letters, digits and '_.-'", what, s);
	return 0;
}

static int check_options(const struct network_options *o, struct err *e)
{
	int r = check_name("container id", o->container_id, e);
	if (r == 0)
		r = check_name("container name", o->name, e);
	if (r == 0)
		r = check_name("hostname", o->hostname, e);
	for (size_t i = 0; r == 0 && o->aliases && i < o->aliases->n; i++)
		r = check_name("network alias", o->aliases->v[i], e);
	if (r == 0 && o->iface && !is_iface_name(o->iface))
		r = err_set(e, ERR_USAGE, "'%s' cannot be an interface's name", o->iface);
	if (r == 0 && o->bridge && !is_iface_name(o->bridge))
		r = err_set(e, ERR_USAGE, "'%s' cannot be a bridge's name", o->bridge);
	return r;
}

/* Fills in what the lease takes from the options: not the address, not the ports. */
static int begin_lease(const struct network_options *o, struct table_lease *l, struct err *e)
{
	l->id = mem_strdup(o->container_id);
	l->name = mem_strdup(o->name);
	l->hostname = mem_strdup(o->hostname);
	if (o->aliases && o->aliases->n)
		l->aliases = strv_join(o->aliases, ",");
	if (o->mac && link_mac_parse(o->mac, l->mac) < 0)
		return err_set(
			e, ERR_USAGE, "'%s' is not a MAC address like 02:6b:0a:57:00:02", o->mac);
	return 0;
}

static int fixed_address(
	const struct table *t, const char *text, struct in_addr *ret, struct err *e)
{
	if (inet_pton(AF_INET, text, ret) != 1)
		return err_set(e, ERR_USAGE, "'%s' is not an IPv4 address", text);
	if (!table_in_subnet(t, *ret)) {
		char net[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &t->subnet, net, sizeof(net));
		return err_set(e, ERR_USAGE, "address %s is not one of the subnet %s/%u", text, net,
			t->prefix);
	}
	if (table_is_taken(t, *ret))
		return err_set(e, ERR_IN_USE, "address %s is taken by another container", text);
	return 0;
}

/* Gives the lease an address and makes the pair. The veth of a dead container may still be there
 * for a moment: its address is passed over. */
static int make_pair(struct net *n, const struct network_options *o, int bridge,
	struct table_lease *l, struct err *e)
{
	for (int tries = 0;; tries++) {
		struct err again = ERR_INIT;
		int r = 0;
		if (o->ip)
			r = fixed_address(&n->t, o->ip, &l->ip, e);
		else if (table_choose(&n->t, &l->ip) < 0)
			r = err_set(e, ENOSPC, "every address of the network is given away");
		if (r < 0)
			return r;
		if (!o->mac)
			link_mac_of(l->ip, l->mac);
		snprintf(l->veth, sizeof(l->veth), "kv%08x", ntohl(l->ip.s_addr));
		struct link_pair p = {
			.veth = l->veth,
			.iface = o->iface ? o->iface : DEFAULT_IFACE,
			.bridge = (unsigned)bridge,
			.mtu = n->t.mtu,
			.netns_fd = o->netns_fd,
			.hairpin = o->nports > 0,
		};
		memcpy(p.mac, l->mac, sizeof(p.mac));
		r = link_pair_make(n->route, &p, &again);
		if (r >= 0)
			return 0;
		struct link_found there;
		if (r != -EEXIST || tries == ADDRESS_TRIES ||
			link_find(n->route, l->veth, &there, NULL) < 0)
			return err_set(e, again.code, "%s", again.msg);
		if (o->ip) /* asked for by name: the leftover must go */
			link_remove(n->route, l->veth, NULL);
	}
}

struct inside {
	struct link_inside set;
};

static int set_up_inside(void *arg, struct err *e)
{
	const struct inside *in = arg;
	cleanup_fd int sock = nl_open(NETLINK_ROUTE, e);
	return sock < 0 ? sock : link_inside_set_up(sock, &in->set, e);
}

/* Everything after the lease is on disk. */
static int put_into_effect(
	struct net *n, const struct network_options *o, const struct table_lease *l, struct err *e)
{
	int r = net_sysctls_set(&n->t, e);
	if (r == 0 && l->ports.n) {
		r = net_nft(n, e);
		if (r >= 0)
			r = rules_publish(n->nft, n->t.bridge, &l->ports, l->ip, e);
	}
	if (r < 0)
		return r;
	struct inside in = {{
		.iface = o->iface ? o->iface : DEFAULT_IFACE,
		.ip = l->ip,
		.gateway = table_gateway(&n->t),
		.prefix = n->t.prefix,
	}};
	return host_in_netns(o->netns_fd, set_up_inside, &in, e);
}

static void fill_result(const struct net *n, const struct network_options *o,
	const struct table_lease *l, struct network_result *ret)
{
	struct in_addr gateway = table_gateway(&n->t);
	snprintf(ret->iface, sizeof(ret->iface), "%s", o->iface ? o->iface : DEFAULT_IFACE);
	memcpy(ret->veth, l->veth, sizeof(ret->veth));
	memcpy(ret->bridge, n->t.bridge, sizeof(ret->bridge));
	inet_ntop(AF_INET, &l->ip, ret->ip, sizeof(ret->ip));
	inet_ntop(AF_INET, &gateway, ret->gateway, sizeof(ret->gateway));
	link_mac_format(l->mac, ret->mac);
	ret->prefix = n->t.prefix;
	ret->mtu = n->t.mtu;
	for (size_t i = 0; i < l->ports.n; i++)
		network_ports_add(&ret->ports, &l->ports.v[i]);
}

/* Takes back a lease's ports and forgets it; the table is saved by the caller. */
static int drop_lease(struct net *n, struct table_lease *l, struct err *e)
{
	int r = 0;
	if (l->ports.n) {
		r = net_nft(n, e);
		if (r >= 0)
			r = rules_withdraw(n->nft, n->t.bridge, &l->ports, e);
	}
	table_remove(&n->t, l);
	return r < 0 ? r : 0;
}

/* Forgets containers whose veth is gone: their namespace is, and who should have detached them was
 * killed. The table is saved by the caller. Returns how many. */
static int prune(struct net *n, struct err *e)
{
	int gone = 0;
	int r = net_route(n, e);
	for (size_t i = n->t.n; r >= 0 && i-- > 0;) {
		if (link_is_there(n->route, n->t.v[i].veth))
			continue;
		drop_lease(n, &n->t.v[i], NULL);
		gone++;
	}
	return r < 0 ? r : gone;
}

static void undo_attach(struct net *n, const char *id, const char *veth)
{
	struct table_lease *l = table_find(&n->t, id);
	if (l)
		drop_lease(n, l, NULL);
	link_remove(n->route, veth, NULL);
	if (n->t.n == 0)
		net_remove(n, NULL);
	else
		table_save(n->state_dir, &n->t, NULL);
}

static int attach_to(struct net *n, const struct network_options *o, int bridge,
	struct network_result *ret, struct err *e)
{
	struct table_lease l = {0};
	int r = begin_lease(o, &l, e);
	if (r == 0)
		r = host_ports_resolve(&n->t, o->ports, o->nports, &l.ports, e);
	if (r == 0)
		r = make_pair(n, o, bridge, &l, e);
	if (r < 0) {
		table_lease_release(&l);
		if (n->t.n == 0)
			net_remove(n, NULL);
		return r;
	}
	struct table_lease *kept = table_add(&n->t, &l);
	n->t.changes++;
	r = table_save(n->state_dir, &n->t, e);
	if (r == 0)
		r = put_into_effect(n, o, kept, e);
	if (r < 0) {
		cleanup_free char *veth = mem_strdup(kept->veth);
		undo_attach(n, o->container_id, veth);
		return r;
	}
	fill_result(n, o, kept, ret);
	return 0;
}

int network_attach(const struct network_options *o, struct network_result *ret, struct err *e)
{
	struct net n cleanup_net = NET_INIT;
	int r = check_options(o, e);
	if (r == 0)
		r = file_mkdirs(AT_FDCWD, o->state_dir, 0755, e);
	if (r == 0)
		r = net_open(&n, o->state_dir, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	struct network_result result = {0};
	struct table_lease *old = table_find(&n.t, o->container_id);
	if (old)
		drop_lease(&n, old, NULL); /* of an attach that was cut short */
	r = prune(&n, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	int bridge = net_ensure(&n, o, result.warning, sizeof(result.warning), e);
	r = bridge < 0 ? bridge : attach_to(&n, o, bridge, &result, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	*ret = result;
	return 0;
}

int network_detach(const char *state_dir, const char *container_id, enum network_detach_flags flags,
	struct err *e)
{
	struct net n cleanup_net = NET_INIT;
	if (!file_exists(AT_FDCWD, state_dir))
		return 0;
	int r = net_open(&n, state_dir, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	struct table_lease *l = table_find(&n.t, container_id);
	if (!l)
		return 0;
	struct err ports = ERR_INIT;
	int ports_r = drop_lease(&n, l, &ports);
	prune(&n, NULL);
	if (n.t.n == 0 && !(flags & NETWORK_LINGER))
		r = net_remove(&n, e);
	else
		r = table_save(state_dir, &n.t, e);
	if (r == 0 && (flags & NETWORK_LINGER))
		r = net_linger(&n, e);
	if (r == 0 && ports_r < 0)
		r = err_set(e, ports.code, "%s", ports.msg);
	return r < 0 ? err_wrap(e, r, "network") : 0;
}

/* "build-PID-START-N": the container of a process, not of the store. -1: another form. */
static int process_alive(const char *id)
{
	int pid;
	unsigned long long start;
	if (sscanf(id, "build-%d-%llu-", &pid, &start) != 2)
		return -1;
	uint64_t now;
	return proc_start_time(pid, &now) == 0 && now == start;
}

int network_sweep(const char *state_dir, bool (*is_alive)(const char *container_id, void *arg),
	void *arg, struct err *e)
{
	struct net n cleanup_net = NET_INIT;
	cleanup_free char *path = mem_printf("%s/%s", state_dir, TABLE_FILE);
	if (!file_exists(AT_FDCWD, path))
		return 0;
	int r = net_open(&n, state_dir, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	int gone = 0;
	for (size_t i = n.t.n; i-- > 0;) {
		int own = process_alive(n.t.v[i].id);
		if (own > 0 || (own < 0 && (!is_alive || is_alive(n.t.v[i].id, arg))))
			continue;
		int d = drop_lease(&n, &n.t.v[i], e);
		r = r < 0 ? r : d;
		gone++;
	}
	int saved = 0;
	if (n.t.n == 0 && !net_is_lingering(&n))
		saved = net_remove(&n, e);
	else if (gone)
		saved = table_save(state_dir, &n.t, e);
	r = r < 0 ? r : saved;
	return r < 0 ? err_wrap(e, r, "network") : gone;
}

static int compare_leases(const void *a, const void *b)
{
	uint32_t x = ntohl(((const struct table_lease *)a)->ip.s_addr);
	uint32_t y = ntohl(((const struct table_lease *)b)->ip.s_addr);
	return (x > y) - (x < y);
}

int network_list(const char *state_dir, int (*each)(const struct network_lease *l, void *arg),
	void *arg, struct err *e)
{
	/* the file is replaced by rename: reading it needs no lock */
	struct table t cleanup_table = {0};
	int r = table_load(state_dir, &t, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	if (t.n)
		qsort(t.v, t.n, sizeof(*t.v), compare_leases);
	for (size_t i = 0; r == 0 && i < t.n; i++) {
		const struct table_lease *from = &t.v[i];
		struct network_lease l = {
			.container_id = from->id,
			.name = from->name,
			.hostname = from->hostname,
			.aliases = from->aliases,
			.veth = from->veth,
			.ports = &from->ports,
		};
		inet_ntop(AF_INET, &from->ip, l.ip, sizeof(l.ip));
		link_mac_format(from->mac, l.mac);
		r = each(&l, arg);
	}
	return r;
}

int network_rename(const char *state_dir, const char *container_id, const char *name, struct err *e)
{
	struct net n cleanup_net = NET_INIT;
	int r = check_name("container name", name, e);
	if (r == 0)
		r = net_open(&n, state_dir, e);
	if (r < 0)
		return err_wrap(e, r, "network");
	struct table_lease *l = table_find(&n.t, container_id);
	if (!l)
		return err_set(
			e, ERR_NOT_FOUND, "container '%s' is not on the network", container_id);
	free(l->name);
	l->name = mem_strdup(name);
	r = table_save(state_dir, &n.t, e);
	return r < 0 ? err_wrap(e, r, "network") : 0;
}

int network_loopback_up(int netns_fd, struct err *e)
{
	struct inside in = {{0}};
	int r = host_in_netns(netns_fd, set_up_inside, &in, e);
	return r < 0 ? err_wrap(e, r, "bring up lo") : 0;
}
