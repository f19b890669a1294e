/* The values of run's options, in docker's grammar. */
#include "../test.h"

#include "base/err.h"
#include "base/str.h"
#include "engine/option.h"

static void test_volume(void **state)
{
	static const struct {
		const char *spec, *type, *name, *source, *destination;
		bool readonly, anonymous, nocopy;
	} good[] = {
		{"/data", "volume", NULL, NULL, "/data", false, true, false},
		{"vol:/data", "volume", "vol", NULL, "/data", false, false, false},
		{"vol:/data:ro,nocopy", "volume", "vol", NULL, "/data", true, false, true},
		{"/a//b/./c/:/d/", "bind", NULL, "/a/b/c", "/d", false, false, false},
		{"/a:/d:rw,z", "bind", NULL, "/a", "/d", false, false, false},
		{"x:/d", "volume", "x", NULL, "/d", false, false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct engine_mounts m = {0};
		struct err e = ERR_INIT;
		assert_ok(engine_option_volume(good[i].spec, &m, &e), &e);
		assert_int_equal(m.n, 1);
		assert_string_equal(m.v[0].type, good[i].type);
		assert_true(str_eq(m.v[0].name, good[i].name));
		assert_true(str_eq(m.v[0].source, good[i].source));
		assert_string_equal(m.v[0].destination, good[i].destination);
		assert_int_equal(m.v[0].readonly, good[i].readonly);
		assert_int_equal(m.v[0].anonymous, good[i].anonymous);
		assert_int_equal(m.v[0].nocopy, good[i].nocopy);
		engine_mounts_release(&m);
	}
	static const char *const bad[] = {"", ":", "vol:", ":/d", "vol:rel", "a b:/d", "/a:/d:xx",
		"/a:/", "/a:/d:ro:more", "../x:/d", "-x:/d", "/a/../b:/d", "/a:/d/../e"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct engine_mounts m = {0};
		struct err e = ERR_INIT;
		assert_true(engine_option_volume(bad[i], &m, &e) < 0);
		assert_int_equal(m.n, 0);
		assert_contains(e.msg, "mount");
		engine_mounts_release(&m);
	}
}

static void test_mount(void **state)
{
	struct engine_mounts m = {0};
	struct err e = ERR_INIT;
	assert_ok(engine_option_mount("type=bind,src=/a,dst=/b,readonly", &m, &e), &e);
	assert_ok(engine_option_mount("source=v,target=/c,volume-nocopy=true", &m, &e), &e);
	assert_ok(
		engine_option_mount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770", &m, &e), &e);
	assert_ok(engine_option_mount("type=volume,dst=/anon", &m, &e), &e);
	assert_ok(engine_option_mount("type=bind,\"src=/with,comma\",dst=/q", &m, &e), &e);
	assert_ok(engine_option_tmpfs("/x:size=64k,exec", &m, &e), &e);
	assert_int_equal(m.n, 6);
	assert_true(m.v[0].readonly);
	assert_false(m.v[0].make_source);
	assert_string_equal(m.v[1].name, "v");
	assert_true(m.v[1].nocopy);
	assert_true(strv_has(&m.v[2].options, "size=1048576"));
	assert_true(strv_has(&m.v[2].options, "mode=1770"));
	assert_true(m.v[3].anonymous);
	assert_string_equal(m.v[4].source, "/with,comma");
	assert_true(strv_has(&m.v[5].options, "size=64k"));
	assert_false(strv_has(&m.v[5].options, "noexec"));
	assert_ok(engine_option_mounts_unique(&m, &e), &e);
	assert_ok(engine_option_volume("z:/b", &m, &e), &e);
	assert_true(engine_option_mounts_unique(&m, &e) < 0);
	assert_contains(e.msg, "'/b'");
	engine_mounts_release(&m);
	static const char *const bad[] = {"", "type=bind,src=/a", "type=bind,dst=/b",
		"type=bind,src=rel,dst=/b", "type=nfs,dst=/b", "dst=/b,wrong=1",
		"dst=/b,ro=perhaps", "type=tmpfs,src=/a,dst=/b", "type=volume,src=a/b,dst=/c",
		"\"dst=/b", "\"dst=/b\"x", "type=tmpfs,dst=/t,tmpfs-mode=9",
		"type=tmpfs,dst=/t,tmpfs-size=x"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err f = ERR_INIT;
		if (engine_option_mount(bad[i], &m, &f) >= 0)
			fail_msg("taken: %s", bad[i]);
		assert_int_equal(m.n, 0);
	}
	engine_mounts_release(&m);
}

static const char *look_up(const char *name)
{
	return str_eq(name, "OURS") ? "here" : NULL;
}

static void test_env_file(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "A=1\r\n# no\n\n  B = x\nC=\nOURS\nGONE\nA=2";
	struct strv env = STRV_INIT;
	struct err e = ERR_INIT;
	/* "B " has a blank: an error that names the line */
	assert_true(engine_option_env_file(text, sizeof(text) - 1, "f", look_up, &env, &e) < 0);
	assert_contains(e.msg, "f:4:");
	strv_release(&env);
	static const char good[] = "A=1\r\n# no\n\n  B=x y \nC=\nOURS\nGONE\nA=2";
	err_clear(&e);
	assert_ok(engine_option_env_file(good, sizeof(good) - 1, "f", look_up, &env, &e), &e);
	assert_string_equal(strv_env_get(&env, "A"), "2");
	assert_string_equal(strv_env_get(&env, "B"), "x y ");
	assert_string_equal(strv_env_get(&env, "C"), "");
	assert_string_equal(strv_env_get(&env, "OURS"), "here");
	assert_null(strv_env_get(&env, "GONE"));
	strv_release(&env);
	assert_true(engine_option_env_file("A\0B", 3, "f", NULL, &env, &e) < 0);
}

static void test_ulimit(void **state)
{
	struct oci_convert_rlimit r;
	struct err e = ERR_INIT;
	assert_ok(engine_option_ulimit("nofile=10:20", &r, &e), &e);
	assert_string_equal(r.type, "RLIMIT_NOFILE");
	assert_int_equal(r.soft, 10);
	assert_int_equal(r.hard, 20);
	assert_ok(engine_option_ulimit("core=-1", &r, &e), &e);
	assert_true(r.soft == UINT64_MAX && r.hard == UINT64_MAX);
	static const char *const bad[] = {
		"nofile", "nofile=", "nofile=x", "none=1", "nofile=3:2", "nofile=1:", "=1"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (engine_option_ulimit(bad[i], &r, NULL) >= 0)
			fail_msg("taken: %s", bad[i]);
}

static void test_device(void **state)
{
	static const struct {
		const char *spec, *host, *inside, *access;
	} good[] = {
		{"/dev/x", "/dev/x", "/dev/x", "rwm"},
		{"/dev/x:/dev/y", "/dev/x", "/dev/y", "rwm"},
		{"/dev/x:r", "/dev/x", "/dev/x", "r"},
		{"/dev/x:/dev/y:rw", "/dev/x", "/dev/y", "rw"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char *host, *inside, access[4];
		assert_int_equal(
			engine_option_device(good[i].spec, &host, &inside, access, NULL), 0);
		assert_string_equal(host, good[i].host);
		assert_string_equal(inside, good[i].inside);
		assert_string_equal(access, good[i].access);
		free(host);
		free(inside);
	}
	static const char *const bad[] = {
		"", "x", "/dev/x:x", "/dev/x:/y:z", "/a:/b:r:w", "/a:rwmr"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		char *host, *inside, access[4];
		assert_true(engine_option_device(bad[i], &host, &inside, access, NULL) < 0);
	}
}

static void test_words(void **state)
{
	struct engine_config c = ENGINE_CONFIG_INIT;
	int64_t v;
	assert_int_equal(engine_option_restart("on-failure:3", &c, NULL), 0);
	assert_int_equal(c.restart, ENGINE_RESTART_ON_FAILURE);
	assert_int_equal(c.restart_max, 3);
	assert_int_equal(engine_option_restart("unless-stopped", &c, NULL), 0);
	assert_true(engine_option_restart("always:3", &c, NULL) < 0);
	assert_true(engine_option_restart("on-failure:x", &c, NULL) < 0);
	assert_true(engine_option_restart("sometimes", &c, NULL) < 0);
	assert_int_equal(engine_option_log("max-size=20k", &c, NULL), 0);
	assert_int_equal(c.log_max_size, 20 * 1024);
	assert_true(engine_option_log("max-file=0", &c, NULL) < 0);
	assert_true(engine_option_log("tag=x", &c, NULL) < 0);
	assert_int_equal(engine_option_cpus("1.5", &v, NULL), 0);
	assert_int_equal(v, 1500000000);
	assert_int_equal(engine_option_cpus(".001", &v, NULL), 0);
	assert_int_equal(v, 1000000);
	assert_true(engine_option_cpus("", &v, NULL) < 0);
	assert_true(engine_option_cpus("0", &v, NULL) < 0);
	assert_true(engine_option_cpus("1x", &v, NULL) < 0);
	assert_int_equal(engine_option_bytes("memory", "64m", false, &v, NULL), 0);
	assert_int_equal(v, 64 << 20);
	assert_int_equal(engine_option_bytes("memory-swap", "-1", true, &v, NULL), 0);
	assert_int_equal(v, -1);
	assert_true(engine_option_bytes("memory", "-1", false, &v, NULL) < 0);
	assert_int_equal(engine_option_network("container:x", &c.network, NULL), 0);
	assert_true(engine_option_network("container:", &c.network, NULL) < 0);
	assert_true(engine_option_network("mine", &c.network, NULL) < 0);
	assert_int_equal(engine_option_name("a", NULL), 0);
	assert_true(engine_option_name("-a", NULL) < 0);
	assert_true(engine_option_name("a/b", NULL) < 0);
	engine_config_release(&c);
}

static void test_security(void **state)
{
	struct strv o = STRV_INIT;
	struct engine_security s;
	strv_add(&o, "no-new-privileges");
	strv_add(&o, "seccomp=/p.json");
	strv_add(&o, "systempaths=unconfined");
	strv_add(&o, "apparmor=unconfined");
	assert_int_equal(engine_option_security(&o, &s, NULL), 0);
	assert_true(s.no_new_privileges && s.unconfined_paths && !s.seccomp_unconfined);
	assert_string_equal(s.seccomp_file, "/p.json");
	strv_release(&o);
	static const char *const bad[] = {
		"apparmor=mine", "label=type:x", "seccomp", "systempaths=x", "y"};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct strv one = STRV_INIT;
		strv_add(&one, bad[i]);
		assert_true(engine_option_security(&one, &s, NULL) < 0);
		strv_release(&one);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_volume),
		cmocka_unit_test(test_mount),
		cmocka_unit_test(test_env_file),
		cmocka_unit_test(test_ulimit),
		cmocka_unit_test(test_device),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_security),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
