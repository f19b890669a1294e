/* struct err: set once, wrapped with context, one hint. */
#include "../test.h"

#include "base/err.h"

#include <errno.h>

static void first_error_stays(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(err_set(&e, ERR_SYNTAX, "line %d", 3), -ERR_SYNTAX);
	assert_int_equal(err_set(&e, ENOENT, "later"), -ENOENT);
	assert_int_equal(e.code, ERR_SYNTAX);
	assert_string_equal(e.msg, "line 3");
}

static void wrap_puts_context_in_front(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	errno = ENOENT;
	int r = err_sys(&e, "open '%s'", "x");
	assert_int_equal(err_wrap(&e, r, "load '%s'", "y"), -ENOENT);
	assert_string_equal(e.msg, "load 'y': open 'x': No such file or directory");
}

static void wrap_without_inner_error_uses_the_code(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	err_wrap(&e, -ERR_DIGEST, "layer 2");
	assert_string_equal(e.msg, "layer 2: digest mismatch");
	assert_int_equal(e.code, ERR_DIGEST);
}

static void null_is_allowed(void **state)
{
	(void)state;
	assert_int_equal(err_set(NULL, EINVAL, "x"), -EINVAL);
	assert_int_equal(err_wrap(NULL, -EINVAL, "x"), -EINVAL);
	err_hint(NULL, "x");
}

static void long_texts_are_cut(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	char big[5000];
	memset(big, 'a', sizeof(big) - 1);
	big[sizeof(big) - 1] = 0;
	err_set(&e, EINVAL, "%s", big);
	err_wrap(&e, -EINVAL, "%s", big);
	assert_int_equal(strlen(e.msg), sizeof(e.msg) - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(first_error_stays),
		cmocka_unit_test(wrap_puts_context_in_front),
		cmocka_unit_test(wrap_without_inner_error_uses_the_code),
		cmocka_unit_test(null_is_allowed),
		cmocka_unit_test(long_texts_are_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
