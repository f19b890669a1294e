/* The resolver: messages, and a live one between a client and a nameserver of this test. */
#include "../test.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/strv.h"
#include "network/dns.h"
#include "network/dns_packet.h"
#include "network/table_priv.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A query for name; returns its length. */
static size_t ask_for(uint8_t *p, uint16_t id, const char *name, uint16_t type, bool edns)
{
	uint8_t head[12] = {(uint8_t)(id >> 8), (uint8_t)id, 1, 0, 0, 1, 0, 0, 0, 0, 0, edns};
	memcpy(p, head, sizeof(head));
	size_t n = sizeof(head);
	while (*name) {
		size_t len = strcspn(name, ".");
		p[n++] = (uint8_t)len;
		memcpy(p + n, name, len);
		n += len;
		name += len + (name[len] == '.');
	}
	uint8_t tail[5] = {0, (uint8_t)(type >> 8), (uint8_t)type, 0, 1};
	memcpy(p + n, tail, sizeof(tail));
	n += sizeof(tail);
	if (edns) {
		static const uint8_t opt[11] = {0, 0, 41, 16, 0};
		memcpy(p + n, opt, sizeof(opt));
		n += sizeof(opt);
	}
	return n;
}

static void a_question_is_read(void **state)
{
	(void)state;
	uint8_t p[600];
	struct dns_question q;
	size_t n = ask_for(p, 0x1234, "web.Example.org", DNS_TYPE_A, true);
	assert_int_equal(dns_question_parse(p, n, &q), 0);
	assert_string_equal(q.name, "web.Example.org");
	assert_int_equal(q.id, 0x1234);
	assert_int_equal(q.type, DNS_TYPE_A);
	assert_true(q.edns);
	assert_true(q.recursion);
	for (size_t cut = 0; cut < n - 11; cut++)
		assert_int_equal(dns_question_parse(p, cut, &q), -ERR_FORMAT);
	p[2] |= 0x80;
	assert_int_equal(dns_question_parse(p, n, &q), -ERR_FORMAT);
	p[2] = 0x28;
	assert_int_equal(dns_question_parse(p, n, &q), -ERR_UNSUPPORTED);
	p[2] = 1;
	p[12] = 0xc0; /* a pointer */
	assert_int_equal(dns_question_parse(p, n, &q), -ERR_FORMAT);
}

static void names_have_a_longest_one(void **state)
{
	(void)state;
	char name[300];
	uint8_t p[600];
	struct dns_question q;
	for (size_t i = 0; i < 253; i++)
		name[i] = i % 50 == 49 ? '.' : 'a';
	name[253] = 0;
	size_t n = ask_for(p, 1, name, 1, false);
	assert_int_equal(dns_question_parse(p, n, &q), 0);
	assert_string_equal(q.name, name);
	memcpy(name + 253, "a", 2);
	n = ask_for(p, 1, name, 1, false);
	assert_int_equal(dns_question_parse(p, n, &q), -ERR_FORMAT);
	n = ask_for(p, 1, "", 1, false);
	assert_int_equal(dns_question_parse(p, n, &q), 0);
	assert_string_equal(q.name, "");
}

static void an_answer_holds_the_addresses(void **state)
{
	(void)state;
	uint8_t p[600], out[DNS_ANSWER_MAX];
	struct dns_question q;
	size_t n = ask_for(p, 7, "web", DNS_TYPE_A, false);
	assert_int_equal(dns_question_parse(p, n, &q), 0);
	struct in_addr ips[2];
	inet_pton(AF_INET, "10.87.0.2", &ips[0]);
	inet_pton(AF_INET, "10.87.0.3", &ips[1]);
	static const uint8_t want[] = {0, 7, 0x81, 0x80, 0, 1, 0, 2, 0, 0, 0, 0, 3, 'w', 'e', 'b',
		0, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 5, 0, 4, 10, 87, 0, 2, 0xc0, 12, 0, 1,
		0, 1, 0, 0, 0, 5, 0, 4, 10, 87, 0, 3};
	assert_int_equal(dns_answer_addresses(p, &q, ips, 2, out), sizeof(want));
	assert_memory_equal(out, want, sizeof(want));
	assert_true(dns_answer_matches(p, n, out, sizeof(want)));
	out[13] = 'W'; /* another case is the same name */
	assert_true(dns_answer_matches(p, n, out, sizeof(want)));
	out[13] = 'x';
	assert_false(dns_answer_matches(p, n, out, sizeof(want)));
	assert_false(dns_answer_matches(p, n, want, 12));
	/* many addresses for a long name: as many as fit */
	char name[254];
	memset(name, 'a', 253);
	for (size_t i = 50; i < 253; i += 50)
		name[i] = '.';
	name[253] = 0;
	struct in_addr many[DNS_ANSWERS_MAX] = {0};
	n = ask_for(p, 7, name, DNS_TYPE_A, true);
	assert_int_equal(dns_question_parse(p, n, &q), 0);
	size_t len = dns_answer_addresses(p, &q, many, DNS_ANSWERS_MAX, out);
	assert_true(len <= DNS_ANSWER_MAX);
	assert_int_equal(out[7], (len - 271 - 11) / 16);
}

static void reverse_names(void **state)
{
	(void)state;
	struct in_addr ip;
	assert_true(dns_reverse_parse("2.0.87.10.in-addr.ARPA", &ip));
	assert_int_equal(ntohl(ip.s_addr), 0x0a570002);
	assert_false(dns_reverse_parse("2.0.87.10.in-addr.arpa.x", &ip));
	assert_false(dns_reverse_parse("2.0.87.in-addr.arpa", &ip));
	assert_false(dns_reverse_parse("2.0.87.300.in-addr.arpa", &ip));
	assert_false(dns_reverse_parse("x", &ip));
}

/* A socket on 127.0.0.1 and the port that it got. */
static int listen_somewhere(int type, uint16_t *ret_port)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(a);
	a.sin_port = htons(*ret_port);
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0);
	int one = 1; /* another's connection from that port that has just ended is no hindrance */
	if (type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	if (type == SOCK_STREAM)
		assert_int_equal(listen(fd, 4), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin_port);
	struct timeval t = {.tv_sec = 3};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return fd;
}

struct live {
	char dir[64];
	uint16_t port;
	uint16_t up_port;
	int up;     /* the nameserver's socket */
	int client; /* connected to the resolver */
	struct network_dns *d;
};

static int connect_to(int type, uint16_t port)
{
	struct sockaddr_in a = {.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	struct timeval t = {.tv_sec = 3};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	return fd;
}

static void write_names(struct live *l, const char *name)
{
	struct table t cleanup_table = {0};
	assert_int_equal(table_load(l->dir, &t, NULL), 0);
	while (t.n)
		table_remove(&t, &t.v[0]);
	snprintf(t.bridge, sizeof(t.bridge), "kist0");
	inet_pton(AF_INET, "10.87.0.0", &t.subnet);
	t.prefix = 16;
	struct table_lease one = {.id = strdup("0123456789abcdef"),
		.name = strdup(name),
		.aliases = strdup("www,api"),
		.veth = "kv"};
	inet_pton(AF_INET, "10.87.0.2", &one.ip);
	table_add(&t, &one);
	assert_int_equal(table_save(l->dir, &t, NULL), 0);
}

static void live_open(struct live *l)
{
	struct err e = ERR_INIT;
	snprintf(l->dir, sizeof(l->dir), "/tmp/kist-test-dns-XXXXXX");
	assert_non_null(mkdtemp(l->dir));
	write_names(l, "web");
	l->up_port = l->port = 0;
	l->up = listen_somewhere(SOCK_DGRAM, &l->up_port);
	int probe = listen_somewhere(SOCK_DGRAM, &l->port);
	close(probe);
	struct strv up cleanup_strv = STRV_INIT;
	strv_add(&up, "127.0.0.1");
	struct network_dns_options o = {.state_dir = l->dir,
		.netns_fd = -1,
		.upstreams = &up,
		.address = "127.0.0.1",
		.port = l->port,
		.upstream_port = l->up_port};
	l->d = network_dns_open(&o, &e);
	if (!l->d)
		print_error("%s\n", e.msg);
	assert_non_null(l->d);
	l->client = connect_to(SOCK_DGRAM, l->port);
}

static void live_close(struct live *l)
{
	network_dns_close(l->d);
	close(l->client);
	close(l->up);
	file_remove_tree(AT_FDCWD, l->dir, NULL);
}

/* Lets the resolver work until fd can be read, three seconds at most. */
static bool run_until(struct live *l, int fd)
{
	int64_t end = clock_monotonic() + 3 * CLOCK_NS_PER_S;
	while (clock_monotonic() < end) {
		struct pollfd p[2] = {{fd, POLLIN, 0}, {network_dns_fd(l->d), POLLIN, 0}};
		poll(p, 2, 100);
		if (p[0].revents)
			return true;
		if (p[1].revents)
			network_dns_step(l->d);
	}
	return false;
}

static ssize_t exchange(struct live *l, const char *name, uint16_t type, uint8_t *answer)
{
	uint8_t p[600];
	size_t n = ask_for(p, 0x55aa, name, type, false);
	assert_int_equal(send(l->client, p, n, 0), n);
	if (!run_until(l, l->client))
		return -1;
	return recv(l->client, answer, 600, 0);
}

static void our_names_are_answered_here(void **state)
{
	(void)state;
	struct live l;
	uint8_t a[600];
	live_open(&l);
	static const char *const names[] = {"web", "WEB", "www", "api", "0123456789ab"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		ssize_t n = exchange(&l, names[i], DNS_TYPE_A, a);
		assert_true(n > 16);
		assert_int_equal(a[7], 1);
		static const uint8_t ip[] = {10, 87, 0, 2};
		assert_memory_equal(a + n - 4, ip, 4);
	}
	assert_true(exchange(&l, "web", DNS_TYPE_AAAA, a) > 0);
	assert_int_equal(a[3] & 0xf, DNS_NOERROR);
	assert_int_equal(a[7], 0);
	ssize_t n = exchange(&l, "2.0.87.10.in-addr.arpa", DNS_TYPE_PTR, a);
	assert_memory_equal(a + n - 5, "\3web", 5);
	assert_true(exchange(&l, "9.9.87.10.in-addr.arpa", DNS_TYPE_PTR, a) > 0);
	assert_int_equal(a[3] & 0xf, DNS_NXDOMAIN);
	/* a new name is known at once, the old one forgotten: it goes to the outside */
	write_names(&l, "fresh");
	assert_true(exchange(&l, "fresh", DNS_TYPE_A, a) > 0);
	assert_int_equal(a[7], 1);
	uint8_t p[600];
	size_t len = ask_for(p, 1, "web", DNS_TYPE_A, false);
	assert_int_equal(send(l.client, p, len, 0), len);
	assert_true(run_until(&l, l.up));
	live_close(&l);
}

static void the_rest_goes_to_the_nameserver(void **state)
{
	(void)state;
	struct live l;
	uint8_t p[600], got[600], a[600];
	live_open(&l);
	size_t n = ask_for(p, 0x0102, "example.org", DNS_TYPE_A, false);
	assert_int_equal(send(l.client, p, n, 0), n);
	assert_true(run_until(&l, l.up));
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	assert_int_equal(recvfrom(l.up, got, sizeof(got), 0, (struct sockaddr *)&from, &len), n);
	assert_memory_equal(got + 2, p + 2, n - 2);
	/* a forged answer (another id, another question) is not believed */
	memcpy(a, got, n);
	a[2] |= 0x80;
	a[0] ^= 1;
	sendto(l.up, a, n, 0, (struct sockaddr *)&from, len);
	a[0] ^= 1;
	a[13] ^= 1;
	sendto(l.up, a, n, 0, (struct sockaddr *)&from, len);
	a[13] ^= 1;
	a[3] = 0x80;
	a[n] = 0x77;
	sendto(l.up, a, n + 1, 0, (struct sockaddr *)&from, len);
	assert_true(run_until(&l, l.client));
	assert_int_equal(recv(l.client, got, sizeof(got), 0), n + 1);
	assert_int_equal(got[0], 1);
	assert_int_equal(got[1], 2);
	assert_int_equal(got[n], 0x77);
	live_close(&l);
}

static void a_dead_nameserver_ends_in_servfail(void **state)
{
	(void)state;
	struct live l;
	uint8_t a[600];
	live_open(&l);
	close(l.up);
	l.up = -1;
	assert_true(exchange(&l, "example.org", DNS_TYPE_A, a) > 0);
	assert_int_equal(a[3] & 0xf, DNS_SERVFAIL);
	assert_int_equal(a[0], 0x55);
	assert_int_equal(a[1], 0xaa);
	live_close(&l);
}

static void noise_is_survived(void **state)
{
	(void)state;
	struct live l;
	uint8_t a[600];
	live_open(&l);
	for (int i = 0; i < 200; i++) {
		uint8_t p[64];
		memset(p, i, sizeof(p));
		assert_true(send(l.client, p, (size_t)(i % 64), 0) >= 0);
		network_dns_step(l.d);
		while (recv(l.client, a, sizeof(a), MSG_DONTWAIT) >= 0)
			;
	}
	assert_true(exchange(&l, "web", DNS_TYPE_A, a) > 0);
	live_close(&l);
}

static void long_answers_come_over_tcp(void **state)
{
	(void)state;
	struct live l;
	uint8_t p[600], got[5000];
	live_open(&l);
	int up = listen_somewhere(SOCK_STREAM, &l.up_port);
	int c = connect_to(SOCK_STREAM, l.port);
	/* ours, in two pieces; then one for the outside */
	size_t n = ask_for(p + 2, 9, "web", DNS_TYPE_A, false);
	p[0] = 0;
	p[1] = (uint8_t)n;
	assert_int_equal(send(c, p, 5, 0), 5);
	for (int i = 0; i < 20; i++) {
		network_dns_step(l.d);
		usleep(500);
	}
	assert_int_equal(send(c, p + 5, n - 3, 0), n - 3);
	assert_true(run_until(&l, c));
	assert_int_equal(recv(c, got, sizeof(got), 0), 2 + n + 16);
	n = ask_for(p + 2, 10, "example.org", DNS_TYPE_A, false);
	p[1] = (uint8_t)n;
	assert_int_equal(send(c, p, n + 2, 0), n + 2);
	assert_true(run_until(&l, up));
	int s = accept(up, NULL, NULL);
	assert_true(run_until(&l, s));
	assert_int_equal(recv(s, got, sizeof(got), 0), n + 2);
	assert_memory_equal(got, p, n + 2);
	static uint8_t big[60000];
	memset(big, 7, sizeof(big));
	assert_int_equal(send(s, big, sizeof(big), 0), sizeof(big));
	size_t total = 0;
	while (total < sizeof(big) && run_until(&l, c)) {
		ssize_t k = recv(c, got, sizeof(got), 0);
		assert_true(k > 0);
		total += (size_t)k;
	}
	assert_int_equal(total, sizeof(big));
	close(s), close(c), close(up);
	for (int i = 0; i < 5; i++)
		network_dns_step(l.d);
	live_close(&l);
}

/* A network of its own, where it may be had: on a busy host a port that is free for UDP is often
 * taken for TCP. */
static int own_network(void **state)
{
	struct ifreq lo = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	if (unshare(CLONE_NEWNET) < 0)
		return 0;
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int r = fd < 0 ? -1 : ioctl(fd, SIOCSIFFLAGS, &lo);
	close(fd);
	return r;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_question_is_read),
		cmocka_unit_test(names_have_a_longest_one),
		cmocka_unit_test(an_answer_holds_the_addresses),
		cmocka_unit_test(reverse_names),
		cmocka_unit_test(our_names_are_answered_here),
		cmocka_unit_test(the_rest_goes_to_the_nameserver),
		cmocka_unit_test(a_dead_nameserver_ends_in_servfail),
		cmocka_unit_test(noise_is_survived),
		cmocka_unit_test(long_answers_come_over_tcp),
	};
	return cmocka_run_group_tests(tests, own_network, NULL);
}
