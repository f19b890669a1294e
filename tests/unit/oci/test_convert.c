/* From image config and options to a runtime config; users; capabilities; changes of configs. */
#include "../test.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "oci/caps.h"
#include "oci/config_edit.h"
#include "oci/convert.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/passwd.h"

static void list(struct strv *s, const char *words)
{
	strv_release(s);
	char *copy = strdup(words), *rest = copy, *w;
	while ((w = strsep(&rest, " ")))
		if (*w)
			strv_add(s, w);
	free(copy);
}

static void arguments(void **state)
{
	(void)state;
	static const struct {
		const char *image_entry, *image_cmd, *entry, *command, *result;
	} cases[] = {
		{"", "sh", NULL, "", "sh"},
		{"e", "c", NULL, "", "e c"},
		{"e", "c", NULL, "x y", "e x y"},
		{"e", "c", "n", "", "n"}, /* --entrypoint drops the image's Cmd */
		{"e", "c", "n", "x", "n x"},
		{"e", "c", "", "x", "x"},
		{"e", "c", "", "", NULL},
		{"", "", NULL, "", NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
		struct strv entry cleanup_strv = STRV_INIT, command cleanup_strv = STRV_INIT;
		struct strv args cleanup_strv = STRV_INIT;
		list(&c.config.entrypoint, cases[i].image_entry);
		list(&c.config.cmd, cases[i].image_cmd);
		list(&entry, cases[i].entry ?: "");
		if (cases[i].entry && !*cases[i].entry)
			strv_add(&entry, "");
		list(&command, cases[i].command);
		struct oci_convert_options o = {.has_entrypoint = cases[i].entry,
			.entrypoint = &entry,
			.command = &command};
		struct err e = ERR_INIT;
		int r = oci_convert_args(&c.config, &o, &args, &e);
		if (!cases[i].result) {
			assert_int_equal(r, -ERR_USAGE);
			continue;
		}
		assert_ok(r, &e);
		char *joined = strv_join(&args, " ");
		assert_string_equal(joined, cases[i].result);
		free(joined);
	}
}

static void environment(void **state)
{
	(void)state;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	strv_add(&c.config.env, "PATH=/bin");
	strv_add(&c.config.env, "A=1");
	struct strv env cleanup_strv = STRV_INIT, ret cleanup_strv = STRV_INIT;
	strv_add(&env, "A=2");
	strv_add(&env, "HOSTNAME");
	struct oci_user u = {.home = (char *)"/h"};
	struct oci_convert_options o = {.env = &env, .hostname = "x", .tty = true, .user = &u};
	oci_convert_env(&c.config, &o, &ret);
	char *joined = strv_join(&ret, " ");
	assert_string_equal(joined, "PATH=/bin TERM=xterm A=2 HOME=/h");
	free(joined);
}

static json_t *convert(const struct oci_container_config *c, const struct oci_convert_options *o)
{
	struct buf out cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(oci_convert_runtime(c, o, &out, &e), &e);
	json_error_t je;
	/* unlimited is beyond jansson's own numbers */
	json_t *doc = json_loads(buf_str(&out), JSON_DECODE_INT_AS_REAL, &je);
	if (!doc)
		print_error("%s\n%s\n", je.text, buf_str(&out));
	assert_non_null(doc);
	return doc;
}

static json_t *find_mount(json_t *doc, const char *destination)
{
	size_t i;
	json_t *m;
	json_array_foreach (json_object_get(doc, "mounts"), i, m) {
		if (str_eq(json_string_value(json_object_get(m, "destination")), destination))
			return m;
	}
	return NULL;
}

static void whole_documents(void **state)
{
	(void)state;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	list(&c.config.cmd, "sh");
	struct oci_convert_mount mounts[] = {
		{.type = "bind", .source = "/b", .destination = "/a/b/c"},
		{.type = "bind", .source = "/a", .destination = "/a"},
		{.type = "tmpfs", .destination = "/dev/shm"},
	};
	struct oci_convert_rlimit rlimit = {"RLIMIT_NOFILE", 1024, UINT64_MAX};
	uint32_t groups[] = {5, 1};
	struct oci_user user = {.uid = 7, .gid = 1, .home = (char *)"/"};
	struct oci_convert_options o = {.hostname = "h",
		.mounts = mounts,
		.nmounts = 3,
		.rlimits = &rlimit,
		.nrlimits = 1,
		.seccomp = "{\"defaultAction\":\"SCMP_ACT_ALLOW\"}",
		.seccomp_len = 34,
		.user = &user,
		.groups = groups,
		.ngroups = 2,
		.resources = {.memory = 1 << 20, .nano_cpus = 1500000000, .pids = 10}};
	cleanup_json json_t *doc = convert(&c.config, &o);
	json_t *p = json_object_get(doc, "process");
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(p, "user"), "additionalGids")), 2);
	assert_null(json_object_get(json_object_get(p, "capabilities"), "effective"));
	assert_int_equal(
		json_array_size(json_object_get(json_object_get(p, "capabilities"), "bounding")),
		14);
	assert_string_equal(
		json_string_value(json_object_get(find_mount(doc, "/dev/shm"), "type")), "tmpfs");
	size_t n = json_array_size(json_object_get(doc, "mounts"));
	json_t *last = json_array_get(json_object_get(doc, "mounts"), n - 1);
	assert_string_equal(json_string_value(json_object_get(last, "destination")), "/a/b/c");
	json_t *l = json_object_get(doc, "linux");
	assert_non_null(json_object_get(l, "seccomp"));
	assert_non_null(json_object_get(l, "maskedPaths"));
	json_t *cpu = json_object_get(json_object_get(l, "resources"), "cpu");
	assert_int_equal((int)json_number_value(json_object_get(cpu, "quota")), 150000);

	o.privileged = true;
	o.network = OCI_NETWORK_HOST;
	o.user = NULL;
	cleanup_json json_t *all = convert(&c.config, &o);
	l = json_object_get(all, "linux");
	assert_null(json_object_get(l, "maskedPaths"));
	assert_null(json_object_get(l, "sysctl"));
}

static void capabilities(void **state)
{
	(void)state;
	struct strv add cleanup_strv = STRV_INIT, drop cleanup_strv = STRV_INIT;
	uint64_t set;
	struct err e = ERR_INIT;
	list(&drop, "ALL");
	list(&add, "net_admin CAP_CHOWN");
	assert_ok(oci_caps_compute(false, &add, &drop, &set, &e), &e);
	assert_int_equal(set, (1ULL << 12) | 1);
	list(&add, "all");
	list(&drop, "chown");
	assert_ok(oci_caps_compute(false, &add, &drop, &set, &e), &e);
	assert_true(set == (OCI_CAPS_ALL & ~1ULL));
	list(&add, "NOPE");
	assert_int_equal(oci_caps_compute(false, &add, NULL, &set, &e), -ERR_USAGE);
	assert_contains(e.msg, "NOPE");
	struct oci_convert_options o = {.host_caps = 1};
	assert_int_equal(oci_convert_caps(&o), 1);
}

static void users(void **state)
{
	(void)state;
	static const char passwd[] = "root:x:0:0:root:/root:/bin/sh\nbroken\nbad:x:y:1::/:\n"
				     "app:x:1000:1000::/home/app:/bin/sh\nn2:x:2000:20";
	static const char group[] = "root:x:0:\naudio:x:29:app,other\nvideo:x:44:xapp,app\n"
				    "app:x:1000:app\n";
	static const struct {
		const char *spec;
		int uid, gid, ngroups;
		const char *home;
	} cases[] = {
		{"", 0, 0, 0, "/root"},
		{"root", 0, 0, 0, "/root"},
		{"app", 1000, 1000, 2, "/home/app"},
		{"1000", 1000, 1000, 2, "/home/app"},
		{"app:audio", 1000, 29, 0, "/home/app"},
		{"app:7", 1000, 7, 0, "/home/app"},
		{"4242", 4242, 0, 0, "/"},
		{"4242:1", 4242, 1, 0, "/"},
		{"n2", 2000, 20, 0, "/"},
		{"nobody", -1, 0, 0, NULL},
		{"app:nogroup", -1, 0, 0, NULL},
		{"4294967296", -1, 0, 0, NULL},
		{"bad", -1, 0, 0, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_user u;
		struct err e = ERR_INIT;
		int r = oci_user_resolve(
			cases[i].spec, passwd, strlen(passwd), group, strlen(group), &u, &e);
		if (cases[i].uid < 0) {
			assert_true(r < 0);
			continue;
		}
		assert_ok(r, &e);
		assert_int_equal(u.uid, cases[i].uid);
		assert_int_equal(u.gid, cases[i].gid);
		assert_int_equal(u.ngroups, cases[i].ngroups);
		assert_string_equal(u.home, cases[i].home);
		oci_user_release(&u);
	}
	struct oci_user u;
	assert_int_equal(oci_user_resolve("5", NULL, 0, NULL, 0, &u, NULL), 0);
	assert_int_equal(u.uid, 5);
	oci_user_release(&u);
}

static void changes(void **state)
{
	(void)state;
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct oci_container_config *k = &c.config;
	struct strv args cleanup_strv = STRV_INIT;
	struct err e = ERR_INIT;
	list(&args, "echo");
	oci_config_set_cmd(k, &args, true);
	assert_string_equal(k->cmd.v[0], "/bin/sh");
	assert_int_equal(k->cmd.n, 3);
	oci_config_set_entrypoint(k, &args, false, false);
	assert_false(k->has_cmd);
	assert_ok(oci_config_add_port(k, "8000-8002/UDP", &e), &e);
	assert_int_equal(k->exposed_ports.n, 3);
	assert_string_equal(k->exposed_ports.v[2], "8002/udp");
	assert_true(oci_config_add_port(k, "70000", NULL) < 0);
	assert_true(oci_config_add_port(k, "9-1", NULL) < 0);
	assert_true(oci_config_add_port(k, "1/xyz", NULL) < 0);
	assert_ok(oci_config_set_workdir(k, "a/./b/../c", &e), &e);
	assert_string_equal(k->working_dir, "/a/c");
	assert_ok(oci_config_set_workdir(k, "../../..", &e), &e);
	assert_string_equal(k->working_dir, "/");
	assert_ok(oci_config_set_stop_signal(k, "SIGTERM", &e), &e);
	assert_true(oci_config_set_stop_signal(k, "SIGNOPE", NULL) < 0);
}

/* Whose root the caller is decides what can be mounted and which ids there are. */
static void user_namespace(void **state)
{
	(void)state;
	static const struct {
		bool userns;
		uint32_t last_gid;
		enum oci_network network;
		bool pid_host;
		const char *has, *has_not;
	} cases[] = {
		{false, 0, OCI_NETWORK_HOST, true, "\"type\":\"sysfs\"", "\"source\":\"/sys\""},
		{true, 65536, OCI_NETWORK_HOST, false, "\"source\":\"/sys\"", "\"sysfs\""},
		{true, 65536, OCI_NETWORK_NEW, false, "\"0 65536\"", "\"source\":\"/sys\""},
		{true, 65536, OCI_NETWORK_NEW, false, "\"gid=5\"", "\"source\":\"/proc\""},
		{true, 0, OCI_NETWORK_NEW, false, "\"0 0\"", "gid=5"},
		{true, 65536, OCI_NETWORK_NEW, true, "\"source\":\"/proc\"", "\"type\":\"proc\""},
		{false, 0, OCI_NETWORK_NEW, false, "\"0 2147483647\"", "\"source\":\"/proc\""},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
		struct buf out cleanup_buf = BUF_INIT;
		struct err e = ERR_INIT;
		list(&c.config.cmd, "sh");
		struct oci_convert_options o = {.hostname = "h",
			.userns = cases[i].userns,
			.last_gid = cases[i].last_gid,
			.network = cases[i].network,
			.pid_host = cases[i].pid_host};
		assert_ok(oci_convert_runtime(&c.config, &o, &out, &e), &e);
		assert_non_null(strstr(buf_str(&out), cases[i].has));
		assert_null(strstr(buf_str(&out), cases[i].has_not));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(arguments),
		cmocka_unit_test(user_namespace),
		cmocka_unit_test(environment),
		cmocka_unit_test(whole_documents),
		cmocka_unit_test(capabilities),
		cmocka_unit_test(users),
		cmocka_unit_test(changes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
