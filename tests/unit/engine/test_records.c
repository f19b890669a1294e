/* What is kept of a container: its config as JSON, its state, its log. */
#include "../test.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/config.h"
#include "engine/log.h"
#include "engine/monitor.h"
#include "engine/state.h"

#include <fcntl.h>
#include <unistd.h>

static void test_config(void **state)
{
	struct engine_config c = ENGINE_CONFIG_INIT, d = ENGINE_CONFIG_INIT;
	struct err e = ERR_INIT;
	struct buf b cleanup_buf = BUF_INIT, again cleanup_buf = BUF_INIT;
	c.image_name = mem_strdup("img");
	c.tty = true;
	c.memory = 123456789012;
	c.memory_swap = -1;
	strv_add(&c.ports, "80:80");
	strv_add(&c.config.cmd, "sh");
	c.config.has_cmd = true;
	c.config.user = mem_strdup("a:b");
	struct engine_mount *m = engine_mounts_add(&c.mounts);
	m->type = mem_strdup("volume");
	m->name = mem_strdup("n");
	m->destination = mem_strdup("/d");
	m->readonly = true;
	strv_add(&m->options, "rprivate");
	engine_config_format(&c, &b);
	assert_ok(engine_config_parse(buf_str(&b), &d, &e), &e);
	engine_config_format(&d, &again);
	assert_string_equal(buf_str(&b), buf_str(&again));
	engine_config_copy(&d, &c); /* over what was there */
	buf_clear(&again);
	engine_config_format(&d, &again);
	assert_string_equal(buf_str(&b), buf_str(&again));
	assert_ptr_not_equal(d.mounts.v[0].name, c.mounts.v[0].name);
	assert_true(d.tty);
	assert_int_equal(d.memory, 123456789012);
	assert_int_equal(d.memory_swap, -1);
	assert_string_equal(d.mounts.v[0].name, "n");
	assert_true(d.mounts.v[0].readonly);
	assert_string_equal(d.config.user, "a:b");
	engine_config_release(&c);
	engine_config_release(&d);
	static const char *const bad[] = {"", "[]", "{\"Tty\":1}", "{\"Mounts\":[{}]}",
		"{\"Mounts\":[3]}", "{\"Ports\":[1]}", "{\"Memory\":\"x\"}"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(engine_config_parse(bad[i], &d, NULL) < 0);
}

static void test_state(void **state)
{
	struct engine_state s = {.status = ENGINE_RUNNING,
		.pid = 77,
		.pid_start = 123456789012345,
		.boot = "boot-id",
		.started = 1700000000123456789,
		.exit_code = 137,
		.oom_killed = true,
		.health = ENGINE_HEALTH_UNHEALTHY,
		.ip = "10.87.0.2",
		.ports = "0.0.0.0:80->80/tcp",
		.error = "two\nlines"};
	struct engine_state t;
	char text[ENGINE_STATE_TEXT];
	size_t len = engine_state_format(&s, text);
	assert_int_equal(engine_state_parse(text, len, &t), 0);
	assert_int_equal(t.status, ENGINE_RUNNING);
	assert_int_equal(t.pid, 77);
	assert_true(t.pid_start == s.pid_start && t.started == s.started);
	assert_string_equal(t.ports, s.ports);
	assert_string_equal(t.error, "two lines");
	assert_int_equal(t.health, ENGINE_HEALTH_UNHEALTHY);
	/* a shorter record over a longer one: the old rest does not matter */
	char both[ENGINE_STATE_TEXT];
	struct engine_state empty = {.status = ENGINE_EXITED};
	memcpy(both, text, len);
	engine_state_format(&empty, both);
	assert_int_equal(engine_state_parse(both, len, &t), 0);
	assert_int_equal(t.status, ENGINE_EXITED);
	/* torn anywhere: not taken */
	for (size_t cut = 0; cut < len; cut++) {
		memcpy(both, text, len);
		both[cut] ^= 1;
		struct engine_state u = {0};
		assert_true(engine_state_parse(both, len, &u) < 0);
		assert_true(engine_state_parse(text, cut, &u) < 0);
	}
}

static void test_state_long(void **state)
{
	struct engine_state s = {.status = ENGINE_RUNNING}, t;
	char text[ENGINE_STATE_TEXT];
	memset(s.ports, 'p', sizeof(s.ports) - 1);
	memset(s.error, 'e', sizeof(s.error) - 1);
	size_t len = engine_state_format(&s, text);
	assert_true(len < ENGINE_STATE_TEXT);
	assert_int_equal(engine_state_parse(text, len, &t), 0);
}

struct seen {
	struct buf text;
	size_t lines;
};

static int take(const struct engine_log_record *r, void *arg)
{
	struct seen *s = arg;
	buf_add(&s->text, r->text, r->len);
	if (!r->partial)
		buf_add_char(&s->text, '\n');
	s->lines += !r->partial;
	return 0;
}

static int scratch(char path[64])
{
	snprintf(path, 64, "/tmp/kist-log-XXXXXX");
	assert_non_null(mkdtemp(path));
	return open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void test_log(void **state)
{
	char path[64];
	cleanup_fd int dir = scratch(path);
	struct engine_log l;
	struct err e = ERR_INIT;
	struct seen all = {.text = BUF_INIT}, tail = {.text = BUF_INIT};
	engine_log_init(&l, dir, 0, 0);
	assert_false(file_exists(dir, "log")); /* nothing written, no file */
	engine_log_write(&l, ENGINE_STDOUT, 1700000000000000000, "one\ntwo\nthr", 11);
	engine_log_write(&l, ENGINE_STDOUT, 1700000000000000001, "ee\n\n", 4);
	cleanup_free char *big = mem_alloc(50000);
	memset(big, 'x', 49999);
	big[49998] = '\n';
	engine_log_write(&l, ENGINE_STDERR, 1700000000000000002, big, 49999);
	engine_log_close(&l);
	struct engine_log_options o = {.tail = -1, .alive_fd = -1, .each = take, .arg = &all};
	assert_ok(engine_log_read(dir, &o, &e), &e);
	assert_int_equal(all.lines, 5);
	assert_int_equal(all.text.len, 15 + 49999);
	assert_memory_equal(buf_str(&all.text), "one\ntwo\nthree\n\nxxx", 18);
	o.tail = 2;
	o.arg = &tail;
	assert_ok(engine_log_read(dir, &o, &e), &e);
	assert_int_equal(tail.lines, 2);
	assert_int_equal(tail.text.len, 1 + 49999);
	buf_release(&all.text);
	buf_release(&tail.text);
	file_remove_tree(AT_FDCWD, path, NULL);
}

static void test_log_rotation(void **state)
{
	char path[64], line[32];
	cleanup_fd int dir = scratch(path);
	struct engine_log l;
	struct seen all = {.text = BUF_INIT};
	engine_log_init(&l, dir, 4096, 2);
	for (int i = 0; i < 1000; i++) {
		int n = snprintf(line, sizeof(line), "line %d\n", i);
		engine_log_write(&l, ENGINE_STDOUT, 1700000000000000000 + i, line, (size_t)n);
	}
	engine_log_close(&l);
	assert_true(file_exists(dir, "log.1"));
	assert_false(file_exists(dir, "log.2"));
	struct engine_log_options o = {.tail = 3, .alive_fd = -1, .each = take, .arg = &all};
	assert_int_equal(engine_log_read(dir, &o, NULL), 0);
	assert_string_equal(buf_str(&all.text), "line 997\nline 998\nline 999\n");
	buf_release(&all.text);
	file_remove_tree(AT_FDCWD, path, NULL);
}

static void test_log_times(void **state)
{
	/* the calendar by hand agrees with the library's */
	static const int64_t times[] = {0, 951782399123456789, 951782400000000000,
		1709164800000000001, 4102444800000000000, 1798675199999999999};
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		char path[64];
		cleanup_fd int dir = scratch(path);
		struct engine_log l;
		struct engine_log_record r;
		struct buf b cleanup_buf = BUF_INIT;
		engine_log_init(&l, dir, 0, 0);
		engine_log_write(&l, ENGINE_STDERR, times[i], "x\n", 2);
		engine_log_close(&l);
		assert_int_equal(file_read(dir, "log", &b, NULL), 0);
		assert_int_equal(engine_log_parse(buf_str(&b), b.len - 1, &r), 0);
		assert_true(r.time == times[i]);
		assert_int_equal(r.stream, ENGINE_STDERR);
		file_remove_tree(AT_FDCWD, path, NULL);
	}
	struct engine_log_record r;
	static const char *const bad[] = {"", "x", "2024-01-01T00:00:00Z stdout F",
		"2024-01-01T00:00:00Z stdin F x", "2024-01-01T00:00:00Z stdout X x",
		"never stdout F x"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		assert_true(engine_log_parse(bad[i], strlen(bad[i]), &r) < 0);
}

static void test_monitor_args(void **state)
{
	struct engine_monitor m = ENGINE_MONITOR_INIT, n = ENGINE_MONITOR_INIT;
	struct strv argv = STRV_INIT;
	struct err e = ERR_INIT;
	m.id = mem_strdup("abc");
	m.dir = open("/", O_RDONLY | O_CLOEXEC);
	m.stop_signal = 15;
	m.log_max_size = 1 << 20;
	m.stdin_once = true;
	m.health_interval = 5000000000;
	strv_add(&m.kist, "/bin/kist");
	strv_add(&m.kist, "--root=/x y");
	strv_add(&m.upstreams, "1.1.1.1");
	engine_monitor_format(&m, &argv);
	assert_ok(engine_monitor_parse(strv_items(&argv), &n, &e), &e);
	assert_string_equal(n.id, "abc");
	assert_int_equal(n.dir, m.dir);
	assert_int_equal(n.stop_signal, 15);
	assert_true(n.stdin_once && n.health_interval == 5000000000);
	assert_true(strv_equal(&n.kist, &m.kist) && strv_equal(&n.upstreams, &m.upstreams));
	assert_int_equal(n.out, -1);
	n.dir = -1;
	engine_monitor_release(&n);
	engine_monitor_release(&m);
	strv_release(&argv);
	char *none[] = {NULL}, *wrong[] = {(char *)"nosuch=1", NULL};
	assert_true(engine_monitor_parse(none, &n, NULL) < 0);
	assert_true(engine_monitor_parse(wrong, &n, NULL) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_long),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_log_rotation),
		cmocka_unit_test(test_log_times),
		cmocka_unit_test(test_monitor_args),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
