/* What every unit test needs before cmocka.h, and a few questions in one line. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* result of a call that takes a struct err: prints the error when it failed */
#define assert_ok(call, err)                                                            \
	do {                                                                            \
		long long assert_ok_r_ = (long long)(call);                             \
		if (assert_ok_r_ < 0)                                                   \
			print_error("%s: %lld: %s\n", #call, assert_ok_r_, (err)->msg); \
		assert_true(assert_ok_r_ >= 0);                                         \
	} while (0)

/* a substring must be there */
static inline int test_contains(const char *text, const char *part)
{
	if (text && strstr(text, part))
		return 1;
	print_error("'%s' is not in '%s'\n", part, text ? text : "(null)");
	return 0;
}
#define assert_contains(text, part) assert_true(test_contains((text), (part)))
