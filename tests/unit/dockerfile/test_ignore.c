/* .dockerignore: what each pattern excludes, who decided, which trees a walker may skip. */
#include "../test.h"

#include "base/err.h"
#include "dockerfile/glob.h"
#include "dockerfile/ignore.h"

static struct dockerfile_ignore *parse(const char *text)
{
	struct dockerfile_ignore *ig = NULL;
	struct err e = ERR_INIT;
	assert_ok(dockerfile_ignore_parse(".dockerignore", text, strlen(text), &ig, &e), &e);
	return ig;
}

static void test_verdicts(void **state)
{
	static const struct {
		const char *patterns, *path;
		bool excluded;
	} cases[] = {
		{"", "a", false},
		{"a", "a", true},
		{"a", "b/a", false},
		{"a", "a/b/c", true}, /* a directory takes what is below */
		{"a/", "a", true},
		{"/a", "a", true},
		{"/a/", "a/b", true},
		{"./a", "a", true},
		{"a//b/../c", "a/c", true},
		{"../a", "a", false},
		{"*", "a", true},
		{"*", ".hidden", true},
		{"*", "a/b", true}, /* by its parent */
		{"*.go", "x.go", true},
		{"*.go", "d/x.go", false},
		{"*/*.go", "d/x.go", true},
		{"*/temp*", "d/temporary.txt", true},
		{"*/temp*", "d/e/temporary.txt", false},
		{"*/*/temp*", "d/e/temporary.txt", true},
		{"temp?", "tempa", true},
		{"temp?", "temp", false},
		{"temp?", "temp/", false},
		{"**/*.go", "x.go", true},
		{"**/*.go", "d/e/x.go", true},
		{"**/*.go", "x.gox", false},
		{"**", "a/b/c", true},
		{"**/a", "a", true},
		{"**/a", "d/e/a", true},
		{"**/a", "d/ba", false},
		{"**a", "d/ba", true}, /* as the reference: any path that ends so */
		{"**/a/b", "x/a/b", true},
		{"a/**", "a/b/c", true},
		{"a/**", "a", false},
		{"a**", "abc/d", true},
		{"a/**/b", "a/b", true},
		{"a/**/b", "a/x/y/b", true},
		{"a/**/b", "a/x/yb", false},
		{"**/a/**", "x/a/y", true},
		{"**/a/**", "a/y", true},
		{"a**b*", "a/x/bc", true},
		{"[a-c]x", "bx", true},
		{"[a-c]x", "dx", false},
		{"[^a-c]x", "dx", true},
		{"[^a-c]x", "ax", false},
		{"a[b\\]]c", "a]c", true},
		{"a\\*b", "a*b", true},
		{"a\\*b", "axb", false},
		{"\\#a", "#a", true},
		{"#a", "#a", false},
		{" #a", "#a", true}, /* a comment begins in the first column */
		{"\xef\xbb\xbf"
		 "a",
			"a", true},
		{"\xef\xbb\xbf#a\nb", "b", true},
		{"a\r\nb\r\n", "b", true},
		{"  a  \n", "a", true},
		{".", "a", false},
		{"/", "a", false},
		{"\n\n", "a", false},
		{"a.b", "axb", false},
		{"\xc3\xa9?", "\xc3\xa9\xc3\xa9", true},
		{"*.md\n!README.md", "README.md", false},
		{"*.md\n!README.md", "x.md", true},
		{"!README.md\n*.md", "README.md", true}, /* the last one wins */
		{"*.md\n!README*.md\nREADME-secret.md", "README-secret.md", true},
		{"*.md\nREADME-secret.md\n!README*.md", "README-secret.md", false},
		{"a\n!a/b", "a/b", false}, /* an exception inside an excluded directory */
		{"a\n!a/b", "a/b/c", false},
		{"a\n!a/b", "a/c", true},
		{"a\n!a/b\na/b/secret", "a/b/secret", true},
		{"*\n!src/**/*.c", "src/x/y.c", false},
		{"*\n!src/**/*.c", "src/x/y.h", true},
		{"*\n! src", "src/y.h", false},
		{"a/b\n!a", "a/b", false}, /* the exception of a parent counts too */
		{"a", "", false},
		{"**", ".", false},
	};
	size_t bad = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dockerfile_ignore *ig cleanup_dockerfile_ignore = parse(cases[i].patterns);
		bool got = dockerfile_ignore_match(ig, cases[i].path).excluded;
		if (got != cases[i].excluded) {
			print_error("case %zu: '%s' on '%s': %s\n", i, cases[i].patterns,
				cases[i].path, got ? "excluded" : "included");
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

static void test_who_decided(void **state)
{
	struct dockerfile_ignore *ig cleanup_dockerfile_ignore =
		parse("# build output\n\n  /build/ \n!build/keep\n*.o\n");
	assert_int_equal(dockerfile_ignore_count(ig), 3);
	struct dockerfile_ignore_verdict v = dockerfile_ignore_match(ig, "build/x/y");
	assert_true(v.excluded);
	assert_string_equal(v.pattern, "/build/");
	assert_int_equal(v.line, 3);
	v = dockerfile_ignore_match(ig, "build/keep/y");
	assert_false(v.excluded);
	assert_string_equal(v.pattern, "!build/keep");
	assert_int_equal(v.line, 4);
	v = dockerfile_ignore_match(ig, "src");
	assert_false(v.excluded);
	assert_null(v.pattern);
	assert_int_equal(v.line, 0);
	v = dockerfile_ignore_match(NULL, "src");
	assert_false(v.excluded);
}

static void test_skipping(void **state)
{
	static const struct {
		const char *patterns, *dir;
		bool may;
	} cases[] = {
		{"a", "a", false},
		{"a", "b", true},
		{"a", "a/b", false},
		{"a\n!b", "a", false},
		{"a\n!a/b", "a", true},
		{"a\n!a/b", "a/b", true},
		{"a\n!a/b", "a/c", false},
		{"!a/b\na", "a", false}, /* an earlier exception helps nothing */
		{"a\n!ab/c", "a", false},
		{"a\n!*/c", "a", true},
		{"a\n!*/c", "a/b", false},
		{"a\n!**/c", "a/b", true},
		{"a\n!b/**/c", "a", false},
		{"a\n!a/**/c", "a/x/y", true},
		{"a\n!a/[bc]/d", "a/b", true},
		{"a\n!a/[bc]/d", "a/x", false},
		{"*\n!src", "src", true},
		{"*\n!src/x", "doc", false},
		{"*\n!src**", "src", true},
		{"*\n!src/x**", "src", true},
		{"*\n!src/x**", "src/y", false},
		{"**", "", true},
	};
	size_t bad = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dockerfile_ignore *ig cleanup_dockerfile_ignore = parse(cases[i].patterns);
		bool got = dockerfile_ignore_may_include_below(ig, cases[i].dir);
		if (got != cases[i].may) {
			print_error("case %zu: '%s' on '%s': %d\n", i, cases[i].patterns,
				cases[i].dir, got);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
}

/* A walk with states gives the same verdicts as a question for each path. */
static void test_walk(void **state)
{
	static const char patterns[] = "a\n!a/b\n**/x\n!**/x/keep\n*.o\nd/?\n!d/e\n";
	static const char *const parts[] = {"a", "b", "x", "keep", "m.o", "d", "e"};
	struct dockerfile_ignore *ig cleanup_dockerfile_ignore = parse(patterns);
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		for (size_t j = 0; j < ARRAY_SIZE(parts); j++)
			for (size_t k = 0; k < ARRAY_SIZE(parts); k++) {
				char one[20], two[40], three[60];
				snprintf(one, sizeof(one), "%s", parts[i]);
				snprintf(two, sizeof(two), "%s/%s", one, parts[j]);
				snprintf(three, sizeof(three), "%s/%s", two, parts[k]);
				size_t in = dockerfile_ignore_enter(ig, 0, one);
				size_t in2 = dockerfile_ignore_enter(ig, in, two);
				struct dockerfile_ignore_verdict a = dockerfile_ignore_match(
									 ig, three),
								 b = dockerfile_ignore_match_in(
									 ig, in2, three);
				assert_int_equal(a.excluded, b.excluded);
				assert_int_equal(a.line, b.line);
				if (!a.excluded) { /* then nothing above it was skipped */
					assert_true(dockerfile_ignore_may_include_in(ig, in, one));
					assert_true(dockerfile_ignore_may_include_in(ig, in2, two));
				}
			}
}

static void test_errors(void **state)
{
	static const char *const bad[] = {"ok\n[", "ok\n[a", "ok\n[]a]", "ok\n[^]", "ok\n[a-]",
		"ok\n\\", "ok\n!", "ok\n! ", "ok\n!/"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct dockerfile_ignore *ig cleanup_dockerfile_ignore = NULL;
		struct err e = ERR_INIT;
		assert_int_equal(
			dockerfile_ignore_parse("x.ignore", bad[i], strlen(bad[i]), &ig, &e),
			-ERR_SYNTAX);
		assert_contains(e.msg, "x.ignore:2:1: ");
	}
	char *big cleanup_free = malloc(5000);
	memset(big, '*', 5000);
	struct dockerfile_ignore *ig cleanup_dockerfile_ignore = NULL;
	struct err e = ERR_INIT;
	assert_int_equal(dockerfile_ignore_parse("x", big, 5000, &ig, &e), -ERR_LIMIT);
}

static void test_glob(void **state)
{
	static const struct {
		const char *pattern, *path;
		int result;
	} cases[] = {
		{"abc", "abc", 1},
		{"*", "abc", 1},
		{"*c", "abc", 1},
		{"a*", "a", 1},
		{"a*", "ab/c", 0},
		{"a*/b", "abc/b", 1},
		{"a*b*c*d*e*/f", "axbxcxdxe/f", 1},
		{"a*b*c*d*e*/f", "axbxcxdxexxx/fff", 0},
		{"a*b?c*x", "abxbbxdbxebxczzx", 1},
		{"a*b?c*x", "abxbbxdbxebxczzy", 0},
		{"ab[c]", "abc", 1},
		{"ab[b-d]", "abc", 1},
		{"ab[e-g]", "abc", 0},
		{"ab[^c]", "abc", 0},
		{"ab[^e-g]", "abc", 1},
		{"a\\*b", "a*b", 1},
		{"a\\*b", "ab", 0},
		{"a?b",
			"a\xe2\x98\xba"
			"b",
			1},
		{"a[^a]b",
			"a\xe2\x98\xba"
			"b",
			1},
		{"a???b",
			"a\xe2\x98\xba"
			"b",
			0},
		{"a?b", "a/b", 0},
		{"a*b", "a/b", 0},
		{"[\\]a]", "]", 1},
		{"[\\-x]", "x", 1},
		{"[\\-x]", "-", 1},
		{"[x\\-]", "z", 0},
		{"[-]", "-", -1},
		{"[x-]", "x", -1},
		{"[]a]", "]", -1},
		{"[a-b-c]", "a", -1},
		{"[", "a", -1},
		{"[^bc", "a", -1},
		{"a[", "ab", -1},
		{"a\\", "a", -1},
		{"*x", "xxx", 1},
		{"**", "a/b", 0},
		{"**", "ab", 1},
	};
	size_t bad = 0;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int got = dockerfile_glob_match(cases[i].pattern, cases[i].path);
		if ((got < 0 ? -1 : got) != cases[i].result) {
			print_error("'%s' on '%s': %d\n", cases[i].pattern, cases[i].path, got);
			bad++;
		}
	}
	assert_int_equal(bad, 0);
	assert_true(dockerfile_glob_has_magic("a[b]"));
	assert_false(dockerfile_glob_has_magic("a.b"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_verdicts),
		cmocka_unit_test(test_who_decided),
		cmocka_unit_test(test_skipping),
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_glob),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
