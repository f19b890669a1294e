/* rtnetlink: links, addresses, routes; see the header. */
#include "network/link_priv.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/nl.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#define LO_INDEX 1 /* in every network namespace */

void link_mac_of(struct in_addr ip, uint8_t mac[6])
{
	mac[0] = 0x02; /* locally administered */
	mac[1] = 'k';
	memcpy(mac + 2, &ip.s_addr, 4);
}

void link_mac_format(const uint8_t mac[6], char out[NETWORK_MAC_TEXT])
{
	snprintf(out, NETWORK_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		mac[3], mac[4], mac[5]);
}

int link_mac_parse(const char *s, uint8_t mac[6])
{
	unsigned v[6];
	char after;
	if (strlen(s) != NETWORK_MAC_TEXT - 1 ||
		sscanf(s, "%2x:%2x:%2x:%2x:%2x:%2x%c", &v[0], &v[1], &v[2], &v[3], &v[4], &v[5],
			&after) != 6 ||
		(v[0] & 1))
		return -EINVAL;
	for (size_t i = 0; i < 6; i++)
		mac[i] = (uint8_t)v[i];
	return 0;
}

static void add_address(struct nl_batch *b, int index, struct in_addr ip, unsigned prefix)
{
	struct ifaddrmsg ifa = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = (uint8_t)prefix,
		.ifa_index = (unsigned)index,
	};
	struct in_addr last = {ip.s_addr | htonl(prefix < 32 ? UINT32_MAX >> prefix : 0)};
	nl_begin(b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &ifa, sizeof(ifa), 0, "set address");
	nl_put(b, IFA_LOCAL, &ip, sizeof(ip));
	nl_put(b, IFA_ADDRESS, &ip, sizeof(ip));
	nl_put(b, IFA_BROADCAST, &last, sizeof(last));
	nl_end(b);
}

static void add_up(struct nl_batch *b, int index, const char *what)
{
	struct ifinfomsg ifi = {.ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	nl_begin(b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), 0, what);
	nl_end(b);
}

static int note_link(const struct nlmsghdr *h, void *arg)
{
	struct link_found *f = arg;
	const struct ifinfomsg *ifi = NLMSG_DATA(h);
	if (h->nlmsg_type != RTM_NEWLINK || h->nlmsg_len < NLMSG_LENGTH(sizeof(*ifi)))
		return 0;
	const struct nlattr *a[IFLA_IFALIAS + 1];
	nl_attrs(h, sizeof(*ifi), a, IFLA_IFALIAS);
	const char *alias = nl_str(a[IFLA_IFALIAS]);
	f->index = ifi->ifi_index;
	f->mtu = nl_u32(a[IFLA_MTU], 0);
	snprintf(f->alias, sizeof(f->alias), "%s", alias ? alias : "");
	return 0;
}

/* name NULL: by index */
static int find_link(int sock, const char *name, int index, struct link_found *ret, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct ifinfomsg ifi = {.ifi_index = index};
	struct link_found f = {0};
	nl_begin(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), ENODEV, "find link");
	if (name)
		nl_put_str(&b, IFLA_IFNAME, name);
	nl_end(&b);
	int r = nl_query(sock, &b, false, note_link, &f, e);
	if (r < 0)
		return r;
	if (f.index <= 0)
		return -ENODEV;
	*ret = f;
	return 0;
}

int link_find(int sock, const char *name, struct link_found *ret, struct err *e)
{
	int r = find_link(sock, name, 0, ret, e);
	return r < 0 && r != -ENODEV ? err_wrap(e, r, "'%s'", name) : r;
}

bool link_is_there(int sock, const char *name)
{
	struct ifreq ifr = {0};
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	return ioctl(sock, SIOCGIFINDEX, &ifr) == 0 || errno != ENODEV;
}

struct port_count {
	unsigned bridge;
	int n;
};

static int count_port(const struct nlmsghdr *h, void *arg)
{
	struct port_count *c = arg;
	const struct nlattr *a[IFLA_MASTER + 1];
	nl_attrs(h, sizeof(struct ifinfomsg), a, IFLA_MASTER);
	c->n += h->nlmsg_type == RTM_NEWLINK && nl_u32(a[IFLA_MASTER], 0) == c->bridge;
	return 0;
}

int link_ports_count(int sock, int bridge, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	struct port_count c = {(unsigned)bridge, 0};
	nl_begin(&b, RTM_GETLINK, 0, &ifi, sizeof(ifi), 0, "list a bridge's links");
	nl_put_u32(&b, IFLA_MASTER, (uint32_t)bridge);
	nl_end(&b);
	int r = nl_query(sock, &b, true, count_port, &c, e);
	return r < 0 ? r : c.n;
}

int link_bridge_make(int sock, const struct link_bridge *br, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct ifinfomsg ifi = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	uint8_t mac[6];
	link_mac_of(br->ip, mac);
	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), 0, "make bridge");
	nl_put_str(&b, IFLA_IFNAME, br->name);
	nl_put_u32(&b, IFLA_MTU, br->mtu);
	nl_put(&b, IFLA_ADDRESS, mac, sizeof(mac)); /* else it changes with the ports */
	size_t info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, "bridge");
	size_t data = nl_nest(&b, IFLA_INFO_DATA);
	nl_put_u8(&b, IFLA_BR_MCAST_SNOOPING, 0); /* nobody here sends the queries it lives on */
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	nl_end(&b);
	int r = nl_talk(sock, &b, e);
	if (r < 0)
		return err_wrap(e, r, "'%s'", br->name);
	struct link_found f;
	r = link_find(sock, br->name, &f, e);
	if (r < 0)
		return err_sysno(e, r, "find bridge '%s'", br->name);
	ifi = (struct ifinfomsg){.ifi_index = f.index};
	nl_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), 0, "name the bridge's owner");
	nl_put(&b, IFLA_IFALIAS, br->owner, strnlen(br->owner, LINK_ALIAS_MAX));
	nl_end(&b);
	add_address(&b, f.index, br->ip, br->prefix);
	r = nl_talk(sock, &b, e);
	return r < 0 ? err_wrap(e, r, "bridge '%s'", br->name) : f.index;
}

int link_remove(int sock, const char *name, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	nl_begin(&b, RTM_DELLINK, 0, &ifi, sizeof(ifi), ENODEV, "remove link");
	nl_put_str(&b, IFLA_IFNAME, name);
	nl_end(&b);
	int r = nl_talk(sock, &b, e);
	return r < 0 ? err_wrap(e, r, "'%s'", name) : 0;
}

static int set_hairpin(int sock, const char *name, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct ifinfomsg ifi = {.ifi_family = AF_UNSPEC};
	nl_begin(&b, RTM_NEWLINK, 0, &ifi, sizeof(ifi), 0, "set hairpin mode");
	nl_put_str(&b, IFLA_IFNAME, name);
	size_t info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_SLAVE_KIND, "bridge");
	size_t data = nl_nest(&b, IFLA_INFO_SLAVE_DATA);
	nl_put_u8(&b, IFLA_BRPORT_MODE, 1);
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	nl_end(&b);
	return nl_talk(sock, &b, e);
}

int link_pair_make(int sock, const struct link_pair *p, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct ifinfomsg ifi = {.ifi_flags = IFF_UP, .ifi_change = IFF_UP};
	/* The peer cannot be made up: it has no other end yet when its flags are set. */
	struct ifinfomsg peer_ifi = {0};
	nl_begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi), 0, "make veth");
	nl_put_str(&b, IFLA_IFNAME, p->veth);
	nl_put_u32(&b, IFLA_MTU, p->mtu);
	nl_put_u32(&b, IFLA_MASTER, p->bridge);
	size_t info = nl_nest(&b, IFLA_LINKINFO);
	nl_put_str(&b, IFLA_INFO_KIND, "veth");
	size_t data = nl_nest(&b, IFLA_INFO_DATA);
	size_t peer = nl_nest_raw(&b, VETH_INFO_PEER, &peer_ifi, sizeof(peer_ifi));
	nl_put_str(&b, IFLA_IFNAME, p->iface);
	nl_put_u32(&b, IFLA_MTU, p->mtu);
	nl_put(&b, IFLA_ADDRESS, p->mac, sizeof(p->mac));
	nl_put_u32(&b, IFLA_NET_NS_FD, (unsigned)p->netns_fd);
	nl_nest_end(&b, peer);
	nl_nest_end(&b, data);
	nl_nest_end(&b, info);
	nl_end(&b);
	int r = nl_talk(sock, &b, e);
	if (r == 0 && p->hairpin)
		r = set_hairpin(sock, p->veth, e);
	return r < 0 ? err_wrap(e, r, "'%s'", p->veth) : 0;
}

int link_inside_set_up(int sock, const struct link_inside *in, struct err *e)
{
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	add_up(&b, LO_INDEX, "bring up lo");
	if (in->iface) {
		struct link_found f;
		int r = link_find(sock, in->iface, &f, e);
		if (r < 0)
			return err_sysno(e, r, "find '%s' in the container", in->iface);
		add_address(&b, f.index, in->ip, in->prefix);
		add_up(&b, f.index, "bring up the container's interface");
		struct rtmsg rt = {
			.rtm_family = AF_INET,
			.rtm_table = RT_TABLE_MAIN,
			.rtm_protocol = RTPROT_BOOT,
			.rtm_type = RTN_UNICAST,
		};
		nl_begin(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rt, sizeof(rt), 0,
			"set default route");
		nl_put(&b, RTA_GATEWAY, &in->gateway, sizeof(in->gateway));
		nl_put_u32(&b, RTA_OIF, (unsigned)f.index);
		nl_end(&b);
	}
	return nl_talk(sock, &b, e);
}

void link_routes_release(struct link_routes *r)
{
	free(r->v);
	*r = (struct link_routes){0};
}

struct route_walk {
	struct link_routes *r;
	size_t cap;
	unsigned uplink; /* index of the default route's link */
	uint32_t metric;
};

static int note_route(const struct nlmsghdr *h, void *arg)
{
	struct route_walk *w = arg;
	const struct rtmsg *rt = NLMSG_DATA(h);
	if (h->nlmsg_type != RTM_NEWROUTE || h->nlmsg_len < NLMSG_LENGTH(sizeof(*rt)) ||
		rt->rtm_family != AF_INET || rt->rtm_table != RT_TABLE_MAIN || rt->rtm_dst_len > 32)
		return 0;
	const struct nlattr *a[RTA_PRIORITY + 1];
	nl_attrs(h, sizeof(*rt), a, RTA_PRIORITY);
	uint32_t metric = nl_u32(a[RTA_PRIORITY], 0);
	if (rt->rtm_dst_len == 0 && a[RTA_OIF] && (!w->uplink || metric < w->metric)) {
		w->uplink = nl_u32(a[RTA_OIF], 0);
		w->metric = metric;
	}
	if (w->r->n == w->cap) {
		w->cap = w->cap ? 2 * w->cap : 16;
		w->r->v = mem_realloc(w->r->v, w->cap, sizeof(*w->r->v));
	}
	w->r->v[w->r->n++] = (struct link_route){
		.dst.s_addr = nl_u32(a[RTA_DST], 0),
		.prefix = rt->rtm_dst_len,
	};
	return 0;
}

int link_routes_read(int sock, struct link_routes *ret, struct err *e)
{
	struct link_routes routes cleanup_link_routes = {0};
	struct route_walk w = {.r = &routes};
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct rtmsg rt = {.rtm_family = AF_INET};
	nl_begin(&b, RTM_GETROUTE, 0, &rt, sizeof(rt), 0, "list routes");
	nl_end(&b);
	int r = nl_query(sock, &b, true, note_route, &w, e);
	if (r < 0)
		return r;
	struct link_found uplink;
	if (w.uplink && find_link(sock, NULL, (int)w.uplink, &uplink, NULL) == 0)
		routes.uplink_mtu = uplink.mtu;
	*ret = routes;
	routes = (struct link_routes){0};
	return 0;
}
