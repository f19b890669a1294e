/* Header values with a grammar: Link, Content-Range, Retry-After, numbers. And the pauses. */
#include "../test.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "http/client.h"
#include "http/header.h"

static void links(void **state)
{
	static const struct {
		const char *value, *out;
	} cases[] = {
		{"</v2/_catalog?last=b&n=2>; rel=\"next\"", "/v2/_catalog?last=b&n=2"},
		{"<a>; rel=next", "a"},
		{"<a>;rel=prev, <b>; rel=\"last next\"", "b"},
		{"<a>; title=\"x, <c>; rel=next\"; rel=prev, <b>; rel=NEXT", "b"},
		{"<a,b;c>; rel=next", "a,b;c"},
		{"<a>; REL=\"next\"", "a"},
		{"<>; rel=next", ""},
		{"<a>; x; rel=next", "a"},
		{"<a>; rel=prev; rel=next", NULL}, /* only the first counts */
		{"<a>", NULL},
		{"<a>; rel=nextt", NULL},
		{"<a; rel=next", NULL},
		{"a; rel=next", NULL},
		{"<a>; rel=\"next", NULL},
		{"", NULL},
		{"<a> garbage; rel=next", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *got cleanup_free = http_link_find(cases[i].value, "next");
		if (cases[i].out)
			assert_string_equal(got, cases[i].out);
		else
			assert_null(got);
	}
}

static void ranges(void **state)
{
	static const struct {
		const char *value;
		int64_t first, last, total; /* first -1: refused; total -1: unknown */
	} cases[] = {
		{"bytes 0-9/10", 0, 9, 10},
		{"bytes 5-9/*", 5, 9, -1},
		{"Bytes  5-9/10 ", 5, 9, 10},
		{"bytes 9-5/10", -1, 0, 0},
		{"bytes 0-10/10", -1, 0, 0},
		{"bytes */10", -1, 0, 0},
		{"bytes 0-9", -1, 0, 0},
		{"bytes -9/10", -1, 0, 0},
		{"bytes 0-9/10x", -1, 0, 0},
		{"bytes 0-99999999999999999999999/*", -1, 0, 0},
		{"0-9/10", -1, 0, 0},
		{"", -1, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		uint64_t first = 0, last = 0, total = 0;
		int r = http_range_parse(cases[i].value, &first, &last, &total);
		assert_int_equal(r < 0, cases[i].first < 0);
		if (r < 0)
			continue;
		assert_int_equal(first, cases[i].first);
		assert_int_equal(last, cases[i].last);
		assert_int_equal(total, (uint64_t)cases[i].total);
	}
}

static void retry_after(void **state)
{
	/* 1994-11-06 08:49:37 UTC */
	const int64_t then = 784111777;
	assert_int_equal(http_retry_after("0", 5), 0);
	assert_int_equal(http_retry_after("120", 5), 120);
	assert_int_equal(http_retry_after("99999999999", 5), INT32_MAX);
	assert_int_equal(http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", then - 90), 90);
	assert_int_equal(http_retry_after("Sunday, 06-Nov-94 08:49:37 GMT", then - 90), 90);
	assert_int_equal(http_retry_after("Sun Nov  6 08:49:37 1994", then - 90), 90);
	assert_int_equal(http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", then + 90), 0);
	assert_true(http_retry_after("-5", 5) < 0);
	assert_true(http_retry_after("soon", 5) < 0);
	assert_true(http_retry_after("", 5) < 0);
	assert_true(http_retry_after("Sun, 06 Nov 1994 08:49:37 GMT and more", 5) < 0);
}

static void fields(void **state)
{
	struct strv h cleanup_strv = STRV_INIT;
	struct err e = ERR_INIT;
	uint64_t v = 7;
	strv_add(&h, "content-length: 12");
	strv_add(&h, "link:  a");
	strv_add(&h, "link: b");
	strv_add(&h, "bad: 1x");
	assert_string_equal(http_header_get(&h, "link"), "a");
	assert_string_equal(http_header_nth(&h, "link", 1), "b");
	assert_null(http_header_nth(&h, "link", 2));
	assert_null(http_header_get(&h, "lin"));
	assert_int_equal(http_header_u64(&h, "none", &v, &e), 0);
	assert_int_equal(http_header_u64(&h, "content-length", &v, &e), 1);
	assert_int_equal(v, 12);
	assert_int_equal(http_header_u64(&h, "bad", &v, &e), -ERR_SYNTAX);
}

static void pauses(void **state)
{
	struct http_retry t = {.left = 3, .unit_ms = 100};
	for (int i = 0; i < 3; i++) {
		int64_t ms = http_retry_next(&t, -1);
		assert_in_range(ms, 50 << i, 150 << i);
	}
	assert_int_equal(http_retry_next(&t, -1), -1);
	t.left = 2;
	assert_true(http_retry_next(&t, 20) >= 20000);
	assert_int_equal(http_retry_next(&t, 100000), -1); /* nobody waits so long */
	t = (struct http_retry){.left = 100};
	for (int i = 0; i < 100; i++)
		assert_in_range(http_retry_next(&t, -1), 250, 45000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(links),
		cmocka_unit_test(ranges),
		cmocka_unit_test(retry_after),
		cmocka_unit_test(fields),
		cmocka_unit_test(pauses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
