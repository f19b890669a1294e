/* URLs: what is taken, what is refused, references against a base. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "http/url.h"

static void parse_table(void **state)
{
	static const struct {
		const char *text, *out; /* out NULL: refused */
	} cases[] = {
		{"https://host", "https://host/"},
		{"HTTPS://Host:443/", "https://host/"},
		{"http://host:80/a", "http://host/a"},
		{"http://host:443/a", "http://host:443/a"},
		{"https://127.0.0.1:5000/v2/?x=1#frag", "https://127.0.0.1:5000/v2/?x=1"},
		{"http://[::1]:5000/v2/", "http://[::1]:5000/v2/"},
		{"http://[::1]", "http://[::1]/"},
		{"http://host?q=1", "http://host/?q=1"},
		{"http://host/a%2Fb%20c", "http://host/a%2Fb%20c"},
		{"http://host/a/./b/../c", "http://host/a/c"},
		{"http://host/../../etc", "http://host/etc"},
		{"http://host/a/..", "http://host/"},
		{"http://host/a/b/.", "http://host/a/b/"},
		{"http://host//a//b", "http://host//a//b"},
		{"http://host/a?b={c}|d^e`f", "http://host/a?b={c}|d^e`f"},
		{"http://under_score/", "http://under_score/"},
		{"ftp://host/", NULL},
		{"file:///etc/passwd", NULL},
		{"host/path", NULL},
		{"", NULL},
		{"http://", NULL},
		{"http:///path", NULL},
		{"http://user@host/", NULL},
		{"http://user:secret@host/", NULL},
		{"http://host:0/", NULL},
		{"http://host:65536/", NULL},
		{"http://host:/", NULL},
		{"http://host:5000x/", NULL},
		{"http://[::1/", NULL},
		{"http://[host]/", NULL},
		{"http://[::1]x/", NULL},
		{"http://ho st/", NULL},
		{"http://host/a b", NULL},
		{"http://host/a\r\nX: y", NULL},
		{"http://host/\x7f", NULL},
		{"http://host/\xc3\xa4", NULL},
		{"http://host\\@evil/", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_url u cleanup_http_url = HTTP_URL_INIT;
		struct err e = ERR_INIT;
		int r = http_url_parse(cases[i].text, &u, &e);
		if (!cases[i].out) {
			if (r >= 0)
				print_error("'%s' was taken\n", cases[i].text);
			assert_true(r < 0);
			assert_null(strstr(e.msg, "secret"));
			continue;
		}
		assert_ok(r, &e);
		char *text cleanup_free = http_url_text(&u);
		assert_string_equal(text, cases[i].out);
	}
}

static void resolve_table(void **state)
{
	static const struct {
		const char *ref, *out;
	} cases[] = {
		{"https://other/x", "https://other/x"},
		{"//other/x", "http://other/x"},
		{"/x?y", "http://host:5000/x?y"},
		{"x", "http://host:5000/a/x"},
		{"../x", "http://host:5000/x"},
		{"../../../x", "http://host:5000/x"},
		{"?n=2", "http://host:5000/a/b?n=2"},
		{"", "http://host:5000/a/b?q=1"},
		{"#f", "http://host:5000/a/b?q=1"},
		{"javascript:alert(1)", NULL},
		{"ftp://x/", NULL},
		{"//user@other/", NULL},
		{"/a b", NULL},
	};
	struct http_url base cleanup_http_url = HTTP_URL_INIT;
	assert_int_equal(http_url_parse("http://host:5000/a/b?q=1", &base, NULL), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct http_url u cleanup_http_url = HTTP_URL_INIT;
		int r = http_url_resolve(&base, cases[i].ref, &u, NULL);
		if (!cases[i].out) {
			assert_true(r < 0);
			continue;
		}
		assert_int_equal(r, 0);
		char *text cleanup_free = http_url_text(&u);
		assert_string_equal(text, cases[i].out);
	}
}

static void long_url(void **state)
{
	char *text cleanup_free = mem_alloc(LIMIT_URL + 100);
	memset(text, 'a', LIMIT_URL + 50);
	memcpy(text, "http://h/", 9);
	struct http_url u cleanup_http_url = HTTP_URL_INIT;
	assert_int_equal(http_url_parse(text, &u, NULL), -ERR_LIMIT);
	memset(text, 'h', 8000);
	memcpy(text, "http://", 7);
	text[8000] = 0;
	assert_int_equal(http_url_parse(text, &u, NULL), -ERR_SYNTAX);
}

static void loopback(void **state)
{
	static const char *const yes[] = {
		"localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "127.9.9.9", "::1", "[::1]"};
	static const char *const no[] = {"localhost.evil", "127.evil.example", "127.0.0.1.evil",
		"128.0.0.1", "::2", "0.0.0.0", "10.0.0.1", "", "127.1", "evillocalhost"};
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++)
		assert_true(http_host_loopback(yes[i]));
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		assert_false(http_host_loopback(no[i]));
}

static void origins_and_query(void **state)
{
	struct http_url a cleanup_http_url = HTTP_URL_INIT, b cleanup_http_url = HTTP_URL_INIT;
	assert_int_equal(http_url_parse("https://h/x", &a, NULL), 0);
	assert_int_equal(http_url_parse("https://H:443/y", &b, NULL), 0);
	assert_true(http_url_same_origin(&a, &b));
	assert_int_equal(http_url_parse("http://h:443/y", &b, NULL), 0);
	assert_false(http_url_same_origin(&a, &b));
	assert_int_equal(http_url_parse("https://h:444/y", &b, NULL), 0);
	assert_false(http_url_same_origin(&a, &b));
	http_url_add_query(&a, "digest", "sha256:ab&c");
	http_url_add_query(&a, "n", "1");
	assert_string_equal(a.query, "digest=sha256%3Aab%26c&n=1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_table),
		cmocka_unit_test(resolve_table),
		cmocka_unit_test(long_url),
		cmocka_unit_test(loopback),
		cmocka_unit_test(origins_and_query),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
