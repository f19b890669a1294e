/* The bytes of nf_tables messages: lengths, nesting, byte order. What they mean to the kernel is
 * tested in test_bridge.c, which needs root. */
#include "../test.h"

#include "base/defs.h"
#include "base/str.h"
#include "network/nft_priv.h"
#include "network/rules_priv.h"

#include <arpa/inet.h>

/* The batch in hexadecimal, a line per message, without the 16 bytes of its header but the type */
static void dump(const struct nl_batch *b, char *out, size_t size)
{
	size_t used = 0;
	out[0] = 0;
	for (size_t at = 0; at < b->b.len;) {
		struct nlmsghdr h;
		memcpy(&h, b->b.data + at, sizeof(h));
		assert_true(h.nlmsg_len >= sizeof(h) && at + h.nlmsg_len <= b->b.len);
		assert_int_equal(h.nlmsg_len % 4, 0);
		used += (size_t)snprintf(out + used, size - used, "%x:", h.nlmsg_type);
		for (size_t i = sizeof(h); i < h.nlmsg_len && used + 3 < size; i++)
			used += (size_t)snprintf(
				out + used, size - used, "%02x", (uint8_t)b->b.data[at + i]);
		used += (size_t)snprintf(out + used, size - used, "\n");
		at += h.nlmsg_len;
	}
}

static void a_published_port_is_one_element(void **state)
{
	(void)state;
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct network_port port = {.host_port = 8080, .container_port = 80, .proto = IPPROTO_TCP};
	struct network_ports p = {&port, 1, 1};
	struct in_addr to;
	inet_pton(AF_INET, "10.87.0.2", &to);
	size_t next = 0;
	char out[2048];
	rules_encode_ports(&b, "kist0", &p, to, true, &next);
	assert_int_equal(next, 1);
	dump(&b, out, sizeof(out));
	assert_string_equal(out, "10:0000000a\n"
				 "a0c:02000000"
				 "0a0001006b69737430000000" /* table kist0 */
				 "0a000200706f727473000000" /* map ports */
				 "28000380"                 /* elements */
				 "24000180"                 /* one */
				 "10000180"                 /* key */
				 "0c000100060000001f900000" /* tcp, 8080 */
				 "10000280"                 /* data */
				 "0c0001000a57000200500000" /* 10.87.0.2, 80 */
				 "\n11:0000000a\n");
}

static void many_ports_are_several_transactions(void **state)
{
	(void)state;
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct network_ports p cleanup_network_ports = NETWORK_PORTS_INIT;
	struct in_addr to = {0};
	assert_int_equal(network_port_parse("1-1000:1-1000", &p, NULL), 0);
	size_t next = 0, rounds = 0;
	while (next < p.n) {
		rules_encode_ports(&b, "kist0", &p, to, true, &next);
		rounds++;
		/* an attribute's length is 16 bits */
		assert_true(b.b.len < 65536);
		nl_batch_release(&b);
	}
	assert_int_equal(rounds, 3);
}

static void the_table_is_one_transaction(void **state)
{
	(void)state;
	struct nl_batch b cleanup_nl_batch = NL_BATCH_INIT;
	struct rules_network n = {.bridge = "kist0", .prefix = 16};
	inet_pton(AF_INET, "10.87.0.0", &n.subnet);
	rules_encode(&b, &n);
	static char out[32768];
	dump(&b, out, sizeof(out));
	assert_true(str_starts(out, "10:0000000a\na00:"));
	assert_true(str_ends(out, "\n11:0000000a\n"));
	size_t lines = 0;
	for (const char *c = out; *c; c++)
		lines += *c == '\n';
	assert_int_equal(lines, b.n);
	assert_int_equal(b.n, 2 + 1 + 2 + 5 + 12); /* begin, end; table; maps; chains; rules */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_published_port_is_one_element),
		cmocka_unit_test(many_ports_are_several_transactions),
		cmocka_unit_test(the_table_is_one_transaction),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
