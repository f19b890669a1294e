/* spec: an example of a config.json, for root or for a user namespace. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"
#include "runtime/features.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
static const char example[] =
	"{\"ociVersion\":\"\","
	"\"process\":{\"terminal\":true,\"user\":{\"uid\":0,\"gid\":0},\"args\":[\"sh\"],"
	"\"env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\",\"TERM=xterm\"],"
	"\"cwd\":\"/\",\"capabilities\":{"
	"\"bounding\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"effective\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"],"
	"\"permitted\":[\"CAP_AUDIT_WRITE\",\"CAP_KILL\",\"CAP_NET_BIND_SERVICE\"]},"
	"\"noNewPrivileges\":true},"
	"\"root\":{\"path\":\"rootfs\",\"readonly\":true},\"hostname\":\"kist\","
	"\"mounts\":["
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\"},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\","
	"\"options\":[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"relatime\",\"ro\"]}],"
	"\"linux\":{\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}]},"
	"\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},{\"type\":\"ipc\"},{\"type\":\"uts\"},"
	"{\"type\":\"mount\"},{\"type\":\"cgroup\"}],"
	"\"maskedPaths\":[\"/proc/acpi\",\"/proc/asound\",\"/proc/interrupts\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
	"\"/proc/scsi\",\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\",\"/proc/sysrq-trigger\"]}}";
/* clang-format on */

struct spec_options {
	const char *bundle, *file;
	bool rootless;
};

static json_t *mapping(unsigned host)
{
	return json_pack(
		"[{s:i, s:I, s:i}]", "containerID", 0, "hostID", (json_int_t)host, "size", 1);
}

/* sysfs belongs to a network namespace, and a user without privileges shares the host's */
static void bind_sysfs(json_t *m)
{
	json_object_set_new(m, "type", json_string("none"));
	json_object_set_new(m, "source", json_string("/sys"));
	json_object_set_new(m, "options",
		json_pack("[s, s, s, s, s]", "rbind", "nosuid", "noexec", "nodev", "ro"));
}

/* With one id mapped there is no group 5 to give terminals to */
static void remove_ids(json_t *options)
{
	for (size_t i = json_array_size(options); i-- > 0;) {
		const char *word = json_string_value(json_array_get(options, i));
		if (str_starts(word, "gid=") || str_starts(word, "uid="))
			json_array_remove(options, i);
	}
}

static void make_rootless(json_t *o)
{
	json_t *kernel = json_object_get(o, "linux"), *m;
	json_t *namespaces = json_object_get(kernel, "namespaces");
	size_t i;
	json_array_foreach (namespaces, i, m)
		if (str_eq(json_string_value(json_object_get(m, "type")), "network"))
			json_object_set_new(m, "type", json_string("user"));
	json_object_set_new(kernel, "uidMappings", mapping(geteuid()));
	json_object_set_new(kernel, "gidMappings", mapping(getegid()));
	/* limits need a control group that the host delegates */
	json_object_del(kernel, "resources");
	json_array_foreach (json_object_get(o, "mounts"), i, m) {
		if (str_eq(json_string_value(json_object_get(m, "type")), "sysfs"))
			bind_sysfs(m);
		remove_ids(json_object_get(m, "options"));
	}
}

static int write_spec(const struct call *call, struct err *e)
{
	const struct spec_options *options = call->options;
	cleanup_free char *path = options->file ? mem_strdup(options->file)
						: mem_printf("%s/config.json",
							  options->bundle ? options->bundle : ".");
	if (file_exists(AT_FDCWD, path))
		return err_set(e, ERR_EXISTS, "'%s' exists already", path);
	json_t *o = json_loads(example, 0, NULL);
	json_object_set_new(o, "ociVersion", json_string(RUNTIME_SPEC_VERSION));
	if (options->rootless)
		make_rootless(o);
	char *text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	int r = file_write(AT_FDCWD, path, text, strlen(text), 0644, 0, e);
	free(text);
	return r;
}

static const struct option_spec options[] = {
	OPT_TEXT(spec_options, bundle, "bundle", 'b', "DIR", "where config.json goes (.)"),
	OPT_TEXT(spec_options, file, "file", 'f', "FILE", "another name for it"),
	OPT_FLAG(spec_options, rootless, "rootless", 0, "for a user without privileges"),
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
