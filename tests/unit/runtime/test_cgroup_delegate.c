/* Where control groups can be made without root: a tree of plain files stands for /sys/fs/cgroup. */
#include "../test.h"

#include "base/file.h"
#include "base/mem.h"
#include "runtime/cgroup_delegate.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char top[] = "/var/tmp/kist-delegate-XXXXXX";

/* A group with its files; ours: of the user who asks. */
static void group(const char *path, bool ours, const char *procs)
{
	static const char *const files[] = {"", "/cgroup.procs", "/cgroup.subtree_control"};
	for (size_t i = 0; i < 3; i++) {
		cleanup_free char *file = mem_printf("%s%s%s", top, path, files[i]);
		if (i == 0)
			(void)!mkdir(file, 0755);
		else
			assert_int_equal(file_write(AT_FDCWD, file, i == 1 ? procs : "",
						 i == 1 ? strlen(procs) : 0, 0644, 0, NULL),
				0);
		assert_int_equal(chmod(file, ours ? 0777 : 0755), 0);
		if (i && !ours)
			assert_int_equal(chmod(file, 0644), 0);
	}
}

static int set_up(void **state)
{
	assert_non_null(mkdtemp(top));
	assert_int_equal(chmod(top, 0755), 0);
	group("", false, "");
	group("/user", false, "");
	group("/user/me", true, "");
	group("/user/me/shell", true, "1\n");
	group("/user/alone", true, "");
	group("/user/busy", true, "1\n2\n");
	group("/user/taken", false, "1\n");
	return 0;
}

static int tear_down(void **state)
{
	return file_remove_tree(AT_FDCWD, top, NULL);
}

/* In a child without privileges: root may write everywhere. */
static void check(const char *own, const char *want, const char *why_has)
{
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		char *base = NULL, *why = NULL;
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(9);
		int r = runtime_cgroup_delegated_at(top, own, &base, &why);
		bool ok = want ? r == 1 && base && strcmp(base, want) == 0
			       : r == 0 && why && strstr(why, why_has);
		_exit(ok ? 0 : 1);
	}
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_the_highest_group_that_is_ours(void **state)
{
	check("0::/user/me/shell\n", "/user/me", NULL);
	check("0::/user/me\n", "/user/me", NULL);
	check("7:pids:/x\n0::/user/alone\n", "/user/alone", NULL);
}

static void test_why_there_is_none(void **state)
{
	check("0::/user/taken\n", NULL, "'/user/taken' is not delegated to this user");
	check("0::/\n", NULL, "systemd-run --user --scope -p Delegate=yes");
	check("0::/user/busy\n", NULL, "has other processes in it");
	check("4:memory:/x\n", NULL, "no control group of version 2");
	check("0::/gone\n", NULL, "is not delegated");
	check("", NULL, "no control group of version 2");
}

/* Alone in its group it steps aside: a group that gives controllers away holds no process. */
static void test_room_is_made(void **state)
{
	int p[2];
	assert_int_equal(pipe(p), 0);
	pid_t pid = fork();
	if (pid == 0) {
		char *base = NULL, *why = NULL, go;
		if (read(p[0], &go, 1) != 1)
			_exit(8);
		if (geteuid() == 0 && (setgid(65534) < 0 || setuid(65534) < 0))
			_exit(9);
		/* a plain tree has no cgroup.procs in a new directory: that is how far it gets */
		int r = runtime_cgroup_delegated_at(top, "0::/user/alone\n", &base, &why);
		_exit(r == 0 && strstr(why, "other processes") ? 0 : 1);
	}
	char text[16];
	snprintf(text, sizeof(text), "%d\n", (int)pid);
	group("/user/alone", true, text);
	assert_int_equal(write(p[1], "", 1), 1);
	int status;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	cleanup_free char *leaf = mem_printf("%s/user/alone/kist-command", top);
	struct stat st;
	assert_int_equal(stat(leaf, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_highest_group_that_is_ours),
		cmocka_unit_test(test_why_there_is_none),
		cmocka_unit_test(test_room_is_made),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
