/* Walking a directory, with and without ignore rules, and finding where a path really is. */
#include "../test.h"

#include "base/buf.h"
#include "base/defs.h"
#include "base/err.h"
#include "base/file.h"
#include "build/tree.h"
#include "dockerfile/ignore.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char path[64];
	int fd;
};

static void put(int dir, const char *path, const char *text)
{
	char parent[128];
	snprintf(parent, sizeof(parent), "%s", path);
	char *slash = strrchr(parent, '/');
	if (slash) {
		*slash = 0;
		assert_int_equal(file_mkdirs(dir, parent, 0755, NULL), 0);
	}
	assert_int_equal(file_write(dir, path, text, strlen(text), 0644, 0, NULL), 0);
}

static int set_up(void **state)
{
	static struct place p;
	snprintf(p.path, sizeof(p.path), "/tmp/kist-tree-XXXXXX");
	if (!mkdtemp(p.path))
		return -1;
	p.fd = open(p.path, O_RDONLY | O_DIRECTORY);
	put(p.fd, "a.txt", "a");
	put(p.fd, "docs/readme.md", "r");
	put(p.fd, "docs/secret/key", "k");
	put(p.fd, "src/main.c", "m");
	put(p.fd, "src-old/x", "x");
	put(p.fd, "src/deep/er/y", "y");
	assert_int_equal(symlinkat("main.c", p.fd, "src/link"), 0);
	assert_int_equal(symlinkat("deep/er", p.fd, "src/dirlink"), 0);
	assert_int_equal(symlinkat("/etc/passwd", p.fd, "abs"), 0);
	assert_int_equal(symlinkat("../../etc", p.fd, "src/up"), 0);
	assert_int_equal(symlinkat("loop2", p.fd, "loop1"), 0);
	assert_int_equal(symlinkat("loop1", p.fd, "loop2"), 0);
	*state = &p;
	return p.fd < 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	close(p->fd);
	return file_remove_tree(AT_FDCWD, p->path, NULL);
}

/* Paths of a walk in one line; entries that are only listed for their reason in brackets. */
static char *walk(int fd, const char *dir, const char *rules, unsigned depth, unsigned threads,
	enum build_tree_flags flags)
{
	struct err e = ERR_INIT;
	struct dockerfile_ignore *ig cleanup_dockerfile_ignore = NULL;
	if (rules)
		assert_ok(dockerfile_ignore_parse(".dockerignore", rules, strlen(rules), &ig, &e),
			&e);
	struct build_tree t cleanup_build_tree = BUILD_TREE_INIT;
	struct build_tree_options o = {
		.ignore = ig, .depth = depth, .threads = threads, .flags = flags};
	assert_ok(build_tree_walk(fd, dir, &o, &t, &e), &e);
	struct buf b cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < t.n; i++)
		buf_printf(&b, t.v[i].pattern ? "[%s %s:%u] " : "%s ",
			t.v[i].path[0] ? t.v[i].path : ".", t.v[i].pattern, t.v[i].line);
	return buf_take(&b);
}

/* A directory that is left out, and listed for what it holds, names its pattern: not here. */
static char *without_reasons(const char *text)
{
	struct buf b cleanup_buf = BUF_INIT;
	while (*text) {
		bool bracket = *text == '[';
		text += bracket;
		buf_add(&b, text, strcspn(text, " ") + 1);
		text = bracket ? strchr(text, ']') + 2 : text + strcspn(text, " ") + 1;
	}
	return buf_take(&b);
}

static void test_walk(void **state)
{
	const struct place *p = *state;
	static const struct {
		const char *dir, *rules;
		unsigned depth;
		const char *want;
	} cases[] = {
		{"", NULL, 0,
			". a.txt abs docs docs/readme.md docs/secret docs/secret/key loop1 loop2 "
			"src src/deep src/deep/er src/deep/er/y src/dirlink src/link src/main.c "
			"src/up src-old src-old/x "},
		{"src", NULL, 1, "src src/deep src/dirlink src/link src/main.c src/up "},
		{"a.txt", NULL, 0, "a.txt "},
		{"", "*\n!src/main.c\n", 0, ". src src/main.c "},
		{"", "docs\n!docs/readme.md\n", 1, ". a.txt abs docs loop1 loop2 src src-old "},
		{"docs", "docs\n!docs/readme.md\n", 0, "docs docs/readme.md "},
		{"docs", "**/key\n", 0, "docs docs/readme.md docs/secret "},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		for (unsigned threads = 1; threads <= 3; threads += 2) {
			char *got = walk(
				p->fd, cases[i].dir, cases[i].rules, cases[i].depth, threads, 0);
			char *plain = without_reasons(got);
			assert_string_equal(plain, cases[i].want);
			free(plain);
			free(got);
		}
}

static void test_reasons(void **state)
{
	const struct place *p = *state;
	char *got = walk(p->fd, "docs", "docs/secret\n# words\n*.md\ndocs/*.md\n", 0, 1,
		BUILD_TREE_EXCLUDED);
	assert_string_equal(got, "docs [docs/readme.md docs/*.md:4] [docs/secret docs/secret:1] ");
	free(got);
}

static void test_missing(void **state)
{
	const struct place *p = *state;
	struct err e = ERR_INIT;
	struct build_tree t cleanup_build_tree = BUILD_TREE_INIT;
	struct build_tree_options o = {0};
	assert_int_equal(build_tree_walk(p->fd, "nope", &o, &t, &e), -ENOENT);
	volatile sig_atomic_t stop = 1;
	o.stop = &stop;
	err_clear(&e);
	assert_int_equal(build_tree_walk(p->fd, "", &o, &t, &e), -ERR_INTERRUPTED);
}

static void test_compare(void **state)
{
	assert_true(build_path_compare("a", "a/b") < 0);
	assert_true(build_path_compare("a/b", "a-b") < 0);
	assert_true(build_path_compare("a/z", "a.b/a") < 0);
	assert_true(build_path_compare("", "a") < 0);
	assert_int_equal(build_path_compare("a/b", "a/b"), 0);
	assert_true(build_path_compare("a\xff", "ab") > 0);
}

static void test_resolve(void **state)
{
	const struct place *p = *state;
	static const struct {
		const char *path;
		enum build_resolve_flags flags;
		int result;
		const char *want;
	} cases[] = {
		{"src/link", 0, 0, "src/main.c"},
		{"src/link", BUILD_RESOLVE_NOFOLLOW, 0, "src/link"},
		{"src/dirlink/y", 0, 0, "src/deep/er/y"},
		{"/src//./dirlink/../er/y", 0, 0, "src/deep/er/y"},
		{"", 0, 0, ""},
		{"..", 0, 0, ""},
		{"nope", 0, -ENOENT, NULL},
		{"nope/x/../y", BUILD_RESOLVE_MISSING, 0, "nope/y"},
		{"abs", 0, -ERR_FORMAT, NULL},
		{"src/up", 0, -ERR_FORMAT, NULL},
		{"src/up/passwd", 0, -ERR_FORMAT, NULL},
		{"src/up", BUILD_RESOLVE_INSIDE | BUILD_RESOLVE_MISSING, 0, "etc"},
		{"abs", BUILD_RESOLVE_INSIDE | BUILD_RESOLVE_MISSING, 0, "etc/passwd"},
		{"loop1", 0, -ELOOP, NULL},
		{"a.txt/x", 0, -ENOTDIR, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct err e = ERR_INIT;
		char *got = NULL;
		int r = build_path_resolve(p->fd, cases[i].path, cases[i].flags, &got, &e);
		if (r != cases[i].result)
			print_error("%s: %d %s\n", cases[i].path, r, e.msg);
		assert_int_equal(r, cases[i].result);
		if (r == 0)
			assert_string_equal(got, cases[i].want);
		free(got);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),
		cmocka_unit_test(test_reasons),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_compare),
		cmocka_unit_test(test_resolve),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
