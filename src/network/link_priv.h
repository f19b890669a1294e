/* rtnetlink: what the network needs of links, addresses and routes. IPv4 addresses are struct
 * in_addr, network order. Functions that take a batch only add messages to it. */
#pragma once

#include "base/defs.h"
#include "network/bridge.h"

#include <netinet/in.h>

struct err;
struct nl_batch;

struct link_bridge {
	const char *name;
	struct in_addr ip; /* of the bridge: the gateway */
	unsigned prefix;
	unsigned mtu;
	const char *owner; /* kept as the link's alias */
};

#define LINK_ALIAS_MAX 255

/* The hardware address that belongs to an address: 02:6b and its four bytes. */
void link_mac_of(struct in_addr ip, uint8_t mac[6]);
void link_mac_format(const uint8_t mac[6], char out[NETWORK_MAC_TEXT]);
int link_mac_parse(const char *s, uint8_t mac[6]); /* -EINVAL; no multicast address */

/* Makes the bridge, up, with its address. Its index, -EEXIST (the name), or another error. */
int link_bridge_make(int sock, const struct link_bridge *b, struct err *e);
struct link_found {
	int index;
	unsigned mtu;
	char alias[LINK_ALIAS_MAX + 1];
};
/* 0, -ENODEV (e untouched then) or another error */
int link_find(int sock, const char *name, struct link_found *ret, struct err *e);
/* Whether a link of this name is there: without the kernel's big network lock, half a microsecond.
 * Any socket will do. */
bool link_is_there(int sock, const char *name);
/* How many links are plugged into a bridge; or an error */
int link_ports_count(int sock, int bridge, struct err *e);
/* Removes a bridge or a veth pair. Absent is fine. Takes tens of ms: the kernel waits for RCU grace
 * periods. */
int link_remove(int sock, const char *name, struct err *e);

struct link_pair {
	const char *veth;  /* our end, up, plugged into the bridge */
	const char *iface; /* the container's end, made inside its namespace, down */
	unsigned bridge;   /* index */
	unsigned mtu;
	int netns_fd;
	uint8_t mac[6];
	/* The bridge may send back through the port a frame came from: a container that asks for its
	 * own published port, on hosts whose bridges pass through iptables (br_netfilter). */
	bool hairpin;
};
/* -EEXIST when the name is in use */
int link_pair_make(int sock, const struct link_pair *p, struct err *e);

struct link_inside {
	const char *iface; /* NULL: only lo */
	struct in_addr ip;
	struct in_addr gateway;
	unsigned prefix;
};
/* Inside a container's namespace (sock belongs to it): lo up, interface up, address, way out. */
int link_inside_set_up(int sock, const struct link_inside *in, struct err *e);

/* What the host's routes say: calls each for every IPv4 route of the main table (0.0.0.0/0 too)
 * and finds the MTU of the default route's interface (0: none). */
struct link_route {
	struct in_addr dst;
	unsigned prefix;
};
struct link_routes {
	struct link_route *v;
	size_t n;
	unsigned uplink_mtu;
};
void link_routes_release(struct link_routes *r);
#define cleanup_link_routes cleanup(link_routes_release)
int link_routes_read(int sock, struct link_routes *ret, struct err *e);
