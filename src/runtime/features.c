/*
 * Gathers the features document; see features.h. What a part of the runtime can
 * do stands in the tables here: a line more for everything new. What depends on
 * the kernel is asked for, without leaving anything behind.
 */
#include "runtime/features.h"
#include "base/buf.h"
#include "base/defs.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/caps.h"
#include "runtime/features_priv.h"
#include "runtime/lsm_priv.h"
#include "runtime/ns_priv.h"
#include "runtime/plan.h"
#include "runtime/systemd.h"
#include "runtime/mount_syscalls_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mempolicy.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool always(void)
{
	return true;
}

static bool file_system(const char *name)
{
	char line[128];
	FILE *f = fopen("/proc/filesystems", "re");
	bool found = false;
	while (f && !found && fgets(line, sizeof(line), f)) {
		char *tab = strchr(line, '\t');
		line[strcspn(line, "\n")] = 0;
		found = tab && str_eq(tab + 1, name);
	}
	if (f)
		fclose(f);
	return found;
}

static bool has_cgroup_v1(void)
{
	return file_system("cgroup");
}

static bool has_cgroup_v2(void)
{
	return file_system("cgroup2");
}

/* A controller of the kernel's, wherever it is mounted: the first word of a line */
static bool has_rdma(void)
{
	struct buf b cleanup_buf = BUF_INIT;
	return file_read(AT_FDCWD, "/proc/cgroups", &b, NULL) == 0 &&
	       strstr(buf_str(&b), "\nrdma\t");
}

static bool has_resctrl(void)
{
	return file_system("resctrl");
}

/* A kernel that knows them complains about the descriptor of the namespace. */
static bool has_idmapped_mounts(void)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = INT_MAX};
	return sys_mount_setattr(AT_FDCWD, "/", 0, &a) < 0 && errno == EBADF;
}

/* ---- the tables ---- */

static const struct {
	const char *object, *member; /* below linux; a dot separates objects */
	bool (*probe)(void);
} switches[] = {
	{"cgroup", "v1", has_cgroup_v1},
	{"cgroup", "v2", has_cgroup_v2},
	{"cgroup", "systemd", always}, /* by the runtime; the host is another matter */
	{"cgroup", "systemdUser", always},
	{"cgroup", "rdma", has_rdma},
	{"apparmor", "enabled", lsm_apparmor_enabled},
	{"selinux", "enabled", lsm_selinux_enabled},
	{"intelRdt", "enabled", has_resctrl},
	{"intelRdt", "schemata", has_resctrl},
	{"intelRdt", "monitoring", has_resctrl},
	{"mountExtensions.idmap", "enabled", has_idmapped_mounts},
	{"netDevices", "enabled", always},
};

/* In the order of the alphabet. Those of the kernel's attributes exist with an "r" in front, too,
 * for a whole tree. */
static const char *const mount_options[] = {
	"async",
	"atime",
	"bind",
	"copy-symlink",
	"defaults",
	"dev",
	"diratime",
	"dirsync",
	"exec",
	"idmap",
	"iversion",
	"lazytime",
	"loud",
	"mand",
	"noatime",
	"nodev",
	"nodiratime",
	"noexec",
	"noiversion",
	"nolazytime",
	"nomand",
	"norelatime",
	"nostrictatime",
	"nosuid",
	"nosymfollow",
	"private",
	"ratime",
	"rbind",
	"rdev",
	"rdiratime",
	"relatime",
	"remount",
	"rexec",
	"ridmap",
	"rnoatime",
	"rnodev",
	"rnodiratime",
	"rnoexec",
	"rnorelatime",
	"rnostrictatime",
	"rnosuid",
	"rnosymfollow",
	"ro",
	"rprivate",
	"rrelatime",
	"rro",
	"rrw",
	"rshared",
	"rslave",
	"rstrictatime",
	"rsuid",
	"rsymfollow",
	"runbindable",
	"rw",
	"shared",
	"silent",
	"slave",
	"strictatime",
	"suid",
	"symfollow",
	"sync",
	"tmpcopyup",
	"unbindable",
	NULL,
};

static const char *const hooks[] = {
	"prestart",
	"createRuntime",
	"createContainer",
	"startContainer",
	"poststart",
	"poststop",
	NULL,
};

/* As config_sched.c reads them; how a kernel is asked: alone, or with a node and a mode */
static const struct {
	const char *word;
	int mode;
	bool nodes;
} memory_modes[] =
	{
		{"MPOL_BIND", MPOL_BIND, true}, {"MPOL_DEFAULT", MPOL_DEFAULT, false},
		{"MPOL_INTERLEAVE", MPOL_INTERLEAVE, true}, {"MPOL_LOCAL", MPOL_LOCAL, false},
		{"MPOL_PREFERRED", MPOL_PREFERRED, true},
		{"MPOL_PREFERRED_MANY", MPOL_PREFERRED_MANY, true},
		{"MPOL_WEIGHTED_INTERLEAVE", 6, true}, /* Linux 6.9; newer than the header */
},
  memory_flags[] = {
	  {"MPOL_F_NUMA_BALANCING", MPOL_BIND | MPOL_F_NUMA_BALANCING, true},
	  {"MPOL_F_RELATIVE_NODES", MPOL_BIND | MPOL_F_RELATIVE_NODES, true},
	  {"MPOL_F_STATIC_NODES", MPOL_BIND | MPOL_F_STATIC_NODES, true},
};

/* ---- the document ---- */

json_t *features_strings(const char *const *words)
{
	json_t *a = json_array();
	for (; *words; words++)
		json_array_append_new(a, json_string(*words));
	return a;
}

/* The object at a dotted path below top, made when it is missing; borrowed */
static json_t *object_at(json_t *top, const char *path)
{
	cleanup_free char *copy = mem_strdup(path);
	char *rest = copy, *name;
	while ((name = strsep(&rest, "."))) {
		json_t *next = json_object_get(top, name);
		if (!next) {
			next = json_object();
			json_object_set_new(top, name, next);
		}
		top = next;
	}
	return top;
}

static json_t *kernel_namespaces(void)
{
	json_t *a = json_array();
	for (size_t i = 0; i < RUNTIME_NS_KINDS; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/self/ns/%s", ns_kinds[i].file);
		if (file_exists(AT_FDCWD, path))
			json_array_append_new(a, json_string(ns_kinds[i].word));
	}
	return a;
}

/* Sets the policy to see whether it can be set; the caller's was the default one, and is again. */
static bool kernel_has_policy(int mode, bool nodes)
{
	const unsigned long first = 1;
	bool yes = syscall(SYS_set_mempolicy, mode, nodes ? &first : NULL, nodes ? 2 : 0) == 0;
	syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0);
	return yes;
}

static void add_memory_policy(json_t *o)
{
	json_t *modes = json_array(), *flags = json_array();
	for (size_t i = 0; i < ARRAY_SIZE(memory_modes); i++)
		if (kernel_has_policy(memory_modes[i].mode, memory_modes[i].nodes))
			json_array_append_new(modes, json_string(memory_modes[i].word));
	for (size_t i = 0; i < ARRAY_SIZE(memory_flags); i++)
		if (kernel_has_policy(memory_flags[i].mode, memory_flags[i].nodes))
			json_array_append_new(flags, json_string(memory_flags[i].word));
	json_object_set_new(o, "modes", modes);
	json_object_set_new(o, "flags", flags);
}

static json_t *capabilities(void)
{
	json_t *a = json_array();
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		json_array_append_new(a, json_string(oci_cap_name(i)));
	return a;
}

char *runtime_features(void)
{
	char *libseccomp = NULL;
	json_t *top = json_object();
	json_object_set_new(top, "ociVersionMin", json_string(RUNTIME_SPEC_VERSION_MIN));
	json_object_set_new(top, "ociVersionMax", json_string(RUNTIME_SPEC_VERSION));
	json_object_set_new(top, "hooks", features_strings(hooks));
	json_object_set_new(top, "mountOptions", features_strings(mount_options));
	json_t *part = object_at(top, "linux");
	json_object_set_new(part, "namespaces", kernel_namespaces());
	json_object_set_new(part, "capabilities", capabilities());
	json_object_set_new(part, "seccomp", features_seccomp(&libseccomp));
	for (size_t i = 0; i < ARRAY_SIZE(switches); i++)
		json_object_set_new(object_at(part, switches[i].object), switches[i].member,
			json_boolean(switches[i].probe()));
	add_memory_policy(object_at(part, "memoryPolicy"));
	json_t *notes = object_at(top, "annotations");
	json_object_set_new(notes, "kist.version", json_string(KIST_VERSION));
	json_object_set_new(top, "potentiallyUnsafeConfigAnnotations",
		features_strings(
			(const char *const[]){RUNTIME_KEEP_GROUPS, SYSTEMD_ANNOTATION, NULL}));
	if (libseccomp)
		json_object_set_new(
			notes, "io.github.seccomp.libseccomp.version", json_string(libseccomp));
	free(libseccomp);
	char *text = json_dumps(top, JSON_INDENT(2)), *line = mem_printf("%s\n", text);
	free(text);
	json_decref(top);
	return line;
}
