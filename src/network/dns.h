/*
 * A container's resolver: answers for the names of the containers on the bridge
 * (A; nothing for other types; PTR for their addresses), sends the rest to the
 * host's nameservers. One per container, inside its monitor: a listening socket
 * in the container's network namespace, the questions to the outside from ours.
 *
 * Needs libc only. Memory: a few kB. Nothing blocks. Foreign bytes on both sides:
 * the container's questions and the nameservers' answers are both untrusted.
 * Names are read from the table of bridge.h in state_dir, again when it changes.
 * RFC 1035, 6891 (EDNS passes through), 5452 (random ids and source ports).
 */
#pragma once

#include "base/defs.h"

struct err;
struct strv;

struct network_dns;

struct network_dns_options {
	const char *state_dir;        /* of network_attach */
	int netns_fd;                 /* where to listen; borrowed; -1: in our own namespace */
	const struct strv *upstreams; /* addresses, IPv4 or IPv6; the first 3 count; may be empty */
	const char *address;          /* NULL: NETWORK_DNS */
	uint16_t port;                /* 0: 53 */
	uint16_t upstream_port;       /* 0: 53 */
	/* Two sockets of network_dns_listen, borrowed until the close; then netns_fd, address and
	 * port say nothing. Or NULL. */
	const int *listening;
};

/* Opens the sockets for a later network_dns_open, before the container's program runs: so its first
 * question waits in them. ret[0]: UDP, ret[1]: TCP or -1; the caller closes them. */
int network_dns_listen(int netns_fd, int ret[2], struct err *e);

/* The process must have one thread (setns there and back). NULL and e on failure. */
struct network_dns *network_dns_open(const struct network_dns_options *o, struct err *e);
void network_dns_close(struct network_dns *d);
DEFINE_CLEANUP(struct network_dns *, network_dns_close)
#define cleanup_network_dns cleanup(network_dns_close_cleanup)

/* One descriptor (epoll) for the caller's poll loop: readable means network_dns_step has work.
 * Timeouts come through it too. */
int network_dns_fd(const struct network_dns *d);
/* Handles what is ready, a bounded amount, and returns. Never blocks, never fails. */
void network_dns_step(struct network_dns *d);
