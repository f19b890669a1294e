/* Keys of named inputs, and the sentences about what differs. */
#include "../test.h"

#include "base/err.h"
#include "base/strv.h"
#include "build/key.h"

static void fill(struct build_inputs *in, const char *const *pairs)
{
	for (; *pairs; pairs += 2)
		build_inputs_add(in, pairs[0], pairs[1]);
}

static void test_key_ignores_order(void **state)
{
	struct build_inputs a cleanup_build_inputs = BUILD_INPUTS_INIT;
	struct build_inputs b cleanup_build_inputs = BUILD_INPUTS_INIT;
	char x[STORE_DIGEST_MAX], y[STORE_DIGEST_MAX];
	fill(&a, (const char *[]){"instruction", "RUN x", "arg:A", "1", NULL});
	fill(&b, (const char *[]){"arg:A", "1", "instruction", "RUN x", NULL});
	build_inputs_key(&a, x);
	build_inputs_key(&b, y);
	assert_string_equal(x, y);
	assert_int_equal(strlen(x), 71);
	build_inputs_add(&b, "user", "");
	build_inputs_key(&b, y);
	assert_string_not_equal(x, y);
}

/* Two lists whose texts run together the same way must not have one key. */
static void test_key_is_unambiguous(void **state)
{
	struct build_inputs a cleanup_build_inputs = BUILD_INPUTS_INIT;
	struct build_inputs b cleanup_build_inputs = BUILD_INPUTS_INIT;
	char x[STORE_DIGEST_MAX], y[STORE_DIGEST_MAX];
	fill(&a, (const char *[]){"env:A", "1", "env:B", "2", NULL});
	fill(&b, (const char *[]){"env:A", "15:env:B1:2", NULL});
	build_inputs_key(&a, x);
	build_inputs_key(&b, y);
	assert_string_not_equal(x, y);
}

static void test_json(void **state)
{
	struct err e = ERR_INIT;
	struct build_inputs a cleanup_build_inputs = BUILD_INPUTS_INIT;
	struct build_inputs b cleanup_build_inputs = BUILD_INPUTS_INIT;
	fill(&a, (const char *[]){"b", "x\ny\"", "a", "", NULL});
	char *json = build_inputs_format(&a);
	assert_string_equal(json, "{\"a\":\"\",\"b\":\"x\\ny\\\"\"}");
	assert_ok(build_inputs_parse(json, &b, &e), &e);
	free(json);
	assert_int_equal(b.n, 2);
	assert_string_equal(build_inputs_get(&b, "b"), "x\ny\"");
	assert_null(build_inputs_get(&b, "c"));
}

struct reason {
	const char *name;
	const char *was[12], *is[12];
	const char *why; /* joined with "; " */
	bool files;
};

static const struct reason reasons[] = {
	{"same", {"parent", "p", NULL}, {"parent", "p", NULL}, "", false},
	{"argument", {"arg:V", "1", NULL}, {"arg:V", "2", NULL}, "build argument V: 1 → 2", false},
	{"argument gone", {"arg:V", "1", NULL}, {NULL}, "build argument V: 1 → unset", false},
	{"environment", {NULL}, {"env:A", "x", NULL}, "environment variable A: unset → x", false},
	{"instruction", {"instruction", "RUN a", NULL}, {"instruction", "RUN b", NULL},
		"instruction changed (was: RUN a)", false},
	{"file content", {"file:app/echo.py", "0644 sha256:1f0000000000", NULL},
		{"file:app/echo.py", "0644 sha256:9a0000000000", NULL},
		"file app/echo.py changed (sha256 1f000000… → 9a000000…)", false},
	{"file mode", {"file:a", "0644 sha256:1f00", NULL}, {"file:a", "0755 sha256:1f00", NULL},
		"file a changed (mode 0644 → 0755)", false},
	{"file added and removed", {"file:b", "0644 sha256:1f00", NULL},
		{"file:a", "0644 sha256:1f00", NULL}, "file a added; file b removed", false},
	{"parent comes last", {"parent", "p", "file:a", "link to x", "arg:A", "1", NULL},
		{"parent", "q", "file:a", "link to y", "arg:A", "2", NULL},
		"build argument A: 1 → 2; file a changed (link to x → link to y); "
		"parent step 3 changed",
		false},
	{"stage", {"from:stage build", "p", NULL}, {"from:stage build", "q", NULL},
		"stage build changed", false},
	{"manifest", {"files", "sha256:1", NULL}, {"files", "sha256:2", NULL}, "", true},
	{"few files became many", {"file:a", "0644 sha256:1f00", NULL}, {"files", "sha256:2", NULL},
		"", true},
	{"epoch", {NULL}, {"epoch", "5", NULL}, "SOURCE_DATE_EPOCH: unset → 5", false},
	{"heredoc", {"heredoc:EOF", "long", NULL}, {"heredoc:EOF", "text", NULL},
		"heredoc EOF changed", false},
};

static void test_reasons(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(reasons); i++) {
		const struct reason *r = &reasons[i];
		struct build_inputs was cleanup_build_inputs = BUILD_INPUTS_INIT;
		struct build_inputs is cleanup_build_inputs = BUILD_INPUTS_INIT;
		struct strv why cleanup_strv = STRV_INIT;
		char key[STORE_DIGEST_MAX];
		fill(&was, r->was);
		fill(&is, r->is);
		build_inputs_key(&was, key); /* sorts */
		build_inputs_key(&is, key);
		bool files = build_inputs_compare(&was, &is, "parent step 3", NULL, &why);
		char *text = strv_join(&why, "; ");
		if (strcmp(text, r->why) != 0)
			print_error("%s\n", r->name);
		assert_string_equal(text, r->why);
		assert_int_equal(files, r->files);
		free(text);
	}
}

static void test_skipped_inputs(void **state)
{
	struct build_inputs was cleanup_build_inputs = BUILD_INPUTS_INIT;
	struct build_inputs is cleanup_build_inputs = BUILD_INPUTS_INIT;
	struct strv why cleanup_strv = STRV_INIT, skip cleanup_strv = STRV_INIT;
	build_inputs_add(&was, "parent", "p");
	build_inputs_add(&is, "parent", "q");
	strv_add(&skip, "parent");
	build_inputs_compare(&was, &is, "x", &skip, &why);
	assert_int_equal(why.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key_ignores_order),
		cmocka_unit_test(test_key_is_unambiguous),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_skipped_inputs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
