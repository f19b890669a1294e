/* kist info: the store, its driver, the host. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/str.h"
#include "base/userns.h"
#include "cli/cli.h"
#include "cli/store.h"
#include "cli/table.h"
#include "network/usermode.h"
#include "oci/json.h"
#include "runtime/cgroup_delegate.h"
#include "snapshot/driver.h"
#include "store/usage.h"

#include <fcntl.h>
#include <jansson.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

/* "2" for a pure v2 tree, "1" where controllers are in v1 trees (a v2 tree may stand beside). */
static const char *cgroup_version(void)
{
	struct statfs f;
	if (statfs("/sys/fs/cgroup", &f) < 0)
		return "none";
	return f.f_type == CGROUP2_SUPER_MAGIC ? "2" : "1";
}

static void host_name(char *out, size_t size)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(65536);
	snprintf(out, size, "Linux");
	if (file_read(AT_FDCWD, "/etc/os-release", &b, NULL) < 0)
		return;
	const char *p = strstr(buf_str(&b), "PRETTY_NAME=");
	if (!p || (p != buf_str(&b) && p[-1] != '\n'))
		return;
	p += strlen("PRETTY_NAME=");
	p += *p == '"';
	snprintf(out, size, "%.*s", (int)strcspn(p, "\"\n"), p);
}

/* [{"ContainerID": 0, "HostID": 1000, "Size": 1}, ...] */
static json_t *id_map(const char *file)
{
	json_t *list = json_array();
	cleanup_file FILE *f = fopen(file, "re");
	unsigned inside, outside, count;
	while (f && fscanf(f, "%u %u %u", &inside, &outside, &count) == 3)
		json_array_append_new(
			list, json_pack("{s:I,s:I,s:I}", "ContainerID", (json_int_t)inside,
				      "HostID", (json_int_t)outside, "Size", (json_int_t)count));
	return list;
}

/* What differs without root: who is who, what carries the network, where limits can be. */
static void add_rootless(json_t *o)
{
	json_object_set_new(o, "Rootless", json_boolean(userns_inside()));
	if (!userns_inside())
		return;
	cleanup_free char *base = NULL, *why = NULL;
	bool delegated = runtime_cgroup_delegated(&base, &why) > 0;
	json_object_set_new(o, "UidMap", id_map("/proc/self/uid_map"));
	json_object_set_new(o, "GidMap", id_map("/proc/self/gid_map"));
	json_object_set_new(o, "NetworkHelper",
		json_string(userns_owns_network() ? "bridge"
						  : network_helper_name(network_helper_find())));
	json_object_set_new(o, "CgroupDelegated", json_boolean(delegated));
	json_object_set_new(o, "CgroupParent", json_string(delegated ? base : ""));
	json_object_set_new(o, "NoLimits", json_string(delegated ? "" : why));
}

static json_t *gather(const struct cli *c, enum snapshot_driver driver, const struct store_usage *u)
{
	char os[256];
	struct utsname un = {0};
	struct sysinfo si = {0};
	uname(&un);
	sysinfo(&si);
	host_name(os, sizeof(os));
	json_t *o = json_pack(
		"{s:s,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:s,s:s,s:s,"
		"s:s,s:i,s:I}",
		"ServerVersion", KIST_VERSION, "Driver", snapshot_driver_name(driver),
		"DockerRootDir", c->root, "RunRoot", c->runroot, "Images", (json_int_t)u->images,
		"Tags", (json_int_t)u->tags, "Containers", (json_int_t)u->containers, "Layers",
		(json_int_t)u->layers, "LayerBytes", (json_int_t)u->layer_bytes, "Blobs",
		(json_int_t)u->blobs, "BlobBytes", (json_int_t)u->blob_bytes, "CacheEntries",
		(json_int_t)u->cache_entries, "CacheBytes", (json_int_t)u->cache_bytes, "DiskFree",
		(json_int_t)u->disk_free, "DiskSize", (json_int_t)u->disk_size, "CgroupVersion",
		cgroup_version(), "KernelVersion", un.release, "OperatingSystem", os,
		"Architecture", un.machine, "NCPU", (int)sysconf(_SC_NPROCESSORS_ONLN), "MemTotal",
		(json_int_t)si.totalram * si.mem_unit);
	add_rootless(o);
	return o;
}

static void print_map(const char *label, const json_t *map)
{
	size_t i;
	json_t *line;
	printf("%s", label);
	json_array_foreach (map, i, line) {
		json_int_t inside = json_integer_value(json_object_get(line, "ContainerID"));
		json_int_t outside = json_integer_value(json_object_get(line, "HostID"));
		json_int_t last = json_integer_value(json_object_get(line, "Size")) - 1;
		printf("%s%lld", i ? ", " : "", (long long)inside);
		if (last)
			printf("-%lld", (long long)(inside + last));
		printf(" is %lld", (long long)outside);
		if (last)
			printf("-%lld", (long long)(outside + last));
	}
	putchar('\n');
}

static void print_rootless(const json_t *o)
{
	if (!json_is_true(json_object_get(o, "Rootless")))
		return;
	const char *helper = json_string_value(json_object_get(o, "NetworkHelper"));
	printf("Rootless:       yes\n");
	print_map("User ids:       ", json_object_get(o, "UidMap"));
	print_map("Group ids:      ", json_object_get(o, "GidMap"));
	printf("Network helper: %s\n",
		str_eq(helper, "none") ? "none: install passt or slirp4netns" : helper);
	if (json_is_true(json_object_get(o, "CgroupDelegated")))
		printf("Limits:         below cgroup '%s/'\n",
			json_string_value(json_object_get(o, "CgroupParent")));
	else
		printf("Limits:         none: %s\n",
			json_string_value(json_object_get(o, "NoLimits")));
}

static void print_text(const json_t *o, const struct store_usage *u)
{
	char a[CLI_SIZE_MAX], b[CLI_SIZE_MAX];
	printf("Version:        %s\n", json_string_value(json_object_get(o, "ServerVersion")));
	printf("Store:          %s\n", json_string_value(json_object_get(o, "DockerRootDir")));
	printf("Run state:      %s\n", json_string_value(json_object_get(o, "RunRoot")));
	printf("Storage driver: %s\n", json_string_value(json_object_get(o, "Driver")));
	printf("Images:         %llu, with %llu names\n", (unsigned long long)u->images,
		(unsigned long long)u->tags);
	printf("Containers:     %llu\n", (unsigned long long)u->containers);
	printf("Layers:         %llu, %s\n", (unsigned long long)u->layers,
		cli_size(u->layer_bytes, a));
	printf("Blobs:          %llu, %s\n", (unsigned long long)u->blobs,
		cli_size(u->blob_bytes, a));
	printf("Build cache:    %llu entries, %s of their own\n",
		(unsigned long long)u->cache_entries, cli_size(u->cache_bytes, a));
	printf("Disk:           %s free of %s\n", cli_size(u->disk_free, a),
		cli_size(u->disk_size, b));
	printf("Cgroup version: %s\n", json_string_value(json_object_get(o, "CgroupVersion")));
	printf("Kernel:         %s, %s\n", json_string_value(json_object_get(o, "KernelVersion")),
		json_string_value(json_object_get(o, "Architecture")));
	print_rootless(o);
	printf("Host:           %s, %d CPUs, %s of memory\n",
		json_string_value(json_object_get(o, "OperatingSystem")),
		(int)json_integer_value(json_object_get(o, "NCPU")),
		cli_size(json_integer_value(json_object_get(o, "MemTotal")), a));
}

static int cmd_info(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	struct store_usage u;
	enum snapshot_driver driver;
	int r = cli_store_open(c, &s, &c->err);
	if (r >= 0)
		r = snapshot_driver_get(s, NULL, &driver, &c->err);
	if (r >= 0)
		r = store_usage_get(s, &u, &c->err);
	if (r < 0)
		return r;
	json_t *o cleanup_json = gather(c, driver, &u);
	const char *format = cli_value(c, "format");
	if (!format)
		print_text(o, &u);
	else if (str_eq(format, "json"))
		cli_print_json(o, true, stdout);
	else
		r = cli_format(format, o, stdout, &c->err);
	return r;
}
CLI_COMMAND(info, cmd_info);
