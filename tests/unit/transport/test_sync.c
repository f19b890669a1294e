/* Patterns of tags: which versions a range has. */
#include "../test.h"

#include "base/err.h"
#include "transport/sync_list.h"

static void test_semver(void **state)
{
	static const struct {
		const char *range, *fits, *not ; /* lists with blanks */
	} cases[] = {
		{"1.2.3", "1.2.3 v1.2.3 1.2.3+x", "1.2.4 1.2.3-rc1 latest 1.2.3.4"},
		{"1.2", "1.2.0 1.2.9 1.2", "1.3.0 1.1.9 1.2.0-rc1"},
		{">= 1.2, < 2", "1.2.0 1.9.9", "1.1.9 2.0.0 2.0.0-rc1 x"},
		{">=1.2 <2 || 3", "1.2.0 3.0.0 3.9", "2.0.0 4.0.0"},
		{"> 1.2", "1.3.0 2", "1.2.0 1.2.9"},
		{"<= 1.2", "1.2.9 1.0 0.1", "1.3.0"},
		{"!= 1.2.3", "1.2.4 2", "1.2.3"},
		{"~1.2.3", "1.2.3 1.2.9", "1.2.2 1.3.0"},
		{"~1", "1.0.0 1.9", "2.0.0 0.9"},
		{"^1.2", "1.2.0 1.9.0", "2.0.0 1.1.0"},
		{"^0.2.3", "0.2.3 0.2.9", "0.3.0 0.2.2"},
		{"^0.0.3", "0.0.3", "0.0.4 0.1.0"},
		{">= 2.0.0-rc1", "2.0.0-rc1 2.0.0-rc2 2.0.0 2.1.0", "2.0.0-beta 1.9.0"},
		{">= 1.0.0-a.10", "1.0.0-a.11 1.0.0-b", "1.0.0-a.9 1.0.0-a"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		struct transport_pattern *p;
		assert_ok(transport_pattern_semver(cases[i].range, &p, &e), &e);
		for (int want = 0; want < 2; want++) {
			const char *s = want ? cases[i].fits : cases[i].not ;
			while (*s) {
				char tag[64];
				size_t n = strcspn(s, " ");
				snprintf(tag, sizeof(tag), "%.*s", (int)n, s);
				if (transport_pattern_fits(p, tag) != want)
					fail_msg("'%s' and '%s'", cases[i].range, tag);
				s += n + (s[n] == ' ');
			}
		}
		transport_pattern_free(p);
	}
}

static void test_refused(void **state)
{
	static const char *const cases[] = {"", ">=", "x", "1.2.3.4", ">= 1.2;", "1.2.3-",
		"99999999999", "|| |", "1 | 2", "1.x"};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct transport_pattern *p;
		struct err e = ERR_INIT;
		if (transport_pattern_semver(cases[i], &p, &e) >= 0)
			fail_msg("'%s' was taken", cases[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_semver),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
