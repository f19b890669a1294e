/*
 * The resolver's life: sockets, the event loop's step, questions over UDP that go
 * on to the host's nameservers. Messages: dns_packet.c; TCP: dns_tcp.c.
 */
#include "network/dns.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/random.h"
#include "base/strv.h"
#include "base/userns.h"
#include "network/dns_priv.h"
#include "network/host_priv.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define PORT_DNS   53
#define TIMEOUT_NS (2 * CLOCK_NS_PER_S) /* per upstream; glibc's client waits five */
#define ROUNDS     2
#define BATCH      16 /* events and messages of one step: the caller has other work */
#define EVENT_BITS 8

int dns_watch(struct network_dns *d, int fd, uint32_t events, enum dns_source source, size_t i,
	bool again)
{
	struct epoll_event ev = {.events = events, .data.u64 = i << EVENT_BITS | source};
	return epoll_ctl(d->epoll, again ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &ev) < 0 ? -errno : 0;
}

/* Reads the table again when it is another file or was changed. */
static void refresh_names(struct network_dns *d)
{
	cleanup_free char *path = mem_printf("%s/%s", d->state_dir, TABLE_FILE);
	struct stat st;
	if (stat(path, &st) < 0) {
		table_release(&d->names);
		d->names_inode = 0;
		return;
	}
	if (st.st_ino == d->names_inode && st.st_size == d->names_size &&
		st.st_mtim.tv_sec == d->names_time.tv_sec &&
		st.st_mtim.tv_nsec == d->names_time.tv_nsec)
		return;
	struct table t;
	if (table_load(d->state_dir, &t, NULL) < 0)
		return; /* the names that we had are better than none */
	table_release(&d->names);
	d->names = t;
	d->names_inode = st.st_ino;
	d->names_size = st.st_size;
	d->names_time = st.st_mtim;
}

static size_t answer_reverse(struct network_dns *d, const uint8_t *p, const struct dns_question *q,
	struct in_addr ip, uint8_t *out)
{
	for (size_t i = 0; i < d->names.n; i++) {
		const struct table_lease *l = &d->names.v[i];
		if (l->ip.s_addr == ip.s_addr)
			return dns_answer_name(
				p, q, l->name ? l->name : (l->hostname ? l->hostname : l->id), out);
	}
	if (d->names.bridge[0] && table_in_subnet(&d->names, ip))
		return dns_answer_code(p, q, DNS_NXDOMAIN, out);
	return 0;
}

static size_t answer_name(
	struct network_dns *d, const uint8_t *p, const struct dns_question *q, uint8_t *out)
{
	struct in_addr ips[DNS_ANSWERS_MAX];
	size_t n = 0, len = strlen(q->name);
	for (size_t i = 0; i < d->names.n && n < DNS_ANSWERS_MAX; i++)
		if (table_lease_is_named(&d->names.v[i], q->name, len))
			ips[n++] = d->names.v[i].ip;
	if (n == 0)
		return 0;
	bool address = q->type == DNS_TYPE_A || q->type == DNS_TYPE_ANY;
	return dns_answer_addresses(p, q, ips, address ? n : 0, out);
}

size_t dns_answer_locally(
	struct network_dns *d, const uint8_t *p, size_t len, uint8_t out[DNS_ANSWER_MAX])
{
	struct dns_question q;
	int r = dns_question_parse(p, len, &q);
	if (r == -ERR_UNSUPPORTED)
		return dns_answer_code(p, &q, DNS_NOTIMP, out);
	if (r < 0)
		return dns_answer_code(p, &q, DNS_FORMERR, out);
	refresh_names(d);
	struct in_addr ip;
	size_t n = 0;
	if (q.type == DNS_TYPE_PTR && dns_reverse_parse(q.name, &ip))
		n = answer_reverse(d, p, &q, ip, out);
	else if (!q.odd)
		n = answer_name(d, p, &q, out);
	if (n == 0 && d->upstreams == 0)
		n = dns_answer_code(p, &q, DNS_NXDOMAIN, out);
	return n;
}

static void forget(struct dns_pending *k)
{
	defs_close_cleanup(&k->fd);
	k->fd = -1;
	free(STEAL(k->query));
}

static void reply(struct network_dns *d, const struct dns_pending *k, const void *p, size_t len)
{
	sendto(d->udp, p, len, MSG_DONTWAIT | MSG_NOSIGNAL, (const struct sockaddr *)&k->client,
		sizeof(k->client));
}

static void give_up(struct network_dns *d, struct dns_pending *k)
{
	struct dns_question q;
	uint8_t out[DNS_ANSWER_MAX];
	memcpy(k->query, &k->id, sizeof(k->id));
	if (dns_question_parse(k->query, k->len, &q) == 0)
		reply(d, k, out, dns_answer_code(k->query, &q, DNS_SERVFAIL, out));
	forget(k);
}

/* Asks the next upstream, from a new port. When no one is left, the client hears SERVFAIL. */
static void send_on(struct network_dns *d, struct dns_pending *k)
{
	while (k->tries < d->upstreams * ROUNDS) {
		const struct dns_upstream *u = &d->upstream[k->tries++ % d->upstreams];
		defs_close_cleanup(&k->fd);
		k->fd = socket(u->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		if (k->fd < 0)
			continue;
		random_bytes(k->query, sizeof(k->id));
		if (connect(k->fd, (const struct sockaddr *)&u->addr, u->len) < 0 ||
			send(k->fd, k->query, k->len, MSG_NOSIGNAL) < 0 ||
			dns_watch(d, k->fd, EPOLLIN, DNS_SOURCE_PENDING, (size_t)(k - d->pending),
				false) < 0)
			continue;
		k->deadline = clock_monotonic() + TIMEOUT_NS;
		return;
	}
	give_up(d, k);
}

static struct dns_pending *find_room(struct network_dns *d)
{
	struct dns_pending *oldest = &d->pending[0];
	for (size_t i = 0; i < DNS_PENDING; i++) {
		if (!d->pending[i].query)
			return &d->pending[i];
		if (d->pending[i].since < oldest->since)
			oldest = &d->pending[i];
	}
	give_up(d, oldest);
	return oldest;
}

static void read_questions(struct network_dns *d)
{
	for (int i = 0; i < BATCH; i++) {
		uint8_t p[DNS_PACKET_MAX], out[DNS_ANSWER_MAX];
		struct sockaddr_in from;
		socklen_t from_len = sizeof(from);
		ssize_t len = recvfrom(
			d->udp, p, sizeof(p), MSG_DONTWAIT, (struct sockaddr *)&from, &from_len);
		if (len < 0)
			return;
		if (len < DNS_HEADER_SIZE || p[2] & 0x80)
			continue; /* noise, or an answer: answering it could go round for ever */
		size_t n = dns_answer_locally(d, p, (size_t)len, out);
		if (n) {
			sendto(d->udp, out, n, MSG_DONTWAIT | MSG_NOSIGNAL,
				(struct sockaddr *)&from, from_len);
			continue;
		}
		struct dns_pending *k = find_room(d);
		*k = (struct dns_pending){
			.fd = -1,
			.query = mem_dup(p, (size_t)len),
			.len = (size_t)len,
			.client = from,
			.since = clock_monotonic(),
		};
		memcpy(&k->id, p, sizeof(k->id));
		send_on(d, k);
	}
}

static void read_answer(struct network_dns *d, struct dns_pending *k)
{
	if (!k->query)
		return;
	uint8_t p[DNS_PACKET_MAX];
	ssize_t len = recv(k->fd, p, sizeof(p), MSG_DONTWAIT | MSG_TRUNC);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (len < 0) { /* nobody listens there */
		send_on(d, k);
		return;
	}
	if ((size_t)len > sizeof(p) || !dns_answer_matches(k->query, k->len, p, (size_t)len))
		return; /* not an answer to this: go on waiting */
	unsigned code = p[3] & 0xf;
	if ((code == DNS_SERVFAIL || code == 5) && k->tries < d->upstreams) {
		send_on(d, k); /* another one may know more */
		return;
	}
	memcpy(p, &k->id, sizeof(k->id));
	reply(d, k, p, (size_t)len);
	forget(k);
}

void dns_arm_timer(struct network_dns *d)
{
	int64_t first = INT64_MAX;
	for (size_t i = 0; i < DNS_PENDING; i++)
		if (d->pending[i].query)
			first = MIN(first, d->pending[i].deadline);
	for (size_t i = 0; i < DNS_STREAMS; i++)
		if (d->stream[i])
			first = MIN(first, dns_stream_deadline(d->stream[i]));
	struct itimerspec t = {0};
	if (first != INT64_MAX) {
		int64_t in = MAX(first - clock_monotonic(), 1);
		t.it_value.tv_sec = in / CLOCK_NS_PER_S;
		t.it_value.tv_nsec = in % CLOCK_NS_PER_S;
	}
	timerfd_settime(d->timer, 0, &t, NULL);
}

static void look_at_deadlines(struct network_dns *d)
{
	uint64_t ticks;
	if (read(d->timer, &ticks, sizeof(ticks)) < 0)
		return;
	int64_t now = clock_monotonic();
	for (size_t i = 0; i < DNS_PENDING; i++)
		if (d->pending[i].query && d->pending[i].deadline <= now)
			send_on(d, &d->pending[i]);
	for (size_t i = 0; i < DNS_STREAMS; i++)
		if (d->stream[i] && dns_stream_deadline(d->stream[i]) <= now)
			dns_stream_close(d, i);
}

void network_dns_step(struct network_dns *d)
{
	struct epoll_event ev[BATCH];
	int n = epoll_wait(d->epoll, ev, BATCH, 0);
	for (int i = 0; i < n; i++) {
		size_t at = ev[i].data.u64 >> EVENT_BITS;
		switch ((enum dns_source)(ev[i].data.u64 & ((1 << EVENT_BITS) - 1))) {
		case DNS_SOURCE_TIMER:
			look_at_deadlines(d);
			break;
		case DNS_SOURCE_UDP:
			read_questions(d);
			break;
		case DNS_SOURCE_TCP:
			dns_stream_accept(d);
			break;
		case DNS_SOURCE_PENDING:
			read_answer(d, &d->pending[at]);
			break;
		case DNS_SOURCE_CLIENT:
			dns_stream_step(d, at, true, ev[i].events);
			break;
		case DNS_SOURCE_UPSTREAM:
			dns_stream_step(d, at, false, ev[i].events);
			break;
		}
	}
	dns_arm_timer(d);
}

int network_dns_fd(const struct network_dns *d)
{
	return d->epoll;
}

struct listen {
	const char *address;
	uint16_t port;
	int udp;
	int tcp;
};

static int open_udp(const char *address, uint16_t port, struct err *e)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1)
		return err_set(e, ERR_USAGE, "'%s' is not an IPv4 address", address);
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "listen on %s:%u/udp", address, port);
	return STEAL_FD(fd);
}

static int open_listeners(void *arg, struct err *e)
{
	struct listen *l = arg;
	l->udp = open_udp(l->address, l->port, e);
	if (l->udp < 0)
		return l->udp;
	l->tcp = dns_stream_listen(l->address, l->port, NULL); /* long answers only: nice to have */
	return 0;
}

/* Where no way leads back from the other namespace (as an ordinary user's root there is none to the
 * host's), a child goes and sends the sockets. */
struct errand {
	struct listen *listen;
	int netns_fd, sock, other;
};

struct errand_answer {
	int result;
	struct err e;
};

static int errand_main(void *arg)
{
	struct errand *x = arg;
	struct errand_answer a = {.e = ERR_INIT};
	close(x->other);
	a.result = setns(x->netns_fd, CLONE_NEWNET) < 0
			   ? err_sys(&a.e, "enter the container's network namespace")
			   : open_listeners(x->listen, &a.e);
	int fds[] = {x->listen->udp, x->listen->tcp};
	size_t n = a.result < 0 ? 0 : 1 + (x->listen->tcp >= 0);
	return io_send_fds(x->sock, &a, sizeof(a), fds, n) < 0;
}

static int listen_by_child(int netns_fd, struct listen *l, struct err *e)
{
	int pair[2], fds[2] = {-1, -1};
	size_t n = 0;
	struct errand_answer a = {.result = -EIO};
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	cleanup_fd int ours = pair[0];
	cleanup_fd int theirs = pair[1];
	struct errand x = {l, netns_fd, theirs, ours};
	pid_t pid = proc_fork(errand_main, &x, NULL, e);
	if (pid < 0)
		return (int)pid;
	close(STEAL_FD(theirs));
	ssize_t got = io_recv_fds(ours, &a, sizeof(a), fds, ARRAY_SIZE(fds), &n);
	proc_wait(pid, NULL);
	if (got != (ssize_t)sizeof(a))
		return err_set(e, ERR_CHILD, "the process that opens the resolver's sockets ended");
	if (a.result < 0)
		return err_set(e, -a.result, "%s", a.e.msg);
	l->udp = fds[0];
	l->tcp = fds[1];
	return 0;
}

static int listen_in(int netns_fd, struct listen *l, struct err *e)
{
	return userns_owns_network() ? host_in_netns(netns_fd, open_listeners, l, e)
				     : listen_by_child(netns_fd, l, e);
}

int network_dns_listen(int netns_fd, int ret[2], struct err *e)
{
	struct listen l = {NETWORK_DNS, PORT_DNS, -1, -1};
	int r = listen_in(netns_fd, &l, e);
	if (r < 0)
		return err_wrap(e, r, "resolver");
	ret[0] = l.udp;
	ret[1] = l.tcp;
	return 0;
}

static int take_listeners(struct network_dns *d, const struct network_dns_options *o, struct err *e)
{
	struct listen l = {
		o->address ? o->address : NETWORK_DNS, o->port ? o->port : PORT_DNS, -1, -1};
	int r = 0;
	d->borrowed = o->listening != NULL;
	if (o->listening) {
		l.udp = o->listening[0];
		l.tcp = o->listening[1];
	} else if (o->netns_fd < 0) {
		r = open_listeners(&l, e);
	} else {
		r = listen_in(o->netns_fd, &l, e);
	}
	d->udp = l.udp;
	d->tcp = l.tcp;
	return r;
}

static void add_upstreams(struct network_dns *d, const struct network_dns_options *o)
{
	uint16_t port = htons(o->upstream_port ? o->upstream_port : PORT_DNS);
	for (size_t i = 0; o->upstreams && i < o->upstreams->n && d->upstreams < DNS_UPSTREAMS;
		i++) {
		struct dns_upstream *u = &d->upstream[d->upstreams];
		struct sockaddr_in *v4 = (struct sockaddr_in *)&u->addr;
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&u->addr;
		if (inet_pton(AF_INET, o->upstreams->v[i], &v4->sin_addr) == 1) {
			v4->sin_family = AF_INET;
			v4->sin_port = port;
			u->len = sizeof(*v4);
		} else if (inet_pton(AF_INET6, o->upstreams->v[i], &v6->sin6_addr) == 1) {
			v6->sin6_family = AF_INET6;
			v6->sin6_port = port;
			u->len = sizeof(*v6);
		} else {
			memset(u, 0, sizeof(*u));
			continue;
		}
		d->upstreams++;
	}
}

struct network_dns *network_dns_open(const struct network_dns_options *o, struct err *e)
{
	struct network_dns *d cleanup_network_dns = mem_alloc(sizeof(*d));
	for (size_t i = 0; i < DNS_PENDING; i++)
		d->pending[i].fd = -1;
	d->timer = d->udp = d->tcp = -1;
	d->state_dir = mem_strdup(o->state_dir);
	add_upstreams(d, o);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (d->epoll < 0 || d->timer < 0) {
		err_sys(e, "resolver: make an event loop");
		return NULL;
	}
	int r = take_listeners(d, o, e);
	if (r == 0)
		r = dns_watch(d, d->timer, EPOLLIN, DNS_SOURCE_TIMER, 0, false);
	if (r == 0)
		r = dns_watch(d, d->udp, EPOLLIN, DNS_SOURCE_UDP, 0, false);
	if (r == 0 && d->tcp >= 0)
		r = dns_watch(d, d->tcp, EPOLLIN, DNS_SOURCE_TCP, 0, false);
	if (r < 0) {
		err_set(e, -r, "resolver: watch its sockets");
		err_wrap(e, r, "resolver");
		return NULL;
	}
	return STEAL(d);
}

void network_dns_close(struct network_dns *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < DNS_PENDING; i++)
		forget(&d->pending[i]);
	for (size_t i = 0; i < DNS_STREAMS; i++)
		dns_stream_close(d, i);
	defs_close_cleanup(&d->epoll);
	defs_close_cleanup(&d->timer);
	if (!d->borrowed) {
		defs_close_cleanup(&d->udp);
		defs_close_cleanup(&d->tcp);
	}
	table_release(&d->names);
	free(d->state_dir);
	free(d);
}
