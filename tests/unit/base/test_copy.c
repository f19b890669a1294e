/* Copies of trees, and procfs that is checked. */
#include "../test.h"

#include "base/copy.h"
#include "base/err.h"
#include "base/file.h"
#include "base/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static int temporary(char *path)
{
	snprintf(path, 64, "/tmp/kist-copy.XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void copies(void **state)
{
	char from_path[64], to_path[64], text[8] = "";
	struct err e = ERR_INIT;
	struct stat st;
	int from = temporary(from_path), to = temporary(to_path);
	assert_int_equal(mkdirat(from, "d", 0750), 0);
	int fd = openat(from, "d/f", O_WRONLY | O_CREAT, 0640);
	assert_int_equal(write(fd, "text", 4), 4);
	close(fd);
	assert_int_equal(symlinkat("/nowhere", from, "d/link"), 0);
	assert_int_equal(mkfifoat(from, "pipe", 0600), 0);
	assert_int_equal(fchmod(from, 02711), 0);
	assert_ok(copy_tree(from, to, &e), &e);
	assert_int_equal(fstat(to, &st), 0);
	assert_int_equal(st.st_mode & 07777, 02711);
	assert_int_equal(fstatat(to, "d", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	fd = openat(to, "d/f", O_RDONLY);
	assert_int_equal(read(fd, text, sizeof(text)), 4);
	close(fd);
	assert_string_equal(text, "text");
	assert_int_equal(fstatat(to, "d/link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(fstatat(to, "pipe", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISFIFO(st.st_mode));
	/* nothing is written over */
	assert_true(copy_tree(from, to, &e) < 0);
	close(from);
	close(to);
	file_remove_tree(AT_FDCWD, from_path, NULL);
	file_remove_tree(AT_FDCWD, to_path, NULL);
}

static void procfs(void **state)
{
	struct err e = ERR_INIT;
	int fd = procfs_open("self/status", O_RDONLY, &e);
	assert_ok(fd, &e);
	close(fd);
	/* out of procfs by a magic link, or by dots */
	assert_true(procfs_open("self/root/etc", O_PATH, NULL) < 0);
	assert_true(procfs_open("self/cwd", O_PATH, NULL) < 0);
	assert_true(procfs_open("../etc", O_PATH, NULL) < 0);
	assert_int_equal(procfs_open("nosuch", O_RDONLY, &e), -ENOENT);
	assert_contains(e.msg, "/proc/nosuch");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(copies),
		cmocka_unit_test(procfs),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
