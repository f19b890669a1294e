/* spec and features: documents about what this runtime takes and does. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/runtime/runtime.h"
#include "oci/caps.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static json_t *strings(const char *const *v)
{
	json_t *a = json_array();
	for (; *v; v++)
		json_array_append_new(a, json_string(*v));
	return a;
}
#define LIST(...) strings((const char *const[]){__VA_ARGS__, NULL})

static json_t *mount(const char *destination, const char *type, const char *source, json_t *options)
{
	return json_pack("{s:s, s:s, s:s, s:o}", "destination", destination, "type", type, "source",
		source, "options", options);
}

static json_t *example_mounts(void)
{
	json_t *a = json_array();
	json_array_append_new(a, json_pack("{s:s, s:s, s:s}", "destination", "/proc", "type",
					 "proc", "source", "proc"));
	json_array_append_new(a, mount("/dev", "tmpfs", "tmpfs",
					 LIST("nosuid", "strictatime", "mode=755", "size=65536k")));
	json_array_append_new(a, mount("/dev/pts", "devpts", "devpts",
					 LIST("nosuid", "noexec", "newinstance", "ptmxmode=0666",
						 "mode=0620", "gid=5")));
	json_array_append_new(
		a, mount("/dev/shm", "tmpfs", "shm",
			   LIST("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")));
	json_array_append_new(
		a, mount("/dev/mqueue", "mqueue", "mqueue", LIST("nosuid", "noexec", "nodev")));
	json_array_append_new(
		a, mount("/sys", "sysfs", "sysfs", LIST("nosuid", "noexec", "nodev", "ro")));
	json_array_append_new(a, mount("/sys/fs/cgroup", "cgroup", "cgroup",
					 LIST("nosuid", "noexec", "nodev", "relatime", "ro")));
	return a;
}

static json_t *example_process(void)
{
	const char *const caps[] = {"CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE", NULL};
	return json_pack("{s:b, s:{s:i, s:i}, s:o, s:o, s:s, s:{s:o, s:o, s:o}, s:b}", "terminal",
		1, "user", "uid", 0, "gid", 0, "args", LIST("sh"), "env",
		LIST("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
			"TERM=xterm"),
		"cwd", "/", "capabilities", "bounding", strings(caps), "effective", strings(caps),
		"permitted", strings(caps), "noNewPrivileges", 1);
}

static json_t *example_linux(void)
{
	const char *const kinds[] = {"pid", "network", "ipc", "uts", "mount", "cgroup", NULL};
	json_t *namespaces = json_array();
	for (size_t i = 0; kinds[i]; i++)
		json_array_append_new(namespaces, json_pack("{s:s}", "type", kinds[i]));
	return json_pack("{s:{s:[{s:b, s:s}]}, s:o, s:o, s:o}", "resources", "devices", "allow", 0,
		"access", "rwm", "namespaces", namespaces, "maskedPaths",
		LIST("/proc/acpi", "/proc/asound", "/proc/interrupts", "/proc/kcore", "/proc/keys",
			"/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats",
			"/proc/sched_debug", "/sys/firmware", "/proc/scsi",
			"/sys/devices/virtual/powercap"),
		"readonlyPaths",
		LIST("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"));
}

int cmd_spec(int argc, char **argv, struct err *e)
{
	static const struct option table[] = {{"bundle", required_argument, NULL, 'b'}, {NULL}};
	const char *bundle = ".";
	int c;
	while ((c = next_option(argc, argv, "b:", table, e)) > 0)
		bundle = optarg;
	if (c < 0)
		return c;
	cleanup_free char *path = mem_printf("%s/config.json", bundle);
	if (file_exists(AT_FDCWD, path))
		return err_set(e, ERR_EXISTS, "'%s' exists already", path);
	json_t *o = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:o, s:o}", "ociVersion", "1.2.0",
		"process", example_process(), "root", "path", "rootfs", "readonly", 1, "hostname",
		"kist", "mounts", example_mounts(), "linux", example_linux());
	char *text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	int r = file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, e);
	free(text);
	return r;
}

static json_t *feature_linux(void)
{
	json_t *caps = json_array();
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		json_array_append_new(caps, json_string(oci_cap_name(i)));
	json_t *seccomp = json_pack("{s:b, s:o, s:o, s:o}", "enabled", 1, "actions",
		LIST("SCMP_ACT_ALLOW", "SCMP_ACT_ERRNO", "SCMP_ACT_KILL", "SCMP_ACT_KILL_PROCESS",
			"SCMP_ACT_KILL_THREAD", "SCMP_ACT_LOG", "SCMP_ACT_TRACE", "SCMP_ACT_TRAP"),
		"operators",
		LIST("SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE",
			"SCMP_CMP_GT", "SCMP_CMP_MASKED_EQ"),
		"archs",
		LIST("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM", "SCMP_ARCH_PPC64LE", "SCMP_ARCH_RISCV64",
			"SCMP_ARCH_S390", "SCMP_ARCH_S390X", "SCMP_ARCH_X32", "SCMP_ARCH_X86",
			"SCMP_ARCH_X86_64"));
	return json_pack("{s:o, s:o, s:{s:b, s:b, s:b, s:b}, s:o, s:{s:b}, s:{s:b}, s:{s:{s:b}}}",
		"namespaces",
		LIST("cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts"),
		"capabilities", caps, "cgroup", "v1", 1, "v2", 1, "systemd", 0, "rdma", 0,
		"seccomp", seccomp, "apparmor", "enabled", 1, "selinux", "enabled", 1,
		"mountExtensions", "idmap", "enabled", 0);
}

int cmd_features(int argc, char **argv, struct err *e)
{
	json_t *o = json_pack("{s:s, s:s, s:o, s:o, s:o}", "ociVersionMin", "1.0.0",
		"ociVersionMax", "1.2.0", "hooks",
		LIST("prestart", "createRuntime", "createContainer", "startContainer", "poststart",
			"poststop"),
		"mountOptions",
		LIST("atime", "async", "bind", "dev", "diratime", "dirsync", "exec", "lazytime",
			"noatime", "nodev", "nodiratime", "noexec", "norelatime", "nostrictatime",
			"nosuid", "nosymfollow", "private", "ratime", "rbind", "rdev", "rdiratime",
			"relatime", "rexec", "rnoatime", "rnodev", "rnodiratime", "rnoexec",
			"rnorelatime", "rnostrictatime", "rnosuid", "rnosymfollow", "ro",
			"rprivate", "rrelatime", "rro", "rrw", "rshared", "rslave", "rstrictatime",
			"rsuid", "rsymfollow", "runbindable", "rw", "shared", "slave",
			"strictatime", "suid", "symfollow", "sync", "unbindable"),
		"linux", feature_linux());
	char *text = json_dumps(o, JSON_INDENT(2));
	puts(text);
	free(text);
	json_decref(o);
	return 0;
}
