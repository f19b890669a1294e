/*
 * struct engine_config: what a container was created with. Kept as JSON in the
 * store's row:
 *
 *	{"ImageName": "busybox",                 as the person wrote it
 *	 "Config": {...},                        the image's config with the options over it, in
 *	                                         docker's words: oci_container_config_parse reads it
 *	 "Hostname": ..., "Tty": true, ...       the members of HOST FIELDS below
 *	 "Mounts": [{"Type": "volume", "Name": "data", "Source": "/…", "Destination": "/data",
 *	             "RW": true, "Options": ["…"], "Anonymous": false}]}
 *
 * Absent members are the zero value. Everything belongs to the struct.
 */
#pragma once

#include "base/strv.h"
#include "oci/image_config.h"

struct buf;
struct err;
struct json_t;

struct engine_mount {
	char *type;        /* "bind", "volume", "tmpfs" */
	char *name;        /* volume: its name; NULL: to be made (anonymous) */
	char *source;      /* bind: absolute host path; volume: filled at creation */
	char *destination; /* absolute, clean */
	bool readonly;
	bool anonymous;      /* the volume goes with the container */
	bool nocopy;         /* volume: not filled from the image */
	bool make_source;    /* -v: a missing host directory is made */
	struct strv options; /* for the runtime: "rprivate", "size=64m" ... */
};

struct engine_mounts {
	struct engine_mount *v;
	size_t n;
};
void engine_mounts_release(struct engine_mounts *m);
/* Room for one more, zeroed; borrowed until the next add. */
struct engine_mount *engine_mounts_add(struct engine_mounts *m);

enum engine_restart {
	ENGINE_RESTART_NO,
	ENGINE_RESTART_ON_FAILURE,
	ENGINE_RESTART_ALWAYS,
	ENGINE_RESTART_UNLESS_STOPPED,
};

struct engine_config {
	char *image_name;
	struct oci_container_config config;
	struct engine_mounts mounts;

	/* HOST FIELDS: each is a member of the same name in CamelCase */
	char *hostname, *domainname;
	bool tty, open_stdin, attach_stdin;
	bool auto_remove, init, privileged, readonly_rootfs, publish_all;
	char *network;     /* "bridge", "none", "host", "container:ID" */
	struct strv ports; /* -p, as written */
	struct strv dns, dns_search, dns_options, extra_hosts, network_aliases;
	char *ip, *mac_address;
	struct strv cap_add, cap_drop, security_opt, group_add, devices, sysctls, ulimits;
	char *pid_mode, *ipc_mode, *uts_mode, *cgroup_mode; /* "host" or NULL */
	char *cgroup_parent;
	int64_t memory, memory_swap, memory_reservation,
		memory_swappiness; /* swappiness: value + 1 */
	bool oom_kill_disable;
	int64_t nano_cpus, cpu_shares, cpu_period, cpu_quota;
	char *cpuset_cpus, *cpuset_mems;
	int64_t pids_limit, blkio_weight;
	bool has_oom_score_adj;
	int64_t oom_score_adj;
	int64_t shm_size;
	int64_t restart;                    /* enum engine_restart */
	int64_t restart_max;                /* on-failure:N, 0: no limit */
	int64_t log_max_size, log_max_file; /* 0: the default */
	char *seccomp_profile; /* text of --security-opt seccomp=FILE; NULL: the default */
	struct strv annotations;
	char *starter; /* "PID START BOOT" of the kist that makes it to start it at once; NULL */
};

#define ENGINE_CONFIG_INIT                      \
	{                                       \
		.config = {.stop_timeout = -1}, \
	}
void engine_config_release(struct engine_config *c);
#define cleanup_engine_config cleanup(engine_config_release)

/* dst is released first. */
void engine_config_copy(struct engine_config *dst, const struct engine_config *src);

int engine_config_parse(const char *data, struct engine_config *ret, struct err *e) must_check;
/* Appends the document. */
void engine_config_format(const struct engine_config *c, struct buf *out);
/* The same as JSON, for inspect; the caller's. */
struct json_t *engine_config_json(const struct engine_config *c) must_check;
