/* The vectors of RFC 4648, section 10, and what is refused. */
#include "../test.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"

#include <errno.h>

static void test_vectors(void **state)
{
	static const char *const cases[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="},
		{"foobar", "Zm9vYmFy"}, {"\xff\xef\xbe", "/+++"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b cleanup_buf = BUF_INIT, back cleanup_buf = BUF_INIT;
		assert_int_equal(base64_encode(cases[i][0], strlen(cases[i][0]), &b), 0);
		assert_string_equal(buf_str(&b), cases[i][1]);
		assert_int_equal(base64_decode(cases[i][1], strlen(cases[i][1]), &back), 0);
		assert_string_equal(buf_str(&back), cases[i][0]);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {"Z", "Zm9v=g", "Zm9vYg===", "Zm9v\n", "Zm9-", "Z==="};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct buf b cleanup_buf = BUF_INIT;
		assert_int_equal(base64_decode(cases[i], strlen(cases[i]), &b), -EINVAL);
	}
	struct buf small cleanup_buf = BUF_INIT_MAX(4);
	assert_int_equal(base64_decode("Zm9vYmFy", 8, &small), -ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
