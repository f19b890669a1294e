/* Every Dockerfile of the shared data prints the tree beside it, every bad one is refused. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "dockerfile/parse.h"

#include <dirent.h>
#include <fcntl.h>

static char dir[4096];

static size_t trimmed(const struct buf *b)
{
	size_t n = b->len;
	while (n && strchr(" \n\t", b->data[n - 1]))
		n--;
	return n;
}

static int parse_file(
	const char *folder, const char *name, struct dockerfile **ret_file, struct err *e)
{
	char path[8192];
	struct buf bytes cleanup_buf = BUF_INIT;
	snprintf(path, sizeof(path), "%s/%s/%s/Dockerfile", dir, folder, name);
	assert_ok(file_read(AT_FDCWD, path, &bytes, e), e);
	return dockerfile_parse("Dockerfile", buf_str(&bytes), bytes.len, ret_file, e);
}

static bool set_dir(void)
{
	const char *data = getenv("KIST_SHARED_DATA");
	snprintf(dir, sizeof(dir), "%s/dockerfile", data ? data : "");
	if (data && file_exists(AT_FDCWD, dir))
		return true;
	print_message("SKIP: no shared data in '%s'\n", dir);
	return false;
}

static void test_pairs(void **state)
{
	if (!set_dir())
		skip();
	char path[8192];
	size_t n = 0, bad = 0;
	snprintf(path, sizeof(path), "%s/parser", dir);
	DIR *d cleanup_dir = opendir(path);
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		struct err e = ERR_INIT;
		struct dockerfile *f cleanup_dockerfile = NULL;
		struct buf printed cleanup_buf = BUF_INIT, expected cleanup_buf = BUF_INIT;
		n++;
		assert_ok(parse_file("parser", entry->d_name, &f, &e), &e);
		dockerfile_print_sexp(f, &printed);
		snprintf(path, sizeof(path), "%s/parser/%s/result", dir, entry->d_name);
		assert_ok(file_read(AT_FDCWD, path, &expected, &e), &e);
		if (trimmed(&printed) != trimmed(&expected) ||
			memcmp(printed.data, expected.data, trimmed(&expected)) != 0) {
			print_error("%s:\n%s\n--- expected\n%s\n", entry->d_name, buf_str(&printed),
				buf_str(&expected));
			bad++;
		}
	}
	assert_true(n >= 30);
	assert_int_equal(bad, 0);
}

static void test_negative(void **state)
{
	if (!set_dir())
		skip();
	char path[8192];
	size_t n = 0;
	snprintf(path, sizeof(path), "%s/parser-negative", dir);
	DIR *d cleanup_dir = opendir(path);
	assert_non_null(d);
	for (struct dirent *entry; (entry = readdir(d));) {
		if (entry->d_name[0] == '.')
			continue;
		struct err e = ERR_INIT;
		struct dockerfile *f cleanup_dockerfile = NULL;
		n++;
		assert_int_equal(parse_file("parser-negative", entry->d_name, &f, &e), -ERR_SYNTAX);
		assert_contains(e.msg, "Dockerfile:");
	}
	assert_true(n >= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_negative),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
