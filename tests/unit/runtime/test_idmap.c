/* Which subordinate ids belong to whom. */
#include "../test.h"

#include "base/defs.h"
#include "runtime/idmap.h"

#define TEXT                       \
	"alice:100000:65536\n"     \
	"bob:200000:10\n"          \
	"# a comment\n"            \
	"1000:300000:5\n"          \
	"alice:400000\n"           \
	"alice:x:5\n"              \
	"alice:500000:0\n"         \
	"alice:4294967295:2\n"     \
	"alice:1:4294967295\n"     \
	"alice:99999999999999:1\n" \
	"alice:1:2:3\n"            \
	":1:2\n"                   \
	"\n"                       \
	"bob:210000:7"

static const struct {
	const char *name;
	uint32_t id;
	size_t n;
	struct runtime_id_map first, last;
} cases[] = {
	{"alice", 1000, 2, {0, 100000, 65536}, {0, 300000, 5}},
	{"alice", 7, 1, {0, 100000, 65536}, {0, 100000, 65536}},
	{"bob", 7, 2, {0, 200000, 10}, {0, 210000, 7}},
	{NULL, 1000, 1, {0, 300000, 5}, {0, 300000, 5}},
	{"carol", 7, 0, {0}, {0}},
};

static void finds_ranges(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_id_map v[8];
		size_t n = runtime_subids_parse(
			TEXT, strlen(TEXT), cases[i].name, cases[i].id, v, ARRAY_SIZE(v));
		assert_int_equal(n, cases[i].n);
		if (!n)
			continue;
		assert_memory_equal(&v[0], &cases[i].first, sizeof(v[0]));
		assert_memory_equal(&v[n - 1], &cases[i].last, sizeof(v[0]));
	}
}

static void keeps_to_the_room(void **state)
{
	struct runtime_id_map v[1];
	assert_int_equal(runtime_subids_parse(TEXT, strlen(TEXT), "bob", 7, v, 1), 1);
	assert_int_equal(runtime_subids_parse("", 0, "bob", 7, v, 1), 0);
	assert_int_equal(runtime_subids_parse("bob:1:1", 7, "bob", 7, v, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_ranges),
		cmocka_unit_test(keeps_to_the_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
