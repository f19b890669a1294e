/* /etc/hosts and /etc/resolv.conf of containers. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/strv.h"
#include "network/names.h"

static void hosts(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	struct buf b cleanup_buf = BUF_INIT;
	struct strv names cleanup_strv = STRV_INIT, extra cleanup_strv = STRV_INIT;
	strv_add(&names, "web");
	strv_add(&names, "0123456789ab");
	strv_add(&extra, "db:10.1.2.3");
	strv_add(&extra, "six=2001:db8::1");
	strv_add(&extra, "host.docker.internal:host-gateway");
	struct network_hosts h = {.ip = "10.87.0.2",
		.hostname = "0123456789ab",
		.names = &names,
		.extra = &extra,
		.gateway = "10.87.0.1"};
	assert_ok(network_hosts_format(&h, &b, &e), &e);
	assert_string_equal(buf_str(&b), "127.0.0.1\tlocalhost\n"
					 "::1\tlocalhost ip6-localhost ip6-loopback\n"
					 "fe00::0\tip6-localnet\n"
					 "ff00::0\tip6-mcastprefix\n"
					 "ff02::1\tip6-allnodes\n"
					 "ff02::2\tip6-allrouters\n"
					 "10.1.2.3\tdb\n"
					 "2001:db8::1\tsix\n"
					 "10.87.0.1\thost.docker.internal\n"
					 "10.87.0.2\t0123456789ab web\n");
	buf_clear(&b);
	h = (struct network_hosts){.ip = "10.87.0.2", .hostname = "a", .domainname = "example.org"};
	assert_ok(network_hosts_format(&h, &b, &e), &e);
	assert_contains(buf_str(&b), "10.87.0.2\ta.example.org a\n");
	buf_clear(&b);
	strv_add(&extra, "no-address");
	h.extra = &extra;
	h.gateway = "10.0.0.1";
	assert_int_equal(network_hosts_format(&h, &b, &e), -ERR_USAGE);
	assert_contains(e.msg, "'no-address'");
}

static void hosts_refuse_what_breaks_the_file(void **state)
{
	(void)state;
	static const char *const bad[] = {
		"a b:1.2.3.4", "a\n:1.2.3.4", ":1.2.3.4", "a:", "a:1.2.3", "a:b", "#a:1.2.3.4", ""};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t len;
		const char *ip;
		assert_int_equal(network_host_parse(bad[i], &len, &ip, NULL), -ERR_USAGE);
	}
}

static const char *resolv(struct network_resolv r, const char *host, struct strv *up)
{
	static char text[1024];
	struct buf b cleanup_buf = BUF_INIT;
	r.host = host;
	r.host_len = strlen(host);
	if (network_resolv_format(&r, &b, up, NULL) < 0)
		return "error";
	snprintf(text, sizeof(text), "%s", buf_str(&b));
	return text;
}

static void resolv_conf(void **state)
{
	(void)state;
	const char *host = "# comment\n"
			   "nameserver 127.0.0.53\n"
			   "nameserver\t192.0.2.53 # second\n"
			   "nameserver 2001:db8::53\n"
			   "nameserver fe80::1%eth0\n"
			   "domain old.example\n"
			   "search example.org example.net\n"
			   "options edns0 trust-ad\n"
			   "sortlist 1.2.3.4\n"
			   "nameserver 198.51.100.1";
	struct network_resolv r = {0};
	assert_string_equal(resolv(r, host, NULL),
		"nameserver 192.0.2.53\nnameserver 2001:db8::53\nnameserver 198.51.100.1\n"
		"search example.org example.net\noptions edns0 trust-ad\n");
	r.keep_loopback = true;
	assert_string_equal(resolv(r, "nameserver 127.0.0.1\n", NULL), "nameserver 127.0.0.1\n");
	r.keep_loopback = false;
	r.resolver = "127.0.0.11";
	struct strv up cleanup_strv = STRV_INIT;
	assert_string_equal(resolv(r, host, &up),
		"nameserver 127.0.0.11\nsearch example.org example.net\n"
		"options edns0 trust-ad ndots:0\n");
	assert_int_equal(up.n, 4);
	assert_string_equal(up.v[0], "127.0.0.53");
	assert_string_equal(resolv(r, "", NULL), "nameserver 127.0.0.11\noptions ndots:0\n");
}

static void resolv_conf_as_asked(void **state)
{
	(void)state;
	struct strv dns cleanup_strv = STRV_INIT, search cleanup_strv = STRV_INIT;
	struct strv options cleanup_strv = STRV_INIT;
	strv_add(&dns, "9.9.9.9");
	strv_add(&search, ".");
	strv_add(&options, "ndots:3");
	struct network_resolv r = {.nameservers = &dns, .search = &search, .options = &options};
	const char *host = "nameserver 1.1.1.1\nsearch example.org\noptions edns0\n";
	assert_string_equal(resolv(r, host, NULL), "nameserver 9.9.9.9\noptions ndots:3\n");
	r.resolver = "127.0.0.11";
	assert_string_equal(resolv(r, host, NULL), "nameserver 127.0.0.11\noptions ndots:3\n");
	strv_add(&dns, "not an address");
	assert_string_equal(resolv(r, host, NULL), "error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hosts),
		cmocka_unit_test(hosts_refuse_what_breaks_the_file),
		cmocka_unit_test(resolv_conf),
		cmocka_unit_test(resolv_conf_as_asked),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
