/*
 * The nftables table of a bridge, `ip kist0`: what it holds while containers are on
 * the bridge. It has the bridge's name. One transaction makes it, one takes it away;
 * a published port is one element of a map. Nothing outside this table is written.
 */
#pragma once

#include "base/defs.h"
#include "network/port.h"

#include <netinet/in.h>

struct err;
struct nl_batch;

struct rules_network {
	const char *bridge; /* the table's name too */
	struct in_addr subnet;
	unsigned prefix;
};

/* Messages only (pure); the batch holds the whole transaction. */
void rules_encode(struct nl_batch *b, const struct rules_network *n);
/* From *next on as many as one transaction takes; *next moves. */
void rules_encode_ports(struct nl_batch *b, const char *bridge, const struct network_ports *p,
	struct in_addr to, bool add, size_t *next);

/*
 * sock: nl_open(NETLINK_NETFILTER). Closing the last descriptor of such a socket waits for what was
 * deleted through any to be freed, an RCU grace period or 10 to 20 ms: so nothing is deleted that
 * need not be, and net_linger lets a child do the closing.
 *
 * What an earlier crash left of the table is replaced. */
int rules_make(int sock, const struct rules_network *n, struct err *e);
int rules_remove(int sock, const char *bridge, struct err *e); /* absent is fine */
int rules_publish(int sock, const char *bridge, const struct network_ports *p, struct in_addr to,
	struct err *e);
/* Absent elements are fine. */
int rules_withdraw(int sock, const char *bridge, const struct network_ports *p, struct err *e);

/* Whether some chain of the host drops what our bridge forwards: a base chain of the forward hook
 * with policy drop, in a table where no rule names the bridge. 1 and its names in out, or 0. */
int rules_find_blocker(int sock, const char *bridge, char *out, size_t size, struct err *e);
