/* The state file: round trip, damage, addresses given away, names. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "network/table_priv.h"

#include <arpa/inet.h>
#include <errno.h>

static const char text[] =
	"kist-network 1 0f2c kist0 10.87.0.0 16 1400 0 10.87.0.4 3\n"
	"10.87.0.2 0123456789abcdef web web-1 www,api 02:6b:0a:57:00:02 kv0a570002 "
	"6/0.0.0.0/8080/80,17/127.0.0.1/53/5300\n"
	"10.87.0.3 fedcba - - - 02:6b:0a:57:00:03 kv0a570003 -\n";

static void round_trip(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct table t cleanup_table = {0};
	struct buf b cleanup_buf = BUF_INIT;
	assert_ok(table_parse(text, sizeof(text) - 1, &t, &e), &e);
	assert_int_equal(t.n, 2);
	assert_int_equal(t.forward_was, 0);
	assert_int_equal(t.v[0].ports.n, 2);
	assert_null(t.v[1].name);
	table_format(&t, &b);
	assert_string_equal(buf_str(&b), text);
}

static void damage_is_an_error(void **state)
{
	(void)state;
	/* cut anywhere but between two lines: nothing, or an error, never half a table */
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct table t cleanup_table = {0};
		int r = table_parse(text, len, &t, NULL);
		bool whole = len == 0 || text[len - 1] == '\n';
		assert_int_equal(r, whole ? 0 : -ERR_FORMAT);
	}
	struct err e = ERR_INIT;
	struct table t cleanup_table = {0};
	assert_int_equal(table_parse("hello\n", 6, &t, &e), -ERR_FORMAT);
	assert_contains(e.msg, "hello");
}

static void addresses_go_round(void **state)
{
	(void)state;
	struct table t cleanup_table = {.prefix = 29};
	inet_pton(AF_INET, "10.0.0.8", &t.subnet);
	t.next = t.subnet;
	struct in_addr ip;
	static const char *const want[] = {
		"10.0.0.10", "10.0.0.11", "10.0.0.12", "10.0.0.13", "10.0.0.14"};
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		char out[INET_ADDRSTRLEN];
		assert_int_equal(table_choose(&t, &ip), 0);
		assert_string_equal(inet_ntop(AF_INET, &ip, out, sizeof(out)), want[i]);
		struct table_lease l = {.ip = ip, .id = mem_printf("c%zu", i)};
		table_add(&t, &l);
	}
	assert_int_equal(table_choose(&t, &ip), -ENOSPC);
	table_remove(&t, table_find(&t, "c3"));
	assert_int_equal(table_choose(&t, &ip), 0);
	assert_int_equal(ntohl(ip.s_addr), 0x0a00000d);
	inet_pton(AF_INET, "10.0.0.15", &ip);
	assert_false(table_in_subnet(&t, ip));
	inet_pton(AF_INET, "10.0.0.9", &ip);
	assert_false(table_in_subnet(&t, ip));
	inet_pton(AF_INET, "10.0.0.14", &ip);
	assert_true(table_in_subnet(&t, ip));
}

static void names_of_a_lease(void **state)
{
	(void)state;
	struct table t cleanup_table = {0};
	assert_int_equal(table_parse(text, sizeof(text) - 1, &t, NULL), 0);
	static const struct {
		const char *name;
		bool is;
	} cases[] = {
		{"web", true},
		{"WEB", true},
		{"web-1", true},
		{"www", true},
		{"api", true},
		{"0123456789ab", true},
		{"0123456789a", false},
		{"0123456789abcdef", false},
		{"we", false},
		{"webx", false},
		{"www,api", false},
		{"", false},
		{"-", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(
			table_lease_is_named(&t.v[0], cases[i].name, strlen(cases[i].name)),
			cases[i].is);
	assert_true(table_lease_is_named(&t.v[1], "fedcba", 6));
	assert_true(table_is_name("a.b-c_d"));
	assert_true(table_is_name("9"));
	assert_false(table_is_name(""));
	assert_false(table_is_name("-a"));
	assert_false(table_is_name(".."));
	assert_false(table_is_name("a b"));
	assert_false(table_is_name("a/b"));
}

static void port_holders(void **state)
{
	(void)state;
	struct table t cleanup_table = {0};
	assert_int_equal(table_parse(text, sizeof(text) - 1, &t, NULL), 0);
	struct network_port p = {.host_port = 8080, .proto = IPPROTO_TCP};
	inet_pton(AF_INET, "192.0.2.1", &p.host_ip);
	assert_ptr_equal(table_port_holder(&t, &p), &t.v[0]);
	p.host_port = 53;
	p.proto = IPPROTO_UDP;
	assert_null(table_port_holder(&t, &p));
	p.host_ip.s_addr = INADDR_ANY;
	assert_ptr_equal(table_port_holder(&t, &p), &t.v[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_trip),
		cmocka_unit_test(damage_is_an_error),
		cmocka_unit_test(addresses_go_round),
		cmocka_unit_test(names_of_a_lease),
		cmocka_unit_test(port_holders),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
