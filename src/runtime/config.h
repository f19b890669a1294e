/*
 * struct runtime_config: an OCI runtime configuration (runtime-spec 1.2,
 * config.md and config-linux.md) as typed data. Read from JSON bytes that are
 * not trusted: every field has its type checked, errors name the JSON path
 * ("process.user.uid: expected a number"), nesting is bounded by
 * LIMIT_JSON_DEPTH and size by LIMIT_RUNTIME_CONFIG. Unknown properties are
 * ignored, as the specification demands.
 *
 * Everything inside is owned by the config and lives until
 * runtime_config_free. Lists are counted; lists of strings are also
 * NULL-terminated. Absent strings are NULL.
 */
#pragma once

#include "base/defs.h"

#include <sys/resource.h>

struct err;

struct runtime_strings {
	const char **v; /* NULL-terminated, never NULL after parsing */
	size_t n;
};

enum runtime_cap_set {
	RUNTIME_CAP_BOUNDING,
	RUNTIME_CAP_EFFECTIVE,
	RUNTIME_CAP_PERMITTED,
	RUNTIME_CAP_INHERITABLE,
	RUNTIME_CAP_AMBIENT,
	RUNTIME_CAP_SETS,
};

struct runtime_rlimit {
	int resource; /* RLIMIT_x */
	struct rlimit limit;
};

/* A list of small numbers ("0-3,7"): CPUs, memory nodes. */
enum { RUNTIME_WORD_BITS = 8 * sizeof(unsigned long) };
struct runtime_bits {
	const unsigned long *v;
	size_t n; /* bits, 0: none given */
};

/* sched_setattr(2) */
struct runtime_scheduler {
	bool set;
	uint32_t policy; /* SCHED_x */
	int32_t nice;
	uint32_t priority;
	uint64_t flags;                     /* SCHED_FLAG_x */
	uint64_t runtime, deadline, period; /* nanoseconds */
};

struct runtime_process {
	bool terminal;
	uint16_t rows, columns; /* consoleSize, 0: not given */
	uint32_t uid, gid;
	uint32_t *groups; /* additionalGids */
	size_t ngroups;
	int umask; /* -1: not given */
	const char *cwd;
	struct runtime_strings args, env;
	bool has_caps;
	uint64_t caps[RUNTIME_CAP_SETS];     /* bit n: capability n */
	struct runtime_strings unknown_caps; /* names that nobody knows: warned about */
	struct runtime_rlimit *rlimits;
	size_t nrlimits;
	bool no_new_privs;
	bool has_oom_score_adj;
	int oom_score_adj;
	const char *apparmor, *selinux;
	struct runtime_scheduler scheduler;
	int io_priority; /* class and level as ioprio_set(2) takes them, 0: not given */
	/* only for processes that join a container: before and after they enter its cgroup */
	struct runtime_bits affinity_initial, affinity_final;
};

struct runtime_id_map {
	uint32_t container, host, size;
};

/* Attributes are MOUNT_ATTR_x of mount_setattr(2), propagation MS_SHARED and kin, 0: none. */
struct runtime_mount {
	const char *destination, *type, *source;
	uint64_t attr_set, attr_clr;
	uint64_t attr_set_rec, attr_clr_rec; /* rro and kin: for the whole tree */
	unsigned long propagation;
	bool propagation_rec;
	bool bind, bind_rec;
	bool sb_readonly; /* `ro` of a file system that is not a bind */
	bool iversion;
	bool remount;      /* what is mounted there already gets these options */
	bool tmpcopyup;    /* the tmpfs begins as a copy of what it covers */
	bool copy_symlink; /* a source that is a link is made again instead of being mounted */
	bool idmap, idmap_rec;
	/* from the file system's ids (container) to those of the host; none with idmap: the
	 * mappings of the container's user namespace */
	struct runtime_id_map *uid_maps, *gid_maps;
	size_t nuid_maps, ngid_maps;
	/* bit n: `host` of map n counts in the container's user namespace (crun's "@") */
	uint64_t uid_relative, gid_relative;
	struct runtime_strings data; /* what is left for the file system: "size=64k" */
};

enum runtime_ns_kind {
	RUNTIME_NS_USER, /* the order in which they are joined */
	RUNTIME_NS_PID,
	RUNTIME_NS_NET,
	RUNTIME_NS_IPC,
	RUNTIME_NS_UTS,
	RUNTIME_NS_TIME,
	RUNTIME_NS_CGROUP,
	RUNTIME_NS_MOUNT,
	RUNTIME_NS_KINDS,
};

struct runtime_ns {
	bool want;        /* in the config: new, or joined when path is there */
	const char *path; /* NULL: a new one */
};

/* Offsets of a new time namespace's clocks, time_namespaces(7) */
enum runtime_clock { RUNTIME_CLOCK_MONOTONIC, RUNTIME_CLOCK_BOOTTIME, RUNTIME_CLOCKS };
struct runtime_time_offset {
	bool set;
	int64_t secs;
	uint32_t nanosecs;
};

struct runtime_device {
	const char *path;
	char type; /* 'c' 'b' 'p' ('u' is read as 'c') */
	uint32_t major, minor;
	mode_t mode;
	uint32_t uid, gid;
};

struct runtime_hook {
	const char *path;
	struct runtime_strings args, env;
	int timeout_s; /* 0: none */
};

enum runtime_hook_kind {
	RUNTIME_HOOK_PRESTART,
	RUNTIME_HOOK_CREATE_RUNTIME,
	RUNTIME_HOOK_CREATE_CONTAINER,
	RUNTIME_HOOK_START_CONTAINER,
	RUNTIME_HOOK_POSTSTART,
	RUNTIME_HOOK_POSTSTOP,
	RUNTIME_HOOK_KINDS,
};

struct runtime_hooks {
	struct runtime_hook *v;
	size_t n;
};

struct runtime_device_rule {
	bool allow;
	char type;            /* 'a' 'b' 'c' */
	int64_t major, minor; /* -1: all */
	bool read, write, make;
};

/* A limit that may be absent. */
struct runtime_i64 {
	bool set;
	int64_t v;
};

struct runtime_blkio_device {
	uint32_t major, minor;
	uint64_t value; /* bytes or operations a second, or a weight (0: none) */
	uint64_t leaf;  /* leafWeight, beside a weight */
};

enum runtime_throttle {
	RUNTIME_READ_BPS,
	RUNTIME_WRITE_BPS,
	RUNTIME_READ_IOPS,
	RUNTIME_WRITE_IOPS,
	RUNTIME_BLKIO_WEIGHT,
	RUNTIME_THROTTLES,
};

struct runtime_blkio_list {
	struct runtime_blkio_device *v;
	size_t n;
};

struct runtime_pair {
	const char *key, *value;
};

struct runtime_pairs {
	struct runtime_pair *v;
	size_t n;
};

/* linux.resources; units as in the specification. */
struct runtime_resources {
	struct runtime_device_rule *devices;
	size_t ndevices;
	struct runtime_i64 memory, memory_swap, memory_reservation, swappiness;
	struct runtime_i64 kernel_memory, kernel_tcp;
	bool oom_disable, use_hierarchy;
	bool check_before_update; /* a limit below what is in use is an error */
	struct runtime_i64 cpu_shares, cpu_quota, cpu_period, cpu_burst, cpu_idle;
	struct runtime_i64 cpu_rt_runtime, cpu_rt_period;
	const char *cpus, *mems;
	struct runtime_i64 pids; /* 0 or less: no limit */
	struct runtime_i64 blkio_weight, blkio_leaf_weight;
	struct runtime_blkio_list throttle[RUNTIME_THROTTLES];
	struct runtime_pairs hugepages; /* "2MB" → bytes in decimal */
	struct runtime_i64 net_class;
	struct runtime_pairs net_prio; /* interface → priority in decimal */
	struct runtime_pairs rdma;     /* device → "hca_handle=2 hca_object=2000" */
	struct runtime_pairs unified;  /* cgroup v2 file → value */
};

/* set_mempolicy(2) */
struct runtime_memory_policy {
	bool set;
	unsigned mode; /* MPOL_x | MPOL_F_x */
	struct runtime_bits nodes;
};

/* linux.intelRdt; NULL: not given */
struct runtime_rdt {
	bool set;
	const char *clos_id; /* "/": the root's class */
	const char *l3_schema, *mb_schema;
	struct runtime_strings schemata;
	bool monitoring;
};

struct runtime_config {
	const char *version; /* ociVersion */
	const char *root_path;
	bool root_readonly;
	bool has_process;
	struct runtime_process process;
	const char *hostname, *domainname;
	struct runtime_mount *mounts;
	size_t nmounts;
	struct runtime_hooks hooks[RUNTIME_HOOK_KINDS];
	struct runtime_pairs annotations;
	struct runtime_ns ns[RUNTIME_NS_KINDS];
	struct runtime_time_offset time_offsets[RUNTIME_CLOCKS];
	struct runtime_id_map *uid_maps, *gid_maps;
	size_t nuid_maps, ngid_maps;
	struct runtime_device *devices;
	size_t ndevices;
	const char *cgroups_path;
	struct runtime_resources resources;
	unsigned long root_propagation; /* MS_x | MS_REC, 0: private */
	struct runtime_pairs sysctl;
	struct runtime_strings masked_paths, readonly_paths;
	const char *mount_label;
	bool has_personality;
	unsigned long personality; /* PER_x | flags of personality(2) */
	struct runtime_memory_policy memory_policy;
	struct runtime_rdt rdt;
	struct runtime_pairs net_devices; /* interface of the host → its name inside */
	/* linux.seccomp as it stands in the document, NULL: none. It is the largest part of most
	 * configs and is read only when its compiled form is not at hand (seccomp_cache_dir): what is
	 * wrong in it is reported by create. */
	const char *seccomp;
	size_t seccomp_len;
	/* the bytes it was read from, kept for the state directory */
	const char *source;
	size_t source_len;
};

int runtime_config_parse(
	const char *json, size_t len, struct runtime_config **ret, struct err *e) must_check;
/* A process object alone, as `exec --process` takes: only ->process of the result is set. */
int runtime_config_parse_process(
	const char *json, size_t len, struct runtime_config **ret, struct err *e) must_check;
/* A resources object alone, as `update --resources` takes: only ->resources is set. */
int runtime_config_parse_resources(
	const char *json, size_t len, struct runtime_config **ret, struct err *e) must_check;
void runtime_config_free(struct runtime_config *c);
DEFINE_CLEANUP(struct runtime_config *, runtime_config_free)
#define cleanup_runtime_config cleanup(runtime_config_free_cleanup)
