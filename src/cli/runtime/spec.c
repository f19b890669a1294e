/* spec and features: documents about what this runtime takes and does. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "cli/runtime/runtime.h"

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

struct spec_options {
	const char *bundle;
};

static int write_spec(const struct call *call, struct err *e)
{
	const struct spec_options *options = call->options;
	const char *bundle = options->bundle ? options->bundle : ".";
	cleanup_free char *path = mem_printf("%s/config.json", bundle);
	if (file_exists(AT_FDCWD, path))
		return err_set(e, ERR_EXISTS, "'%s' exists already", path);
	json_t *o = json_pack("{s:s, s:o, s:{s:s, s:b}, s:s, s:o, s:o}", "ociVersion",
		RUNTIME_SPEC_VERSION, "process", example_process(), "root", "path", "rootfs",
		"readonly", 1, "hostname", "kist", "mounts", example_mounts(), "linux",
		example_linux());
	char *text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	int r = file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, e);
	free(text);
	return r;
}

static const struct option_spec options[] = {
	OPT_TEXT(spec_options, bundle, "bundle", 'b', "DIR", "where it goes (.)"),
	{NULL},
};

const struct command cmd_spec = {
	.name = "spec",
	.operands = "",
	.text = "write an example config.json",
	.options = options,
	.size = sizeof(struct spec_options),
	.run = write_spec,
};
