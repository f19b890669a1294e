/* Reading runtime configs: fields, the names of wrong places, hostile documents. */
#include "../test.h"
#include "sample.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "runtime/config.h"

#include <linux/mount.h>
#include <sys/mount.h>

static struct runtime_config *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct runtime_config *c = NULL;
	assert_ok(runtime_config_parse(text, strlen(text), &c, &e), &e);
	return c;
}

static void reads_process(void **state)
{
	struct runtime_config *c cleanup_runtime_config = parse(SAMPLE_CONFIG);
	const struct runtime_process *p = &c->process;
	assert_int_equal(p->uid, 5);
	assert_int_equal(p->gid, 6);
	assert_int_equal(p->umask, 022);
	assert_int_equal(p->ngroups, 2);
	assert_int_equal(p->groups[1], 8);
	assert_string_equal(p->args.v[1], "x");
	assert_null(p->args.v[2]);
	assert_int_equal(p->caps[RUNTIME_CAP_BOUNDING], 1 << 0 | 1 << 5);
	assert_int_equal(p->caps[RUNTIME_CAP_AMBIENT], 0);
	/* above INT64_MAX: Go writes infinity like this */
	assert_true(p->rlimits[0].limit.rlim_max == RLIM_INFINITY);
	assert_true(p->no_new_privs);
	assert_int_equal(p->oom_score_adj, 100);
}

static void reads_mounts(void **state)
{
	struct runtime_config *c cleanup_runtime_config = parse(SAMPLE_CONFIG);
	assert_int_equal(c->nmounts, 3);
	const struct runtime_mount *dev = &c->mounts[1], *data = &c->mounts[2];
	assert_int_equal(dev->attr_set, MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME);
	assert_int_equal(dev->data.n, 2);
	assert_string_equal(dev->data.v[0], "mode=755");
	assert_true(data->bind && data->bind_rec);
	assert_int_equal(data->attr_set, MOUNT_ATTR_RDONLY);
	assert_int_equal(data->propagation, MS_SLAVE);
	assert_true(data->propagation_rec);
	assert_false(data->sb_readonly);
}

static void reads_linux(void **state)
{
	struct runtime_config *c cleanup_runtime_config = parse(SAMPLE_CONFIG);
	assert_true(c->ns[RUNTIME_NS_PID].want);
	assert_null(c->ns[RUNTIME_NS_PID].path);
	assert_string_equal(c->ns[RUNTIME_NS_NET].path, "/run/netns/x");
	assert_false(c->ns[RUNTIME_NS_USER].want);
	assert_int_equal(c->devices[0].mode, 0660);
	assert_true(c->resources.memory.set);
	assert_int_equal(c->resources.memory.v, 1048576);
	assert_false(c->resources.cpu_quota.set);
	assert_int_equal(c->resources.devices[0].type, 'a');
	assert_string_equal(c->sysctl.v[0].value, "1");
	assert_int_equal(c->source_len, strlen(SAMPLE_CONFIG));
}

static void later_option_wins(void **state)
{
	struct runtime_config *c cleanup_runtime_config = parse(SAMPLE(SAMPLE_PROCESS,
		"[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":"
		"[\"ro\",\"rw\",\"noatime\",\"relatime\",\"rro\"]}]",
		SAMPLE_LINUX));
	const struct runtime_mount *m = &c->mounts[0];
	assert_int_equal(m->attr_set, MOUNT_ATTR_RELATIME);
	assert_int_equal(m->attr_clr, MOUNT_ATTR_RDONLY | MOUNT_ATTR__ATIME);
	assert_int_equal(m->attr_set_rec, MOUNT_ATTR_RDONLY);
	assert_true(m->bind);
}

#define PROCESS(x) SAMPLE("{\"args\":[\"a\"],\"cwd\":\"/\"," x "}", "[]", "{}")
#define MOUNT(x)   SAMPLE(SAMPLE_PROCESS, "[" x "]", "{}")
#define LINUX(x)   SAMPLE(SAMPLE_PROCESS, "[]", "{" x "}")

static const struct {
	const char *text, *error;
} bad[] = {
	{"", "JSON line 1"},
	{"[]", "not a JSON object"},
	{"{}", "document: ociVersion is missing"},
	{"{\"ociVersion\":\"2.0\",\"root\":{\"path\":\"r\"}}", "ociVersion '2.0'"},
	{"{\"ociVersion\":\"1.0\"}", "root is missing"},
	{"{\"ociVersion\":\"1.0\",\"root\":{\"path\":5}}", "root.path: expected a string"},
	{"{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"\"}}", "root: path is missing"},
	{PROCESS("\"user\":{\"uid\":\"0\"}"), "process.user.uid: expected a whole number"},
	{PROCESS("\"user\":{\"uid\":-1}"), "process.user.uid: -1 is not between"},
	{PROCESS("\"user\":{\"uid\":4294967296}"), "process.user.uid: 4294967296"},
	{PROCESS("\"user\":{\"additionalGids\":[1,\"x\"]}"), "process.user.additionalGids[1]"},
	{PROCESS("\"terminal\":1"), "process.terminal: expected true or false"},
	{PROCESS("\"env\":[1]"), "process.env[0]: expected a string"},
	{PROCESS("\"oomScoreAdj\":1001"), "process.oomScoreAdj: 1001"},
	{PROCESS("\"rlimits\":[{\"type\":\"X\",\"soft\":1,\"hard\":1}]"), "unknown type 'X'"},
	{PROCESS("\"rlimits\":[{\"type\":\"RLIMIT_CPU\",\"soft\":2,\"hard\":1}]"),
		"process.rlimits[0]: soft limit above"},
	{SAMPLE("{\"args\":[],\"cwd\":\"/\"}", "[]", "{}"), "process: args is missing or empty"},
	{SAMPLE("{\"args\":[\"a\"],\"cwd\":\"w\"}", "[]", "{}"), "cwd 'w' is not absolute"},
	{MOUNT("{\"type\":\"proc\"}"), "mounts[0]: destination is missing"},
	{MOUNT("{\"destination\":\"/a\",\"options\":[\"bind\"]}"), "source of a bind mount"},
	{MOUNT("{\"destination\":\"/a\"}"), "mounts[0]: type is missing"},
	{MOUNT("7"), "mounts[0]: expected an object"},
	{LINUX("\"namespaces\":[{\"type\":\"nope\"}]"), "linux.namespaces[0]: unknown type"},
	{LINUX("\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"pid\"}]"), "stands here twice"},
	{LINUX("\"namespaces\":[{\"type\":\"pid\",\"path\":\"x\"}]"), "is not absolute"},
	{LINUX("\"devices\":[{\"path\":\"/dev/x\",\"type\":\"q\"}]"), "linux.devices[0]: type 'q'"},
	{LINUX("\"rootfsPropagation\":\"odd\""), "rootfsPropagation 'odd'"},
	{LINUX("\"resources\":{\"cpu\":{\"cpus\":\"0;1\"}}"), "cpus '0;1'"},
	{LINUX("\"resources\":{\"unified\":{\"../x\":\"1\"}}"), "'../x' is not a file"},
	{LINUX("\"resources\":{\"devices\":[{\"allow\":true,\"access\":\"rx\"}]}"), "access 'rx'"},
	{LINUX("\"sysctl\":{\"a\":1}"), "linux.sysctl.a: expected a string"},
	{LINUX("\"seccomp\":7"), "linux.seccomp: expected an object"},
	{LINUX("\"seccomp\":{\"a\":[}"), "JSON line 1"},
	{LINUX("\"seccomp\":{\"a\":1},\"sec\\u0063omp\":{}"), "linux.seccomp: stands here twice"},
};

static void names_what_is_wrong(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct err e = ERR_INIT;
		struct runtime_config *c = NULL;
		int r = runtime_config_parse(bad[i].text, strlen(bad[i].text), &c, &e);
		if (r >= 0)
			print_error("accepted: %s\n", bad[i].text);
		assert_true(r < 0);
		assert_null(c);
		assert_contains(e.msg, bad[i].error);
	}
}

static void null_is_absent(void **state)
{
	struct runtime_config *c cleanup_runtime_config =
		parse(PROCESS("\"env\":null,\"capabilities\":null,\"rlimits\":null"));
	assert_int_equal(c->process.env.n, 0);
	assert_non_null(c->process.env.v);
	assert_false(c->process.has_caps);
}

static void deep_nesting_is_refused(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	for (int i = 0; i < 100000; i++)
		buf_add_char(&b, '[');
	struct err e = ERR_INIT;
	struct runtime_config *c = NULL;
	assert_int_equal(runtime_config_parse(b.data, b.len, &c, &e), -ERR_LIMIT);
	assert_contains(e.msg, "nests deeper");
}

static void brackets_in_strings_do_not_nest(void **state)
{
	struct buf b cleanup_buf = BUF_INIT;
	buf_add_str(&b, "{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"},\"hostname\":\"\\\"");
	for (int i = 0; i < 1000; i++)
		buf_add_char(&b, '[');
	buf_add_str(&b, "\"}");
	struct runtime_config *c cleanup_runtime_config = parse(buf_str(&b));
	assert_int_equal(strlen(c->hostname), 1001);
}

static void filter_is_kept_as_text(void **state)
{
	static const char text[] =
		"{\"defaultAction\" : \"}\", \"x\":[{\"seccomp\":{}}, 18446744073709551615]}";
	struct buf b cleanup_buf = BUF_INIT;
	buf_printf(&b,
		"{\"ociVersion\":\"1.0\",\"seccomp\":{\"no\":1},\"a\":{\"seccomp\":{\"no\":1}},"
		"\"linux\" : {\"x\":{\"seccomp\":{\"no\":1}},\"seccomp\" :%s,"
		"\"cgroupsPath\":\"/a\"},\"root\":{\"path\":\"r\"}}",
		text);
	struct runtime_config *c cleanup_runtime_config = parse(buf_str(&b));
	assert_string_equal(c->seccomp, text);
	assert_int_equal(c->seccomp_len, strlen(text));
	assert_string_equal(c->cgroups_path, "/a");
	/* the config is kept whole */
	assert_int_equal(c->source_len, b.len);
	struct err e = ERR_INIT;
	struct runtime_config *twice = NULL;
	const char *two = LINUX("\"seccomp\":{\"a\":1},\"seccomp\":{\"b\":1}");
	assert_true(runtime_config_parse(two, strlen(two), &twice, &e) < 0);
	assert_contains(e.msg, "linux.seccomp: stands here twice");
	err_clear(&e);
	const char *broken = LINUX("\n\"seccomp\":{\"a\":\n1},\n5");
	assert_true(runtime_config_parse(broken, strlen(broken), &twice, &e) < 0);
	assert_contains(e.msg, "JSON line 4");
	struct runtime_config *none cleanup_runtime_config = parse(LINUX("\"seccomp\":null"));
	assert_null(none->seccomp);
	struct runtime_config *empty cleanup_runtime_config = parse(LINUX("\"seccomp\":{}"));
	assert_string_equal(empty->seccomp, "{}");
	struct runtime_config *spelled cleanup_runtime_config =
		parse(LINUX("\"sec\\u0063omp\":{\"a\":1}"));
	assert_string_equal(spelled->seccomp, "{\"a\":1}");
}

static void parts_alone(void **state)
{
	struct err e = ERR_INIT;
	struct runtime_config *c = NULL;
	assert_ok(runtime_config_parse_process(SAMPLE_PROCESS, strlen(SAMPLE_PROCESS), &c, &e), &e);
	assert_true(c->has_process);
	assert_string_equal(c->process.cwd, "/w");
	runtime_config_free(c);
	const char *res = "{\"memory\":{\"limit\":-1},\"cpu\":{\"shares\":2}}";
	assert_ok(runtime_config_parse_resources(res, strlen(res), &c, &e), &e);
	assert_int_equal(c->resources.memory.v, -1);
	assert_int_equal(c->resources.cpu_shares.v, 2);
	runtime_config_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_process),
		cmocka_unit_test(reads_mounts),
		cmocka_unit_test(reads_linux),
		cmocka_unit_test(later_option_wins),
		cmocka_unit_test(names_what_is_wrong),
		cmocka_unit_test(null_is_absent),
		cmocka_unit_test(deep_nesting_is_refused),
		cmocka_unit_test(brackets_in_strings_do_not_nest),
		cmocka_unit_test(filter_is_kept_as_text),
		cmocka_unit_test(parts_alone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
