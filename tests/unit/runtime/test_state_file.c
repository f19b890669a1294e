/* The file of a container: the record of its first process, the state, the config. */
#include "../test.h"

#include "base/err.h"
#include "base/file.h"
#include "runtime/state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct place {
	char path[64];
	int dir;
};

static int set_up(void **state)
{
	static struct place p;
	snprintf(p.path, sizeof(p.path), "/tmp/kist-state-XXXXXX");
	assert_non_null(mkdtemp(p.path));
	p.dir = open(p.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(p.dir >= 0);
	*state = &p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;
	close(p->dir);
	return file_remove_tree(AT_FDCWD, p->path, NULL);
}

static void assert_file(int dir, pid_t pid, uint64_t start, const char *text, const char *config)
{
	struct err e = ERR_INIT;
	struct state_file f cleanup_state_file = {0};
	assert_int_equal(state_file_read(dir, &f, &e), 0);
	assert_int_equal(f.pid, pid);
	assert_int_equal(f.start_time, start);
	assert_int_equal(f.state_len, strlen(text));
	assert_memory_equal(f.state, text, f.state_len);
	assert_int_equal(f.config_len, strlen(config));
	assert_memory_equal(f.config, config, f.config_len);
}

static void a_life(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	const char *config = "{\n  \"a\": 1\n}\n";
	assert_int_equal(
		state_file_create(p->dir, "{\"id\":\"x\"}", config, strlen(config), &e), 0);
	assert_file(p->dir, 0, 0, "{\"id\":\"x\"}", config);
	assert_true(state_file_create(p->dir, "{}", "{}", 2, &e) < 0);
	assert_int_equal(state_file_write_pid(p->dir, 4194304, UINT64_MAX, &e), 0);
	assert_file(p->dir, 4194304, UINT64_MAX, "{\"id\":\"x\"}", config);

	struct state_file f cleanup_state_file = {0};
	assert_int_equal(state_file_read(p->dir, &f, &e), 0);
	assert_int_equal(state_file_replace(p->dir, &f, NULL, "{}", &e), 0);
	assert_file(p->dir, 4194304, UINT64_MAX, "{\"id\":\"x\"}", "{}");
	assert_int_equal(state_file_replace(p->dir, &f, "{\"id\":\"y\"}", NULL, &e), 0);
	assert_file(p->dir, 4194304, UINT64_MAX, "{\"id\":\"y\"}", config);
}

/* What a killed runtime may leave is no container; a record that is not whole names no process. */
static void in_part(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	static const struct {
		const char *text;
		bool is_one;
	} cases[] = {
		{"", false},
		{"12 34 12", false},
		{"12 34 12                                       \n", false},
		{"12 34 12                                       \n{\"id\":\"x\"}", false},
		{"12 34 1                                        \n{}\n{}", true},
		{"12 34                                          \n{}\n{}", true},
		{"-1 34 -1                                       \n{}\n{}", true},
		{"                                               \n{}\n", true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct state_file f cleanup_state_file = {0};
		assert_int_equal(file_write(p->dir, STATE_FILE, cases[i].text,
					 strlen(cases[i].text), 0600, 0, &e),
			0);
		int r = state_file_read(p->dir, &f, &e);
		assert_int_equal(r, cases[i].is_one ? 0 : -ERR_NOT_FOUND);
		assert_int_equal(f.pid, 0);
		err_clear(&e);
	}
}

static void removed(void **state)
{
	struct place *p = *state;
	struct err e = ERR_INIT;
	char path[96];
	snprintf(path, sizeof(path), "%s/x", p->path);
	assert_int_equal(state_dir_remove(path, &e), 0); /* absent is fine */
	for (int more = 0; more < 2; more++) {
		assert_int_equal(mkdir(path, 0700), 0);
		int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		assert_int_equal(state_file_create(dir, "{}", "{}", 2, &e), 0);
		if (more)
			assert_int_equal(
				file_write(dir, SOCKET_FILE ".old", "x", 1, 0600, 0, &e), 0);
		close(dir);
		assert_int_equal(state_dir_remove(path, &e), 0);
		assert_false(file_exists(AT_FDCWD, path));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_life, set_up, tear_down),
		cmocka_unit_test_setup_teardown(in_part, set_up, tear_down),
		cmocka_unit_test_setup_teardown(removed, set_up, tear_down),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
