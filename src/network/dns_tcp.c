/*
 * The resolver over TCP, which clients use when an answer was too long for UDP.
 * The first question decides: a name of ours is answered here; else the bytes go
 * both ways between the client and the first upstream until either ends.
 */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "network/dns_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define STREAM_NS (10 * CLOCK_NS_PER_S) /* the whole life of a connection */
#define LENGTH    2                     /* in front of every message */

/* Bytes on their way in one direction. */
struct pipe {
	uint8_t p[LENGTH + DNS_PACKET_MAX];
	size_t from;
	size_t len;
};

struct dns_stream {
	int client;
	int upstream; /* -1: none yet */
	bool connected;
	int64_t deadline;
	struct pipe in;  /* from the client */
	struct pipe out; /* to the client */
};

int64_t dns_stream_deadline(const struct dns_stream *s)
{
	return s->deadline;
}

void dns_stream_close(struct network_dns *d, size_t i)
{
	struct dns_stream *s = STEAL(d->stream[i]);
	if (!s)
		return;
	defs_close_cleanup(&s->client);
	defs_close_cleanup(&s->upstream);
	free(s);
}

int dns_stream_listen(const char *address, uint16_t port, struct err *e)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	int one = 1;
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return err_set(e, ERR_USAGE, "'%s' is not an IPv4 address", address);
	cleanup_fd int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_sys(e, "socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, DNS_STREAMS) < 0)
		return err_sys(e, "listen on %s:%u/tcp", address, port);
	return STEAL_FD(fd);
}

void dns_stream_accept(struct network_dns *d)
{
	cleanup_fd int fd = accept4(d->tcp, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return;
	size_t at = 0;
	for (size_t i = 0; i < DNS_STREAMS; i++) {
		if (!d->stream[i]) {
			at = i;
			break;
		}
		if (d->stream[i]->deadline < d->stream[at]->deadline)
			at = i;
	}
	dns_stream_close(d, at);
	struct dns_stream *s = mem_alloc(sizeof(*s));
	s->client = STEAL_FD(fd);
	s->upstream = -1;
	s->deadline = clock_monotonic() + STREAM_NS;
	d->stream[at] = s;
	if (dns_watch(d, s->client, EPOLLIN, DNS_SOURCE_CLIENT, at, false) < 0)
		dns_stream_close(d, at);
}

/* Reads what fits. False: the end, or an error. */
static bool fill(int fd, struct pipe *b)
{
	if (b->len == 0)
		b->from = 0;
	size_t end = b->from + b->len;
	if (end == sizeof(b->p))
		return true;
	ssize_t n = recv(fd, b->p + end, sizeof(b->p) - end, MSG_DONTWAIT);
	if (n > 0)
		b->len += (size_t)n;
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool drain(int fd, struct pipe *b)
{
	if (b->len == 0)
		return true;
	ssize_t n = send(fd, b->p + b->from, b->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		b->from += (size_t)n;
		b->len -= (size_t)n;
	}
	return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

static bool connect_upstream(struct network_dns *d, struct dns_stream *s, size_t i)
{
	const struct dns_upstream *u = &d->upstream[0];
	s->upstream = socket(u->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (s->upstream < 0)
		return false;
	if (connect(s->upstream, (const struct sockaddr *)&u->addr, u->len) < 0 &&
		errno != EINPROGRESS)
		return false;
	return dns_watch(d, s->upstream, EPOLLOUT, DNS_SOURCE_UPSTREAM, i, false) == 0;
}

/* While there is no upstream: whole questions, answered here or the reason to connect. */
static bool take_questions(struct network_dns *d, struct dns_stream *s, size_t i)
{
	while (s->upstream < 0 && s->in.len >= LENGTH) {
		const uint8_t *p = s->in.p + s->in.from;
		size_t len = (size_t)p[0] << 8 | p[1];
		if (len > DNS_PACKET_MAX || len < DNS_HEADER_SIZE)
			return false;
		if (s->in.len < LENGTH + len)
			break;
		uint8_t out[DNS_ANSWER_MAX];
		size_t n = dns_answer_locally(d, p + LENGTH, len, out);
		if (n == 0)
			return connect_upstream(d, s, i);
		if (s->out.len + LENGTH + n > sizeof(s->out.p))
			return false; /* asks and does not listen */
		memmove(s->out.p, s->out.p + s->out.from, s->out.len);
		s->out.from = 0;
		uint8_t *to = s->out.p + s->out.len;
		to[0] = (uint8_t)(n >> 8);
		to[1] = (uint8_t)n;
		memcpy(to + LENGTH, out, n);
		s->out.len += LENGTH + n;
		s->in.from += LENGTH + len;
		s->in.len -= LENGTH + len;
	}
	if (s->upstream < 0) { /* room for the rest of the next one */
		memmove(s->in.p, s->in.p + s->in.from, s->in.len);
		s->in.from = 0;
	}
	return true;
}

static bool has_room(const struct pipe *b)
{
	return b->len == 0 || b->from + b->len < sizeof(b->p);
}

static bool watch_again(struct network_dns *d, const struct dns_stream *s, size_t i)
{
	uint32_t client = (has_room(&s->in) ? EPOLLIN : 0U) | (s->out.len ? EPOLLOUT : 0U);
	if (dns_watch(d, s->client, client, DNS_SOURCE_CLIENT, i, true) < 0)
		return false;
	if (s->upstream < 0)
		return true;
	uint32_t up = (!s->connected || s->in.len ? EPOLLOUT : 0U) |
		      (s->connected && has_room(&s->out) ? EPOLLIN : 0U);
	return dns_watch(d, s->upstream, up, DNS_SOURCE_UPSTREAM, i, true) == 0;
}

static bool step_client(struct network_dns *d, struct dns_stream *s, size_t i, uint32_t events)
{
	if ((events & EPOLLOUT) && !drain(s->client, &s->out))
		return false;
	if (!(events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		return true;
	if (!fill(s->client, &s->in) || !take_questions(d, s, i))
		return false;
	return drain(s->client, &s->out);
}

static bool step_upstream(struct dns_stream *s, uint32_t events)
{
	if (events & EPOLLOUT) {
		s->connected = true;
		if (!drain(s->upstream, &s->in))
			return false;
	}
	if (events & (EPOLLIN | EPOLLHUP | EPOLLERR)) {
		bool more = fill(s->upstream, &s->out);
		return drain(s->client, &s->out) && more;
	}
	return true;
}

void dns_stream_step(struct network_dns *d, size_t i, bool from_client, uint32_t events)
{
	struct dns_stream *s = d->stream[i];
	if (!s)
		return;
	bool on = from_client ? step_client(d, s, i, events) : step_upstream(s, events);
	if (!on || !watch_again(d, s, i))
		dns_stream_close(d, i);
}
