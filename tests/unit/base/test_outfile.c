/* Files that a person names for output. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/outfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/kist-outfile.XXXXXX";

static int setup(void **state)
{
	return mkdtemp(dir) ? chdir(dir) : -1;
}

static int teardown(void **state)
{
	return chdir("/") || file_remove_tree(AT_FDCWD, dir, NULL);
}

static void has(const char *path, const char *text)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(1000);
	assert_int_equal(file_read(AT_FDCWD, path, &b, NULL), 0);
	assert_string_equal(buf_str(&b), text);
}

static bool is_link(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode);
}

static void whole_or_nothing(void **state)
{
	struct err e = ERR_INIT;
	struct outfile o;
	assert_ok(outfile_write("f", "one", &e), &e);
	has("f", "one");
	assert_ok(outfile_open(&o, "f", &e), &e);
	assert_int_equal(write(o.fd, "two", 3), 3);
	has("f", "one");
	outfile_release(&o);
	has("f", "one");
	assert_string_equal(o.tmp ?: "", "");
	assert_ok(outfile_write("f", "three", &e), &e);
	has("f", "three");
}

/* /dev/stdout is such a link: it must not become a file */
static void links_stay(void **state)
{
	struct err e = ERR_INIT;
	assert_int_equal(mkdir("d", 0700), 0);
	assert_ok(outfile_write("d/target", "old", &e), &e);
	assert_int_equal(symlink("d/target", "link"), 0);
	assert_ok(outfile_write("link", "new", &e), &e);
	assert_true(is_link("link"));
	has("d/target", "new");
}

static void descriptors_and_pipes(void **state)
{
	struct err e = ERR_INIT;
	int fd = open("log", O_RDWR | O_CREAT, 0600);
	assert_int_equal(write(fd, "begun ", 6), 6);
	char *name cleanup_free = mem_printf("/dev/fd/%d", fd);
	assert_ok(outfile_write(name, "gone on", &e), &e);
	char *self cleanup_free = mem_printf("/proc/self/fd/%d", fd);
	assert_ok(outfile_write(self, ", done", &e), &e);
	close(fd);
	has("log", "begun gone on, done");
	assert_int_equal(outfile_write(name, "x", &e), -EBADF);

	int p[2];
	char text[8] = "";
	assert_int_equal(pipe(p), 0);
	char *through cleanup_free = mem_printf("/proc/%d/fd/%d", getpid(), p[1]);
	err_clear(&e);
	assert_ok(outfile_write(through, "piped", &e), &e);
	assert_int_equal(read(p[0], text, sizeof(text)), 5);
	assert_string_equal(text, "piped");
}

static void what_cannot_be(void **state)
{
	struct err e = ERR_INIT;
	assert_int_equal(outfile_write("no/such/f", "x", &e), -ENOENT);
	assert_string_equal(e.msg, "create 'no/such/f': No such file or directory");
	err_clear(&e);
	assert_int_equal(outfile_write("/tmp", "x", &e), -EISDIR);
	assert_int_equal(outfile_write(NULL, "x", NULL), 0);

	static const struct {
		const char *path;
		int result;
	} checks[] = {
		{"new", 0},
		{"f", 0},
		{"/dev/stdout", 0},
		{"/dev/null", 0},
		{"no/such/f", -ENOENT},
		{"/tmp", -EISDIR},
		{"/tmp/", -EISDIR},
	};
	for (size_t i = 0; i < ARRAY_SIZE(checks); i++)
		assert_int_equal(outfile_check(checks[i].path, NULL), checks[i].result);
	assert_int_equal(outfile_check(NULL, NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_or_nothing),
		cmocka_unit_test(links_stay),
		cmocka_unit_test(descriptors_and_pipes),
		cmocka_unit_test(what_cannot_be),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
