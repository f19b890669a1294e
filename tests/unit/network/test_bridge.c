/*
 * The bridge for real: containers are network namespaces, their services and clients
 * little programs of this test. Needs root; the machine's own network is not touched.
 * One long file: all cases live in the one world of namespaces that it builds.
 */
#include "netns.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/strv.h"
#include "network/bridge.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

struct world {
	char dir[64]; /* state_dir */
	int outside;
};

static int set_up(void **state)
{
	static struct world w;
	*state = &w;
	if (netns_missing())
		return 0;
	snprintf(w.dir, sizeof(w.dir), "/tmp/kist-test-net-XXXXXX");
	assert_non_null(mkdtemp(w.dir));
	w.outside = netns_make_host();
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;
	if (netns_missing())
		return 0;
	file_remove_tree(AT_FDCWD, w->dir, NULL);
	close(w->outside);
	return 0;
}

static bool only_b_lives(const char *id, void *arg)
{
	(void)arg;
	return strcmp(id, "b") == 0;
}

static bool nobody_lives(const char *id, void *arg)
{
	(void)id;
	(void)arg;
	return false;
}

/* after each test, so that a failed one does not take the next with it */
static int forget_all(void **state)
{
	struct world *w = *state;
	if (!netns_missing())
		network_sweep(w->dir, nobody_lives, NULL, NULL);
	return 0;
}

#define NEED_NETNS()                                           \
	do {                                                   \
		const char *missing_ = netns_missing();        \
		if (missing_) {                                \
			print_message("SKIP: %s\n", missing_); \
			skip();                                \
		}                                              \
	} while (0)

/* A service in a namespace: answers every TCP connection, or UDP packet, with its own name. */
static pid_t serve(int netns, const char *ip, int port, int type, const char *name)
{
	int ready[2];
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid)
		goto wait;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (setns(netns, CLONE_NEWNET) < 0)
		_exit(1);
	int fd = socket(AF_INET, type, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, ip, &a.sin_addr);
	if (bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		(type == SOCK_STREAM && listen(fd, 8) < 0))
		_exit(2);
	if (write(ready[1], "x", 1) != 1)
		_exit(3);
	for (;;) {
		struct sockaddr_in from;
		socklen_t len = sizeof(from);
		char text[128], peer[INET_ADDRSTRLEN];
		int c = fd;
		if (type == SOCK_STREAM)
			c = accept(fd, (struct sockaddr *)&from, &len);
		else if (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&from, &len) < 0)
			_exit(4);
		inet_ntop(AF_INET, &from.sin_addr, peer, sizeof(peer));
		int n = snprintf(text, sizeof(text), "%s saw %s", name, peer);
		if (sendto(c, text, (size_t)n, MSG_NOSIGNAL,
			    type == SOCK_STREAM ? NULL : (struct sockaddr *)&from,
			    type == SOCK_STREAM ? 0 : len) < 0)
			_exit(5);
		if (type == SOCK_STREAM)
			close(c);
	}
wait:;
	char c;
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return pid;
}

static void stop(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static int ask_child(const char *ip, int port, int type, int out)
{
	int fd = socket(AF_INET, type, 0);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, ip, &a.sin_addr);
	struct timeval t = {.tv_usec = 600000};
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
	char text[128];
	if (connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0 ||
		(type == SOCK_DGRAM && send(fd, "?", 1, 0) < 0))
		return 1;
	ssize_t n = recv(fd, text, sizeof(text), 0);
	return n > 0 && write(out, text, (size_t)n) == n ? 0 : 1;
}

/* Asks a service from a namespace (-1: the host); "" when nothing answers. */
static const char *ask(int netns, const char *ip, int port, int type)
{
	static char answer[128];
	int p[2];
	assert_int_equal(pipe2(p, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(netns >= 0 && setns(netns, CLONE_NEWNET) < 0
				? 1
				: ask_child(ip, port, type, p[1]));
	close(p[1]);
	ssize_t n = read(p[0], answer, sizeof(answer) - 1);
	answer[n > 0 ? n : 0] = 0;
	close(p[0]);
	waitpid(pid, NULL, 0);
	return answer;
}

static bool link_exists(const char *name)
{
	char line[128];
	snprintf(line, sizeof(line), "ip link show %s", name);
	return netns_run(-1, line, NULL, 0) == 0;
}

static bool nft_has(const char *what)
{
	char out[16384];
	if (netns_run(-1, "nft list ruleset", out, sizeof(out)) != 0)
		return false;
	return strstr(out, what) != NULL;
}

static char read_forward(void)
{
	char c = 0;
	int fd = open("/proc/sys/net/ipv4/ip_forward", O_RDONLY | O_CLOEXEC);
	assert_int_equal(read(fd, &c, 1), 1);
	close(fd);
	return c;
}

static void a_container_reaches_out_and_is_reached(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	struct network_ports ports cleanup_network_ports = NETWORK_PORTS_INIT;
	assert_ok(network_port_parse("8080:80", &ports, &e), &e);
	assert_ok(network_port_parse("127.0.0.1:8081:80", &ports, &e), &e);
	assert_ok(network_port_parse("5353:53/udp", &ports, &e), &e);
	assert_ok(network_port_parse("81", &ports, &e), &e);
	int one = netns_new(), two = netns_new();
	char before = read_forward();

	struct network_options o = {.state_dir = w->dir,
		.container_id = "one",
		.netns_fd = one,
		.name = "web",
		.ports = ports.v,
		.nports = ports.n};
	struct network_result r cleanup_network_result = {0};
	assert_ok(network_attach(&o, &r, &e), &e);
	assert_string_equal(r.ip, "10.87.0.2");
	assert_string_equal(r.gateway, "10.87.0.1");
	assert_string_equal(r.mac, "02:6b:0a:57:00:02");
	assert_int_equal(r.mtu, 1400);
	assert_int_equal(r.ports.n, 4);
	assert_true(r.ports.v[3].host_port >= 49153);
	struct network_options o2 = {.state_dir = w->dir, .container_id = "two", .netns_fd = two};
	struct network_result r2 cleanup_network_result = {0};
	assert_ok(network_attach(&o2, &r2, &e), &e);
	assert_int_equal(read_forward(), '1');

	pid_t web = serve(one, "0.0.0.0", 80, SOCK_STREAM, "web");
	pid_t alt = serve(one, "0.0.0.0", 81, SOCK_STREAM, "alt");
	pid_t dns = serve(one, "0.0.0.0", 53, SOCK_DGRAM, "dns");
	pid_t out = serve(w->outside, OUTSIDE_IP, 80, SOCK_STREAM, "outside");
	pid_t secret = serve(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "127.0.0.1", 99,
		SOCK_STREAM, "secret");

	/* through every door */
	assert_string_equal(ask(-1, "127.0.0.1", 8080, SOCK_STREAM), "web saw 10.87.0.1");
	assert_string_equal(ask(-1, "127.0.0.1", 8081, SOCK_STREAM), "web saw 10.87.0.1");
	assert_string_equal(ask(-1, HOST_IP, 8080, SOCK_STREAM), "web saw " HOST_IP);
	assert_string_equal(ask(-1, "10.87.0.2", 80, SOCK_STREAM), "web saw 10.87.0.1");
	assert_string_equal(
		ask(-1, "127.0.0.1", r.ports.v[3].host_port, SOCK_STREAM), "alt saw 10.87.0.1");
	assert_string_equal(ask(-1, "127.0.0.1", 5353, SOCK_DGRAM), "dns saw 10.87.0.1");
	assert_string_equal(ask(w->outside, HOST_IP, 8080, SOCK_STREAM), "web saw " OUTSIDE_IP);
	assert_string_equal(ask(w->outside, HOST_IP, 5353, SOCK_DGRAM), "dns saw " OUTSIDE_IP);
	/* a neighbour; a neighbour and oneself through the host */
	assert_string_equal(ask(two, "10.87.0.2", 80, SOCK_STREAM), "web saw 10.87.0.3");
	assert_string_equal(ask(two, HOST_IP, 8080, SOCK_STREAM), "web saw 10.87.0.1");
	assert_string_equal(ask(one, HOST_IP, 8080, SOCK_STREAM), "web saw 10.87.0.1");
	/* the way out, under the host's address */
	assert_string_equal(ask(two, OUTSIDE_IP, 80, SOCK_STREAM), "outside saw " HOST_IP);
	/* what must stay closed */
	assert_string_equal(ask(w->outside, HOST_IP, 8081, SOCK_STREAM), "");
	netns_run(w->outside, "ip route add 10.87.0.0/16 via " HOST_IP, NULL, 0);
	assert_string_equal(ask(w->outside, "10.87.0.2", 81, SOCK_STREAM), "");
	assert_int_equal(netns_run(two,
				 "ip rule add pref 1 table local && ip route add 127.0.0.0/8 via "
				 "10.87.0.1 src 10.87.0.3 table 9 && ip rule add pref 0 table 9 && "
				 "ip rule del pref 0 table local && "
				 "echo 1 >/proc/sys/net/ipv4/conf/eth0/route_localnet",
				 NULL, 0),
		0);
	assert_string_equal(ask(two, "127.0.0.1", 99, SOCK_STREAM), "");

	stop(web), stop(alt), stop(dns), stop(out), stop(secret);
	close(one);
	assert_ok(network_detach(w->dir, "one", 0, &e), &e);
	assert_true(link_exists("kist0"));
	assert_false(nft_has("8080"));
	close(two);
	assert_ok(network_detach(w->dir, "two", 0, &e), &e);
	assert_ok(network_detach(w->dir, "two", 0, &e), &e);
	assert_false(link_exists("kist0"));
	assert_false(nft_has("kist0"));
	assert_int_equal(read_forward(), before);
}

static void the_rules_read_as_documented(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	char out[8192];
	if (netns_run(-1, "nft --version", out, sizeof(out)) != 0)
		skip();
	struct network_ports ports cleanup_network_ports = NETWORK_PORTS_INIT;
	assert_ok(network_port_parse("8080:80", &ports, &e), &e);
	assert_ok(network_port_parse("127.0.0.1:53:5300/udp", &ports, &e), &e);
	int ns = netns_new();
	struct network_options o = {.state_dir = w->dir,
		.container_id = "c",
		.netns_fd = ns,
		.ip = "10.87.7.7",
		.ports = ports.v,
		.nports = ports.n};
	struct network_result r cleanup_network_result = {0};
	assert_ok(network_attach(&o, &r, &e), &e);
	assert_int_equal(netns_run(-1, "nft -y list table ip kist0", out, sizeof(out)), 0);
	static const char *const lines[] = {
		"elements = { tcp . 8080 : 10.87.7.7 . 80 }",
		"elements = { udp . 127.0.0.1 . 53 : 10.87.7.7 . 5300 }",
		"type filter hook prerouting priority -300; policy accept;",
		"iifname \"kist0\" ip daddr 127.0.0.0/8 drop",
		"type nat hook prerouting priority -100; policy accept;",
		"type nat hook output priority -100; policy accept;",
		"fib daddr type local dnat ip to meta l4proto . th dport map @ports",
		"fib daddr type local dnat ip to meta l4proto . ip daddr . th dport map @ports_on",
		"type filter hook forward priority 0; policy accept;",
		"iifname \"kist0\" accept",
		"oifname \"kist0\" ct state established,related accept",
		"oifname \"kist0\" ct status dnat accept",
		"oifname \"kist0\" drop",
		"type nat hook postrouting priority 100; policy accept;",
		"oifname != \"kist0\" ip saddr 10.87.0.0/16 masquerade",
		"oifname \"kist0\" ip saddr 127.0.0.0/8 masquerade",
		"oifname \"kist0\" ip saddr 10.87.0.0/16 ct status dnat masquerade",
	};
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		assert_contains(out, lines[i]);
	close(ns);
	assert_ok(network_detach(w->dir, "c", 0, &e), &e);
}

static int attach_simple(struct world *w, const char *id, int ns, const char *port, struct err *e)
{
	struct network_ports ports cleanup_network_ports = NETWORK_PORTS_INIT;
	if (port)
		assert_int_equal(network_port_parse(port, &ports, e), 0);
	struct network_options o = {.state_dir = w->dir,
		.container_id = id,
		.netns_fd = ns,
		.ports = ports.v,
		.nports = ports.n};
	struct network_result r cleanup_network_result = {0};
	return network_attach(&o, &r, e);
}

static int count_lease(const struct network_lease *l, void *arg)
{
	(void)l;
	++*(int *)arg;
	return 0;
}

static int count_leases(struct world *w)
{
	int n = 0;
	assert_int_equal(network_list(w->dir, count_lease, &n, NULL), 0);
	return n;
}

static void a_taken_port_is_refused_by_name(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int a = netns_new(), b = netns_new();
	assert_ok(attach_simple(w, "a", a, "8080:80", &e), &e);
	assert_int_equal(attach_simple(w, "b", b, "127.0.0.1:8080:80", &e), -ERR_IN_USE);
	assert_contains(e.msg, "8080");
	assert_contains(e.msg, "container 'a'");
	pid_t other = serve(open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC), "0.0.0.0", 9090,
		SOCK_STREAM, "other");
	err_clear(&e);
	assert_int_equal(attach_simple(w, "b", b, "9090:80", &e), -ERR_IN_USE);
	char who[80];
	snprintf(who, sizeof(who), "9090/tcp is in use on the host by network-test_br (process %d)",
		(int)other);
	assert_contains(e.msg, who);
	err_clear(&e);
	assert_int_equal(attach_simple(w, "b", b, "203.0.113.9:9091:80", &e), -ERR_USAGE);
	/* a range goes past the taken one; the same port of another protocol is free */
	err_clear(&e);
	assert_ok(attach_simple(w, "b", b, "9090-9092:80", &e), &e);
	int c = netns_new();
	assert_ok(attach_simple(w, "c", c, "8080:80/udp", &e), &e);
	assert_int_equal(count_leases(w), 3);
	stop(other);
	close(a), close(b), close(c);
	assert_ok(network_detach(w->dir, "a", 0, &e), &e);
	assert_ok(network_detach(w->dir, "b", 0, &e), &e);
	assert_ok(network_detach(w->dir, "c", 0, &e), &e);
	assert_false(link_exists("kist0"));
}

static void a_failed_first_attach_leaves_nothing(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int ns = netns_new();
	struct network_options o = {
		.state_dir = w->dir, .container_id = "x", .netns_fd = ns, .ip = "10.99.0.2"};
	struct network_result r cleanup_network_result = {0};
	assert_int_equal(network_attach(&o, &r, &e), -ERR_USAGE);
	assert_contains(e.msg, "10.99.0.2");
	assert_false(link_exists("kist0"));
	assert_false(nft_has("kist0"));
	assert_int_equal(netns_run(ns, "ip link show eth0", NULL, 0), 1);
	err_clear(&e);
	o.ip = NULL;
	o.container_id = "no/slash";
	assert_int_equal(network_attach(&o, &r, &e), -ERR_USAGE);
	close(ns);
}

static void fixed_address_and_mac(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int ns = netns_new(), other = netns_new();
	struct network_options o = {.state_dir = w->dir,
		.container_id = "x",
		.netns_fd = ns,
		.ip = "10.200.1.77",
		.mac = "02:00:00:00:00:07",
		.subnet = "10.200.1.0/24",
		.bridge = "mybr",
		.iface = "net7"};
	struct network_result r cleanup_network_result = {0};
	assert_ok(network_attach(&o, &r, &e), &e);
	assert_string_equal(r.ip, "10.200.1.77");
	char out[2048];
	netns_run(ns, "ip addr show net7; ip route", out, sizeof(out));
	assert_contains(out, "10.200.1.77/24");
	assert_contains(out, "02:00:00:00:00:07");
	assert_contains(out, "default via 10.200.1.1");
	o.container_id = "y";
	o.netns_fd = other;
	assert_int_equal(network_attach(&o, &r, &e), -ERR_IN_USE);
	close(ns), close(other);
	assert_ok(network_detach(w->dir, "x", 0, &e), &e);
	assert_false(link_exists("mybr"));
}

static void a_used_subnet_is_passed_over(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int ns = netns_new();
	netns_run(-1, "ip route add 10.87.3.0/24 via " OUTSIDE_IP, NULL, 0);
	struct network_options o = {.state_dir = w->dir, .container_id = "x", .netns_fd = ns};
	struct network_result r cleanup_network_result = {0};
	assert_ok(network_attach(&o, &r, &e), &e);
	assert_true(str_starts(r.ip, "10.88.0."));
	close(ns);
	assert_ok(network_detach(w->dir, "x", 0, &e), &e);
	netns_run(-1, "ip route del 10.87.3.0/24", NULL, 0);
}

static void two_state_directories_are_two_networks(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	char dir[80];
	snprintf(dir, sizeof(dir), "%s/second", w->dir);
	int a = netns_new(), b = netns_new();
	assert_ok(attach_simple(w, "a", a, NULL, &e), &e);
	struct network_options o = {.state_dir = dir, .container_id = "a", .netns_fd = b};
	struct network_result r cleanup_network_result = {0};
	assert_ok(network_attach(&o, &r, &e), &e);
	assert_string_equal(r.bridge, "kist1");
	assert_true(str_starts(r.ip, "10.88.0."));
	close(a), close(b);
	assert_ok(network_detach(w->dir, "a", 0, &e), &e);
	assert_true(link_exists("kist1"));
	assert_ok(network_detach(dir, "a", 0, &e), &e);
	assert_false(link_exists("kist1"));
}

static void a_sweep_takes_the_dead(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int a = netns_new(), b = netns_new();
	assert_ok(attach_simple(w, "a", a, "8080:80", &e), &e);
	assert_ok(attach_simple(w, "b", b, "8081:80", &e), &e);
	assert_int_equal(network_sweep(w->dir, only_b_lives, NULL, &e), 1);
	assert_int_equal(count_leases(w), 1);
	assert_false(nft_has("8080"));
	assert_true(nft_has("8081"));
	/* somebody flushed all rules and removed the bridge: what is left goes all the same */
	netns_run(-1, "nft flush ruleset; ip link del kist0", NULL, 0);
	assert_int_equal(network_sweep(w->dir, nobody_lives, NULL, &e), 1);
	assert_int_equal(network_sweep(w->dir, nobody_lives, NULL, &e), 0);
	close(a), close(b);
}

static void state_of_another_boot_is_nothing(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	char path[80];
	snprintf(path, sizeof(path), "%s/table", w->dir);
	static const char text[] =
		"kist-network 1 some-other-boot kist0 10.87.0.0 16 1500 0 10.87.0.9 7\n"
		"10.87.0.2 old - - - 02:00:00:00:00:01 kv0a570002 6/0.0.0.0/8080/80\n";
	assert_ok(file_write(AT_FDCWD, path, text, sizeof(text) - 1, 0644, 0, &e), &e);
	assert_int_equal(count_leases(w), 0);
	int ns = netns_new();
	assert_ok(attach_simple(w, "new", ns, "8080:80", &e), &e);
	close(ns);
	assert_ok(network_detach(w->dir, "new", 0, &e), &e);
}

static void a_lingering_network_goes_by_itself(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	for (int i = 0; i < 3; i++) {
		int ns = netns_new();
		assert_ok(attach_simple(w, "x", ns, "8080:80", &e), &e);
		close(ns);
		assert_ok(network_detach(w->dir, "x", NETWORK_LINGER, &e), &e);
		assert_true(link_exists("kist0"));
		assert_false(nft_has("8080"));
	}
	int tries = 0;
	while (link_exists("kist0") && tries++ < 100)
		usleep(20000);
	assert_false(link_exists("kist0"));
	assert_false(nft_has("kist0"));
	while (waitpid(-1, NULL, 0) > 0)
		;
	assert_int_equal(network_sweep(w->dir, nobody_lives, NULL, &e), 0);
}

static void a_lingering_network_goes_without_its_directory(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int ns = netns_new();
	assert_ok(attach_simple(w, "x", ns, "8080:80", &e), &e);
	close(ns);
	assert_ok(network_detach(w->dir, "x", NETWORK_LINGER, &e), &e);
	assert_ok(file_remove_tree(AT_FDCWD, w->dir, &e), &e);
	int tries = 0;
	while (link_exists("kist0") && tries++ < 100)
		usleep(20000);
	assert_false(link_exists("kist0"));
	assert_false(nft_has("kist0"));
	while (waitpid(-1, NULL, 0) > 0)
		;
}

/* The kernel takes devices of dead namespaces away in its own time. */
static void wait_for_veths(void)
{
	netns_run(-1,
		"i=0; while ip -br link | grep -q ^kv && [ $i -lt 200 ]; do sleep 0.02; "
		"i=$((i+1)); done",
		NULL, 0);
}

static void who_was_never_detached_is_forgotten(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int a = netns_new(), b = netns_new();
	assert_ok(attach_simple(w, "a", a, "8080:80", &e), &e);
	close(a); /* killed, with everybody who could have said so */
	wait_for_veths();
	assert_ok(attach_simple(w, "b", b, "8080:80", &e), &e);
	assert_int_equal(count_leases(w), 1);
	close(b);
	assert_ok(network_detach(w->dir, "b", 0, &e), &e);
	assert_false(link_exists("kist0"));
}

static void a_bridge_of_nobody_is_taken_away(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	char dir[80];
	snprintf(dir, sizeof(dir), "%s/second", w->dir);
	int a = netns_new(), b = netns_new();
	struct network_options o = {.state_dir = dir, .container_id = "a", .netns_fd = a};
	struct network_result r cleanup_network_result = {0};
	assert_ok(network_attach(&o, &r, &e), &e);
	assert_string_equal(r.bridge, "kist0");
	assert_ok(file_remove_tree(AT_FDCWD, dir, &e), &e);
	/* somebody is still plugged in: it stays */
	assert_ok(attach_simple(w, "b", b, NULL, &e), &e);
	assert_true(link_exists("kist1"));
	assert_ok(network_detach(w->dir, "b", 0, &e), &e);
	close(a), close(b);
	wait_for_veths();
	b = netns_new();
	assert_ok(attach_simple(w, "b", b, NULL, &e), &e);
	assert_false(link_exists("kist1"));
	close(b);
	assert_ok(network_detach(w->dir, "b", 0, &e), &e);
	assert_false(link_exists("kist0"));
}

static void lo_alone(void **state)
{
	NEED_NETNS();
	struct err e = ERR_INIT;
	int ns = netns_new();
	assert_ok(network_loopback_up(ns, &e), &e);
	char out[1024];
	netns_run(ns, "ip -br link", out, sizeof(out));
	assert_contains(out, "LOOPBACK,UP");
	close(ns);
}

static void rename_changes_the_name(void **state)
{
	NEED_NETNS();
	struct world *w = *state;
	struct err e = ERR_INIT;
	int ns = netns_new();
	assert_ok(attach_simple(w, "x", ns, NULL, &e), &e);
	assert_ok(network_rename(w->dir, "x", "fresh", &e), &e);
	assert_int_equal(network_rename(w->dir, "nope", "fresh", &e), -ERR_NOT_FOUND);
	close(ns);
	assert_ok(network_detach(w->dir, "x", 0, &e), &e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(a_container_reaches_out_and_is_reached, forget_all),
		cmocka_unit_test_teardown(the_rules_read_as_documented, forget_all),
		cmocka_unit_test_teardown(a_taken_port_is_refused_by_name, forget_all),
		cmocka_unit_test_teardown(a_failed_first_attach_leaves_nothing, forget_all),
		cmocka_unit_test_teardown(fixed_address_and_mac, forget_all),
		cmocka_unit_test_teardown(a_used_subnet_is_passed_over, forget_all),
		cmocka_unit_test_teardown(two_state_directories_are_two_networks, forget_all),
		cmocka_unit_test_teardown(a_sweep_takes_the_dead, forget_all),
		cmocka_unit_test_teardown(state_of_another_boot_is_nothing, forget_all),
		cmocka_unit_test_teardown(a_lingering_network_goes_by_itself, forget_all),
		cmocka_unit_test_teardown(
			a_lingering_network_goes_without_its_directory, forget_all),
		cmocka_unit_test_teardown(who_was_never_detached_is_forgotten, forget_all),
		cmocka_unit_test_teardown(a_bridge_of_nobody_is_taken_away, forget_all),
		cmocka_unit_test_teardown(lo_alone, forget_all),
		cmocka_unit_test_teardown(rename_changes_the_name, forget_all),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
