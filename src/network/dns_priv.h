/* What the resolver's files share: its state, the answer from our own names, upstream sockets. */
#pragma once

#include "base/defs.h"
#include "network/dns_packet.h"
#include "network/table_priv.h"

#include <sys/socket.h>
#include <time.h>

struct epoll_event;
struct err;

#define DNS_UPSTREAMS 3  /* as resolv.conf has them */
#define DNS_PENDING   32 /* questions on their way at once; then the oldest is given up */
#define DNS_STREAMS   8  /* TCP connections at once; then the oldest is closed */

struct dns_upstream {
	struct sockaddr_storage addr;
	socklen_t len;
};

/* A question that was sent on. */
struct dns_pending {
	int fd; /* connected to one upstream, on a port of its own; -1: free */
	uint8_t *query;
	size_t len;
	uint16_t id; /* of the client; the query carries another */
	struct sockaddr_in client;
	unsigned tries;
	int64_t since;
	int64_t deadline;
};

struct dns_stream; /* dns_tcp.c */

struct network_dns {
	int epoll;
	int timer;
	int udp;
	int tcp;       /* -1: not there */
	bool borrowed; /* these two are the caller's */
	char *state_dir;
	struct dns_upstream upstream[DNS_UPSTREAMS];
	size_t upstreams;
	struct dns_pending pending[DNS_PENDING];
	struct dns_stream *stream[DNS_STREAMS];
	struct table names;
	struct timespec names_time;
	ino_t names_inode;
	off_t names_size;
};

/* epoll's data: what woke us, and its place in its array. */
enum dns_source {
	DNS_SOURCE_TIMER,
	DNS_SOURCE_UDP,
	DNS_SOURCE_TCP,
	DNS_SOURCE_PENDING,
	DNS_SOURCE_CLIENT,
	DNS_SOURCE_UPSTREAM,
};
int dns_watch(struct network_dns *d, int fd, uint32_t events, enum dns_source source, size_t i,
	bool again);

/* Our own answer to a query, or 0: it is for the outside. */
size_t dns_answer_locally(
	struct network_dns *d, const uint8_t *p, size_t len, uint8_t out[DNS_ANSWER_MAX]);

/* Sets the timer for the earliest deadline of all. */
void dns_arm_timer(struct network_dns *d);

int dns_stream_listen(const char *address, uint16_t port, struct err *e);
void dns_stream_accept(struct network_dns *d);
void dns_stream_step(struct network_dns *d, size_t i, bool from_client, uint32_t events);
void dns_stream_close(struct network_dns *d, size_t i);
int64_t dns_stream_deadline(const struct dns_stream *s);
