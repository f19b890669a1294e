/* --chmod: octal and symbolic modes. */
#include "../test.h"

#include "base/defs.h"
#include "base/err.h"
#include "build/chmod.h"

#include <sys/stat.h>

static const struct {
	const char *spec;
	uint32_t mode, want;
} cases[] = {
	{"755", S_IFREG | 0600, 0755},
	{"0644", S_IFREG | 0777, 0644},
	{"4711", S_IFREG | 0777, 04711},
	{"u=rwX,go=rX", S_IFDIR | 0700, 0755},
	{"u=rwX,go=rX", S_IFREG | 0600, 0644},
	{"u=rwX,go=rX", S_IFREG | 0700, 0755},
	{"+x", S_IFREG | 0644, 0755},
	{"a-w", S_IFREG | 0666, 0444},
	{"go=", S_IFREG | 0777, 0700},
	{"u+s", S_IFREG | 0755, 04755},
	{"g+s,o-rx", S_IFREG | 0755, 02750},
	{"+t", S_IFDIR | 0777, 01777},
	{"u=r+w", S_IFREG | 0777, 0677},
};

static void test_apply(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		assert_ok(build_chmod_check(cases[i].spec, &e), &e);
		uint32_t got = build_chmod_apply(cases[i].spec, cases[i].mode);
		if (got != cases[i].want)
			print_error("%s on %o: %o\n", cases[i].spec, cases[i].mode, got);
		assert_int_equal(got, cases[i].want);
	}
}

static void test_refused(void **state)
{
	static const char *const bad[] = {"", "8", "99999", "u", "u=q", "x", "u+w,", "-1"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		if (build_chmod_check(bad[i], &e) != -ERR_SYNTAX)
			print_error("'%s' was taken\n", bad[i]);
		assert_int_equal(build_chmod_check(bad[i], NULL), -ERR_SYNTAX);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_apply), cmocka_unit_test(test_refused)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
