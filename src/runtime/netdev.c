/*
 * Moves network interfaces between namespaces; see netdev_priv.h. A netlink
 * socket stays in the namespace in which it was made: one of each side is all
 * that is needed, and this process is in the other namespace only while it makes
 * its socket.
 */
#include "runtime/netdev_priv.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/nl.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ADDRESSES_MAX = 128, ADDRESS_BYTES = 16 };

struct address {
	struct ifaddrmsg head;
	uint32_t flags;
	size_t len;
	bool has_local, has_broadcast;
	uint8_t address[ADDRESS_BYTES], local[ADDRESS_BYTES], broadcast[ADDRESS_BYTES];
};

/* One end of a move: a namespace and a socket in it */
struct side {
	int ns, sock;
};

struct device {
	char from[IFNAMSIZ], to[IFNAMSIZ]; /* to: after the move, when `from` was a template */
	int index;                         /* in the namespace where it is */
	bool moved;
	struct address *addresses;
	size_t naddresses;
};

bool netdev_name_valid(const char *name, bool template)
{
	size_t len = strlen(name);
	const char *percent = strchr(name, '%');
	if (!len || len >= IFNAMSIZ || str_eq(name, ".") || str_eq(name, ".."))
		return false;
	if (percent && (!template || percent[1] != 'd' || strchr(percent + 1, '%')))
		return false;
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == ':' || isspace((unsigned char)*p))
			return false;
	return true;
}

/* ---- questions ---- */

struct search {
	const char *name; /* the link to find; NULL: the one that is not among `known` */
	const int *known;
	size_t nknown;
	int index; /* found; 0: none */
	char found[IFNAMSIZ];
	int *all; /* collected when not NULL */
	size_t nall;
};

static bool is_wanted(const struct search *s, const char *name, int index)
{
	if (s->name)
		return str_eq(s->name, name);
	for (size_t i = 0; i < s->nknown; i++)
		if (s->known[i] == index)
			return false;
	return true;
}

static int each_link(const struct nlmsghdr *h, void *arg)
{
	struct search *s = arg;
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	const struct nlattr *a[IFLA_IFNAME + 1];
	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)))
		return 0;
	nl_attrs(h, sizeof(*ifi), a, IFLA_IFNAME);
	const char *name = a[IFLA_IFNAME] ? nl_str(a[IFLA_IFNAME]) : NULL;
	if (!name || strlen(name) >= IFNAMSIZ)
		return 0;
	s->all = mem_realloc(s->all, s->nall + 1, sizeof(*s->all));
	s->all[s->nall++] = ifi->ifi_index;
	if (!s->index && is_wanted(s, name, ifi->ifi_index)) {
		s->index = ifi->ifi_index;
		memcpy(s->found, name, strlen(name) + 1);
	}
	return 0;
}

static int list_links(int sock, struct search *s, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	nl_begin(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), 0, "list network interfaces");
	nl_end(&b);
	return nl_query(sock, &b, true, each_link, s, e);
}

static bool take_bytes(const struct nlattr *a, uint8_t *out, size_t *len)
{
	if (!a || nl_len(a) > ADDRESS_BYTES)
		return false;
	*len = nl_len(a);
	memcpy(out, nl_data(a), *len);
	return true;
}

/* Those that somebody set to stay; what the kernel or a router made will be made again. */
static int each_address(const struct nlmsghdr *h, void *arg)
{
	struct device *d = arg;
	const struct ifaddrmsg *ifa = NLMSG_DATA(h);
	const struct nlattr *a[IFA_FLAGS + 1];
	if (h->nlmsg_type != RTM_NEWADDR || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifa)) ||
		(int)ifa->ifa_index != d->index)
		return 0;
	if (d->naddresses == ADDRESSES_MAX)
		return -E2BIG;
	nl_attrs(h, sizeof(*ifa), a, IFA_FLAGS);
	struct address *x = &d->addresses[d->naddresses];
	*x = (struct address){.head = *ifa, .flags = nl_u32(a[IFA_FLAGS], ifa->ifa_flags)};
	size_t len;
	if (!(x->flags & IFA_F_PERMANENT) || ifa->ifa_scope != RT_SCOPE_UNIVERSE ||
		!take_bytes(a[IFA_ADDRESS], x->address, &x->len))
		return 0;
	x->has_local = take_bytes(a[IFA_LOCAL], x->local, &len) && len == x->len;
	x->has_broadcast = take_bytes(a[IFA_BROADCAST], x->broadcast, &len) && len == x->len;
	d->naddresses++;
	return 0;
}

static int list_addresses(int sock, struct device *d, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	const struct ifaddrmsg ifa = {.ifa_family = AF_UNSPEC};
	d->addresses = mem_array(ADDRESSES_MAX, sizeof(*d->addresses));
	nl_begin(&b, RTM_GETADDR, 0, &ifa, sizeof(ifa), 0, "list network addresses");
	nl_end(&b);
	int r = nl_query(sock, &b, true, each_address, d, e);
	if (r == -E2BIG)
		return err_set(e, ERR_LIMIT,
			"linux.netDevices: interface '%s' has more than %d addresses", d->from,
			ADDRESSES_MAX);
	return r;
}

/* ---- the move ---- */

static int change_namespace(
	const struct side *from, const struct side *to, const struct device *d, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC, .ifi_index = d->index};
	cleanup_free char *what =
		mem_printf("linux.netDevices: move interface '%s' as '%s'", d->from, d->to);
	nl_begin(&b, RTM_NEWLINK, NLM_F_ACK, &ifi, sizeof(ifi), 0, what);
	nl_put_u32(&b, IFLA_NET_NS_FD, (uint32_t)to->ns);
	nl_put_str(&b, IFLA_IFNAME, d->to);
	nl_end(&b);
	return nl_talk(from->sock, &b, e);
}

static void add_address(struct nl_batch *b, const struct device *d, const struct address *x)
{
	const uint32_t keep =
		IFA_F_PERMANENT | IFA_F_NODAD | IFA_F_NOPREFIXROUTE | IFA_F_MANAGETEMPADDR;
	struct ifaddrmsg ifa = x->head;
	ifa.ifa_index = (unsigned)d->index;
	ifa.ifa_flags = IFA_F_PERMANENT;
	nl_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_ACK, &ifa, sizeof(ifa), EEXIST,
		"linux.netDevices: set an address");
	nl_put(b, IFA_ADDRESS, x->address, x->len);
	if (x->has_local)
		nl_put(b, IFA_LOCAL, x->local, x->len);
	if (x->has_broadcast)
		nl_put(b, IFA_BROADCAST, x->broadcast, x->len);
	nl_put_u32(b, IFA_FLAGS, x->flags & keep);
	nl_end(b);
}

static int set_up(int sock, const struct device *d, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	for (size_t i = 0; i < d->naddresses; i++)
		add_address(&b, d, &d->addresses[i]);
	const struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC,
		.ifi_index = d->index,
		.ifi_flags = IFF_UP,
		.ifi_change = IFF_UP};
	nl_begin(&b, RTM_NEWLINK, NLM_F_ACK, &ifi, sizeof(ifi), 0,
		"linux.netDevices: set an interface up");
	nl_end(&b);
	return nl_talk(sock, &b, e);
}

/* Afterwards d->index and d->to are those of the other side. */
static int move(const struct side *from, const struct side *to, struct device *d, struct err *e)
{
	struct search before = {.name = d->to}, after = {NULL};
	int r = list_links(to->sock, &before, e);
	if (r == 0 && before.index)
		r = err_set(e, EEXIST,
			"linux.netDevices: move interface '%s': there is a '%s' already", d->from,
			d->to);
	if (r == 0)
		r = change_namespace(from, to, d, e);
	if (r == 0) {
		after.known = before.all;
		after.nknown = before.nall;
		r = list_links(to->sock, &after, e);
	}
	free(before.all);
	free(after.all);
	if (r < 0)
		return r;
	if (!after.index)
		return err_set(e, ENODEV, "linux.netDevices: interface '%s' is gone", d->from);
	d->moved = true;
	d->index = after.index;
	memcpy(d->to, after.found, sizeof(d->to));
	return set_up(to->sock, d, e);
}

static int find(int sock, const struct runtime_pair *p, struct device *d, struct err *e)
{
	struct search s = {.name = p->key};
	int r = list_links(sock, &s, e);
	free(s.all);
	if (r < 0)
		return r;
	if (!s.index)
		return err_set(e, ERR_NOT_FOUND,
			"linux.netDevices: there is no network interface '%s'", p->key);
	d->index = s.index;
	snprintf(d->from, sizeof(d->from), "%s", p->key);
	snprintf(d->to, sizeof(d->to), "%s", p->value);
	return list_addresses(sock, d, e);
}

static void move_back(const struct side *host, const struct side *inside, struct device *d)
{
	char from[IFNAMSIZ];
	memcpy(from, d->to, sizeof(from));
	memcpy(d->to, d->from, sizeof(d->to));
	memcpy(d->from, from, sizeof(d->from));
	move(inside, host, d, NULL); /* what made us give up is reported */
}

static int move_each(const struct runtime_pairs *devices, const struct side *host,
	const struct side *inside, struct err *e)
{
	struct device *d = mem_array(devices->n, sizeof(*d));
	size_t n = 0;
	int r = 0;
	while (r == 0 && n < devices->n) {
		r = find(host->sock, &devices->v[n], &d[n], e);
		if (r == 0)
			r = move(host, inside, &d[n], e);
		n++;
	}
	while (r < 0 && n-- > 0)
		if (d[n].moved)
			move_back(host, inside, &d[n]);
	for (size_t i = 0; i < devices->n; i++)
		free(d[i].addresses);
	free(d);
	return r;
}

int netdev_move_all(const struct runtime_pairs *devices, int netns, struct err *e)
{
	cleanup_fd int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	cleanup_fd int outside = own < 0 ? -1 : nl_open(NETLINK_ROUTE, e);
	if (outside < 0)
		return own < 0 ? err_sys(e, "open '/proc/self/ns/net'") : outside;
	if (setns(netns, CLONE_NEWNET) < 0)
		return err_sys(e, "linux.netDevices: enter the network namespace");
	cleanup_fd int within = nl_open(NETLINK_ROUTE, e);
	if (setns(own, CLONE_NEWNET) < 0)
		return err_sys(e, "come back from the network namespace");
	if (within < 0)
		return within;
	const struct side host = {own, outside}, inside = {netns, within};
	return move_each(devices, &host, &inside, e);
}
