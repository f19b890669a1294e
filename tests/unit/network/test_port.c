/* docker's -p grammar. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "network/port.h"

#include <arpa/inet.h>

/* "ip:host[-last]->container/proto" of every port, joined by blanks */
static const char *parse(const char *spec, bool exposed, struct err *e)
{
	static char text[2048];
	struct network_ports p cleanup_network_ports = NETWORK_PORTS_INIT;
	struct buf b cleanup_buf = BUF_INIT;
	int r = exposed ? network_port_parse_exposed(spec, &p, e) : network_port_parse(spec, &p, e);
	if (r < 0) {
		assert_int_equal(p.n, 0);
		return "error";
	}
	for (size_t i = 0; i < p.n; i++) {
		char ip[INET_ADDRSTRLEN];
		inet_ntop(AF_INET, &p.v[i].host_ip, ip, sizeof(ip));
		buf_printf(&b, "%s%s:%u", i ? " " : "", ip, p.v[i].host_port);
		if (p.v[i].host_port_last)
			buf_printf(&b, "-%u", p.v[i].host_port_last);
		buf_printf(&b, "->%u/%s", p.v[i].container_port, network_proto_name(p.v[i].proto));
	}
	snprintf(text, sizeof(text), "%s", buf_str(&b));
	return text;
}

static void specs(void **state)
{
	(void)state;
	static const struct {
		const char *spec;
		const char *means;
	} cases[] = {
		{"80", "0.0.0.0:0->80/tcp"},
		{":80", "0.0.0.0:0->80/tcp"},
		{"8080:80", "0.0.0.0:8080->80/tcp"},
		{"8080:80/udp", "0.0.0.0:8080->80/udp"},
		{"8080:80/TCP", "0.0.0.0:8080->80/tcp"},
		{"132:132/sctp", "0.0.0.0:132->132/sctp"},
		{"127.0.0.1:8080:80", "127.0.0.1:8080->80/tcp"},
		{"127.0.0.1::80", "127.0.0.1:0->80/tcp"},
		{"::80", "0.0.0.0:0->80/tcp"},
		{"8000-8002:80-82",
			"0.0.0.0:8000->80/tcp 0.0.0.0:8001->81/tcp 0.0.0.0:8002->82/tcp"},
		{"80-81", "0.0.0.0:0->80/tcp 0.0.0.0:0->81/tcp"},
		{"8000-8010:80", "0.0.0.0:8000-8010->80/tcp"},
		{"10.0.0.1:53:53/udp", "10.0.0.1:53->53/udp"},
		{"65535:1", "0.0.0.0:65535->1/tcp"},
		{"", "error"},
		{":", "error"},
		{"8080:", "error"},
		{"0:80", "error"},
		{"80:0", "error"},
		{"65536:80", "error"},
		{"123456:80", "error"},
		{"80:x", "error"},
		{"-1:80", "error"},
		{"80:80/icmp", "error"},
		{"80:80/", "error"},
		{"8010-8000:80", "error"},
		{"8000-8002:80-81", "error"},
		{"8000:80-81", "error"},
		{"8000-:80", "error"},
		{"300.0.0.1:80:80", "error"},
		{"1.2.3:80:80", "error"},
		{"localhost:80:80", "error"},
		{"[::1]:80:80", "error"},
		{"1:2:3:4", "error"},
		{"80 :80", "error"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		assert_string_equal(parse(cases[i].spec, false, &e), cases[i].means);
	}
}

static void errors_name_the_spec_and_the_fault(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	parse("8000-8002:80-81", false, &e);
	assert_int_equal(e.code, ERR_USAGE);
	assert_contains(e.msg, "'8000-8002:80-81'");
	assert_contains(e.msg, "3 host ports for 2 container ports");
	err_clear(&e);
	parse("localhost:80:80", false, &e);
	assert_contains(e.msg, "'localhost' is not an IPv4 address");
	err_clear(&e);
	parse("[::1]:80:80", false, &e);
	assert_int_equal(e.code, ERR_UNSUPPORTED);
}

static void exposed(void **state)
{
	(void)state;
	assert_string_equal(parse("80", true, NULL), "0.0.0.0:0->80/tcp");
	assert_string_equal(parse("53/udp", true, NULL), "0.0.0.0:0->53/udp");
	assert_string_equal(parse("80-81/udp", true, NULL), "0.0.0.0:0->80/udp 0.0.0.0:0->81/udp");
	assert_string_equal(parse("8080:80", true, NULL), "error");
	assert_string_equal(parse("", true, NULL), "error");
}

/* -P beside -p: an exposed port is added once, and not where -p has mapped it. */
static void exposed_beside_published(void **state)
{
	(void)state;
	static const char *const specs[] = {"80", "80/tcp", "80/udp", "79-81/tcp"};
	struct network_ports p cleanup_network_ports = NETWORK_PORTS_INIT;
	struct buf b cleanup_buf = BUF_INIT;
	assert_int_equal(network_port_parse("8080:80", &p, NULL), 0);
	assert_int_equal(network_port_parse("8081:80", &p, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(specs); i++)
		assert_int_equal(network_port_parse_exposed(specs[i], &p, NULL), 0);
	for (size_t i = 0; i < p.n; i++) {
		char text[NETWORK_PORT_TEXT];
		buf_printf(&b, "%s ", network_port_format(&p.v[i], text));
	}
	assert_string_equal(
		buf_str(&b), "0.0.0.0:8080->80/tcp 0.0.0.0:8081->80/tcp 80/udp 79/tcp 81/tcp ");
}

static void printed_as_ps_does(void **state)
{
	(void)state;
	char out[NETWORK_PORT_TEXT];
	struct network_port p = {.host_port = 8080, .container_port = 80, .proto = IPPROTO_TCP};
	assert_string_equal(network_port_format(&p, out), "0.0.0.0:8080->80/tcp");
	p.host_port = 0;
	assert_string_equal(network_port_format(&p, out), "80/tcp");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(specs),
		cmocka_unit_test(errors_name_the_spec_and_the_fault),
		cmocka_unit_test(exposed),
		cmocka_unit_test(exposed_beside_published),
		cmocka_unit_test(printed_as_ps_does),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
