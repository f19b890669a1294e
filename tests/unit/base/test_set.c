/* A set of strings: adding, finding, growing. */
#include "../test.h"

#include "base/set.h"

static void test_set(void **state)
{
	struct set s cleanup_set = SET_INIT;
	size_t v = 99;
	assert_false(set_has(&s, "a", &v));
	assert_true(set_add(&s, "a", 1, NULL));
	assert_false(set_add(&s, "a", 2, &v));
	assert_int_equal(v, 1);
	assert_true(set_add(&s, "", 7, NULL));
	assert_true(set_has(&s, "", &v));
	assert_int_equal(v, 7);
	char name[32];
	for (size_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		assert_true(set_add(&s, name, i, NULL));
	}
	assert_int_equal(s.n, 5002);
	for (size_t i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "n%zu", i);
		assert_true(set_has(&s, name, &v));
		assert_int_equal(v, i);
	}
	assert_false(set_has(&s, "n5000", NULL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_set)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
