/* The plan: order of steps, what is refused. */
#include "../test.h"
#include "sample.h"

#include "base/buf.h"
#include "base/err.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/plan.h"

static struct runtime_config *parse(const char *text)
{
	struct err e = ERR_INIT;
	struct runtime_config *c = NULL;
	assert_ok(runtime_config_parse(text, strlen(text), &c, &e), &e);
	return c;
}

static int no_network(void *ctx, pid_t pid, int fd, struct err *e)
{
	return 0;
}

static void whole_plan(void **state)
{
	static const char expected[] =
		"cgroup\n"
		"clone pid ipc uts mount\n"
		"session\n"
		"setns /run/netns/x\n"
		"oom-score\n"
		"hostname h\n"
		"propagation\n"
		"root rootfs\n"
		"close-fds\n"
		"mount /proc type proc\n"
		"mount /dev type tmpfs set 0x22 clear 0x70 data mode=755,size=64k\n"
		"mount /data rbind /tmp set 0x1 clear 0\n"
		"join-cgroup\n"
		"device /dev/null c 1:3 0666\n"
		"device /dev/zero c 1:5 0666\n"
		"device /dev/full c 1:7 0666\n"
		"device /dev/random c 1:8 0666\n"
		"device /dev/urandom c 1:9 0666\n"
		"device /dev/tty c 5:0 0666\n"
		"device /dev/fuse c 10:229 0660\n"
		"dev-links\n"
		"make-cwd /w\n"
		"sysctl net.ipv4.ip_forward=1\n"
		"readonly-path /proc/sys\n"
		"mask-path /proc/kcore\n"
		"pivot\n"
		"keyring\n"
		"hide-runtime\n"
		"rlimits\n"
		"cwd /w\n"
		"no-new-privs\n"
		"user 5:6 groups 7,8 caps 0x1\n"
		"find-program\n"
		"ready\n"
		"exec /bin/true\n";
	struct runtime_config *c cleanup_runtime_config = parse(SAMPLE_CONFIG);
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	struct runtime_plan p cleanup_runtime_plan = {NULL};
	struct buf b cleanup_buf = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(runtime_plan_make(c, &o, &p, &e), &e);
	runtime_plan_print(&p, &b);
	assert_string_equal(buf_str(&b), expected);
}

static char *plan_text(const char *config, const struct runtime_options *o)
{
	struct runtime_config *c cleanup_runtime_config = parse(config);
	struct runtime_plan p cleanup_runtime_plan = {NULL};
	struct buf b = BUF_INIT;
	struct err e = ERR_INIT;
	assert_ok(runtime_plan_make(c, o, &p, &e), &e);
	runtime_plan_print(&p, &b);
	return buf_take(&b);
}

#define NS(x)      SAMPLE(SAMPLE_PROCESS, "[]", "{\"namespaces\":[{\"type\":\"mount\"}" x "]}")
#define SECCOMP    ",\"seccomp\":{\"defaultAction\":\"SCMP_ACT_ALLOW\"}"
#define PROC(more) "{\"args\":[\"a\"],\"cwd\":\"/\"" more "}"
#define MOUNT_NS   "\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"}]"

static void filter_comes_late_with_no_new_privs(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	cleanup_free char *with = plan_text(
		SAMPLE(PROC(",\"noNewPrivileges\":true"), "[]", "{" MOUNT_NS SECCOMP "}"), &o);
	cleanup_free char *without =
		plan_text(SAMPLE(PROC(""), "[]", "{" MOUNT_NS SECCOMP "}"), &o);
	assert_contains(with, "ready\nseccomp\nexec");
	assert_contains(without, "cwd /\nseccomp\nuser");
}

static void network_is_waited_for_only_when_new(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	o.setup_network = no_network;
	cleanup_free char *fresh = plan_text(NS(",{\"type\":\"uts\"},{\"type\":\"network\"}"), &o);
	cleanup_free char *joined =
		plan_text(NS(",{\"type\":\"uts\"},{\"type\":\"network\",\"path\":\"/n\"}"), &o);
	assert_contains(fresh, "loopback\n");
	assert_contains(fresh, "network\nwait-network\n");
	assert_null(strstr(joined, "wait-network"));
	assert_null(strstr(joined, "loopback"));
}

static void bound_dev_is_left_alone(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	cleanup_free char *text = plan_text(
		SAMPLE(PROC(""),
			"[{\"destination\":\"/dev\",\"source\":\"/dev\",\"options\":[\"rbind\"]}]",
			"{" MOUNT_NS "}"),
		&o);
	assert_null(strstr(text, "device "));
	assert_null(strstr(text, "dev-links"));
}

#define PATH_NS(kind) ",{\"type\":\"" kind "\",\"path\":\"/n/" kind "\"}"
#define MAPS                                                             \
	"\"uidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]," \
	"\"gidMappings\":[{\"containerID\":0,\"hostID\":1,\"size\":1}]"
#define NS_MAPS(x)                                       \
	SAMPLE(SAMPLE_PROCESS, "[]",                     \
		"{\"namespaces\":[{\"type\":\"mount\"}," \
		"{\"type\":\"uts\"}" x "]," MAPS "}")

static void host_namespaces_come_before_a_user_namespace(void **state)
{
	static const struct {
		const char *config;
		bool first;
	} cases[] = {
		{NS(",{\"type\":\"uts\"}" PATH_NS("network")), false},
		{NS(",{\"type\":\"uts\"}" PATH_NS("pid")), true},
		{NS(",{\"type\":\"uts\"}" PATH_NS("user")), true},
		{NS_MAPS(",{\"type\":\"user\"}" PATH_NS("network")), true},
		{NS_MAPS(",{\"type\":\"user\"}"), false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct runtime_config *c cleanup_runtime_config = parse(cases[i].config);
		struct runtime_options o = RUNTIME_OPTIONS_INIT;
		struct runtime_plan p cleanup_runtime_plan = {NULL};
		struct err e = ERR_INIT;
		assert_ok(runtime_plan_make(c, &o, &p, &e), &e);
		assert_int_equal(p.join_first, cases[i].first);
	}
}

static void clocks_are_set_before_ids_change(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	cleanup_free char *text = plan_text(
		SAMPLE(PROC(""), "[]",
			"{\"namespaces\":[{\"type\":\"mount\"},{\"type\":\"uts\"},{\"type\":"
			"\"time\"},{\"type\":\"user\"}]," MAPS ",\"timeOffsets\":{\"boottime\":{"
			"\"secs\":-3,\"nanosecs\":5}}}"),
		&o);
	assert_contains(text, "\nclone user uts mount\n"); /* time is made by the child */
	assert_contains(
		text, "\nsession\ntime-offsets boottime -3.000000005\njoin-cgroup\nmapped\n");
}

static void network_devices_come_before_hooks_and_sysctls(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	cleanup_free char *text =
		plan_text("{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},\"process\":" PROC(
				  "") ",\"hooks\":{\"createRuntime\":[{\"path\":\"/"
				      "h\"}]},\"linux\":{\"namespaces\":[{"
				      "\"type\":\"mount\"},{\"type\":\"network\"}],\"netDevices\":{"
				      "\"eth0\":{\"name\":"
				      "\"e1\"}},\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}}}",
			&o);
	assert_contains(text,
		"net-device eth0=e1\nwait-network\nhooks-runtime\nwait-hooks\nsysctl net.ipv4");
}

static void labels_are_for_the_program_only(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	cleanup_free char *text =
		plan_text("{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"r\"},"
			  "\"process\":" PROC(",\"apparmorProfile\":\"p\",\"noNewPrivileges\":"
					      "true") ",\"hooks\":{\"startContainer\":[{\"path\":"
						      "\"/h\"}]},\"linux\":{\"namespaces\":[{"
						      "\"type\":\"mount\"}]" SECCOMP "}}",
			&o);
	assert_contains(text, "ready\nhooks-start\nlabel\nseccomp\nexec a\n");
}

static void a_joined_mount_namespace_is_left_as_it_is(void **state)
{
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	cleanup_free char *text = plan_text(
		"{\"ociVersion\":\"1.3.0\",\"root\":{\"path\":\"/\"},\"process\":" PROC(
			"") ",\"linux\":{\"namespaces\":[{\"type\":\"mount\",\"path\":\"/m\"}]}}",
		&o);
	assert_contains(text, "\nsession\njoin-cgroup\nsetns /m\nclose-fds\n");
	static const char *const none[] = {
		"propagation", "root", "mount ", "device", "dev-links", "make-cwd", "pivot"};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		assert_null(strstr(text, none[i]));
}

static const struct {
	const char *config, *error;
} refused[] = {
	{SAMPLE(SAMPLE_PROCESS, "[]", "{}"), "without a mount namespace"},
	{NS(""), "needs a UTS namespace"},
	{NS(",{\"type\":\"uts\"},{\"type\":\"user\"}],\"uidMappings\":[{\"containerID\":0,"
	    "\"hostID\":1,"
	    "\"size\":1}"),
		"go together"},
	{SAMPLE(SAMPLE_PROCESS, "[]", "{" MOUNT_NS ",\"sysctl\":{\"net.ipv4.ip_forward\":\"1\"}}"),
		"'net.ipv4.ip_forward' does not belong"},
	{SAMPLE(SAMPLE_PROCESS, "[]", "{" MOUNT_NS ",\"sysctl\":{\"kernel.core_pattern\":\"|x\"}}"),
		"'kernel.core_pattern' does not belong"},
	{"{\"ociVersion\":\"1.0\",\"root\":{\"path\":\"r\"}}", "process is missing"},
};

static void refuses(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct runtime_config *c cleanup_runtime_config = parse(refused[i].config);
		struct runtime_options o = RUNTIME_OPTIONS_INIT;
		struct runtime_plan p cleanup_runtime_plan = {NULL};
		struct err e = ERR_INIT;
		assert_true(runtime_plan_make(c, &o, &p, &e) < 0);
		assert_contains(e.msg, refused[i].error);
	}
}

static void sysctl_names(void **state)
{
	static const struct {
		const char *key, *path;
	} cases[] = {
		{"net.ipv4.ip_forward", "net/ipv4/ip_forward"},
		{"net/ipv4/conf/eth0.1/forwarding", "net/ipv4/conf/eth0.1/forwarding"},
		{"net.ipv4.conf.eth0/1.forwarding", "net/ipv4/conf/eth0.1/forwarding"},
		{"kernel.msgmax", "kernel/msgmax"},
		{"fs.mqueue.msg_max", "fs/mqueue/msg_max"},
		{"kernel.domainname", "kernel/domainname"},
		{"kernel.hostname", NULL},
		{"kernel.panic", NULL},
		{"vm.swappiness", NULL},
		{"net/../kernel/panic", NULL},
		{"/net/x", NULL},
		{"net..x", NULL},
	};
	struct runtime_config *c cleanup_runtime_config = parse(SAMPLE_CONFIG);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		cleanup_free char *path = runtime_sysctl_path(c, cases[i].key, NULL);
		if (cases[i].path)
			assert_string_equal(path, cases[i].path);
		else
			assert_null(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(whole_plan),
		cmocka_unit_test(filter_comes_late_with_no_new_privs),
		cmocka_unit_test(network_is_waited_for_only_when_new),
		cmocka_unit_test(bound_dev_is_left_alone),
		cmocka_unit_test(host_namespaces_come_before_a_user_namespace),
		cmocka_unit_test(clocks_are_set_before_ids_change),
		cmocka_unit_test(network_devices_come_before_hooks_and_sysctls),
		cmocka_unit_test(labels_are_for_the_program_only),
		cmocka_unit_test(a_joined_mount_namespace_is_left_as_it_is),
		cmocka_unit_test(refuses),
		cmocka_unit_test(sysctl_names),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
