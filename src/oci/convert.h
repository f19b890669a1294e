/*
 * Image config and options to an OCI runtime configuration (runtime-spec config.md,
 * image-spec conversion.md). Pure: what the host or the image's files know (users,
 * seccomp section, capabilities of this host) is given. Used by run, create and the
 * builder's RUN; every zero option is docker's default.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct buf;
struct err;
struct oci_container_config;
struct oci_user;

enum oci_network {
	OCI_NETWORK_NEW,  /* a namespace of its own: bridge or none */
	OCI_NETWORK_HOST, /* the host's */
	OCI_NETWORK_PATH, /* network_path, made before */
};

/* One mount beside the default ones. A later one with the same destination wins, also over a
 * default one. */
struct oci_convert_mount {
	const char *type;        /* "bind", "tmpfs", ... */
	const char *source;      /* NULL: the type's name */
	const char *destination; /* absolute */
	struct strv options;     /* empty: rbind,rprivate or nosuid,nodev,noexec */
};

struct oci_convert_rlimit {
	const char *type;    /* "RLIMIT_NOFILE" */
	uint64_t soft, hard; /* UINT64_MAX: unlimited */
};

struct oci_convert_device {
	const char *path;
	char type; /* 'c' or 'b' */
	uint32_t major, minor;
	uint32_t mode;      /* permission bits, 0: 0666 */
	const char *access; /* "rwm", NULL: all */
};

struct oci_convert_resources {
	int64_t memory, memory_swap,
		memory_reservation; /* bytes, 0: no limit, swap -1: unlimited */
	int64_t swappiness;         /* -1 or 0: not given; value + 1 otherwise */
	bool oom_kill_disable;
	int64_t nano_cpus; /* --cpus, in billionths */
	int64_t cpu_shares, cpu_quota, cpu_period;
	const char *cpuset_cpus, *cpuset_mems;
	int64_t pids; /* 0: no limit, -1: unlimited */
	int64_t blkio_weight;
};

struct oci_convert_options {
	/* process: what overrides the image's config */
	const struct strv *command; /* arguments after IMAGE; NULL or empty: the image's Cmd */
	bool has_entrypoint; /* --entrypoint: entrypoint replaces, and drops the image's Cmd */
	const struct strv *entrypoint;
	const struct strv *env;      /* NAME=VALUE, over the image's */
	const char *cwd;             /* NULL: the image's, else "/" */
	const struct oci_user *user; /* resolved; NULL: root */
	const uint32_t *groups;      /* --group-add */
	size_t ngroups;
	bool tty;
	uint16_t rows, columns; /* 0: not given */
	const char *hostname;   /* required unless uts_host */
	const char *domainname;
	bool init; /* /dev/init (bound by the caller's mount) runs the program */

	/* security */
	bool privileged;
	uint64_t caps;       /* bounding set (oci/caps.h); 0 with caps_none false: the default */
	bool caps_none;      /* no capability at all */
	uint64_t host_caps;  /* those this host can give; 0: all */
	const char *seccomp; /* linux.seccomp as JSON text; NULL: none (unconfined) */
	size_t seccomp_len;
	bool no_new_privileges;
	bool unconfined_paths; /* systempaths=unconfined: nothing masked or read-only */
	bool readonly_rootfs;
	const char *apparmor, *selinux;

	/* namespaces */
	enum oci_network network;
	const char *network_path;
	bool pid_host, ipc_host, uts_host, cgroup_host;
	bool no_mqueue; /* with ipc_host: the host has no /dev/mqueue to show */
	/* The caller's own user namespace is not the initial one: file systems of namespaces that
	 * are the host's are bound, and ids end at last_gid. */
	bool userns;
	uint32_t last_gid;

	/* file systems */
	const char *root_path; /* NULL: "rootfs" */
	const struct oci_convert_mount *mounts;
	size_t nmounts;
	const char *resolv_conf, *hosts_file, *hostname_file; /* host paths bound over; NULL: not */
	uint64_t shm_size;                                    /* 0: 64 MiB */

	/* resources */
	const char *cgroups_path;
	struct oci_convert_resources resources;
	const struct oci_convert_rlimit *rlimits;
	size_t nrlimits;
	const struct oci_convert_device *devices;
	size_t ndevices;
	bool has_oom_score_adj;
	int oom_score_adj;
	const struct strv *sysctls;     /* NAME=VALUE, over the defaults */
	const struct strv *annotations; /* NAME=VALUE */
};

/* The arguments alone: Entrypoint and Cmd with the overrides. -ERR_USAGE "no command specified". */
int oci_convert_args(const struct oci_container_config *c, const struct oci_convert_options *o,
	struct strv *ret, struct err *e);
/* The environment alone: PATH, HOSTNAME, TERM with a tty, HOME of the user, then the image's,
 * then the options'. */
void oci_convert_env(const struct oci_container_config *c, const struct oci_convert_options *o,
	struct strv *ret);
/* The capability set that the program will have: for the seccomp profile. */
uint64_t oci_convert_caps(const struct oci_convert_options *o);
/* Appends config.json. */
int oci_convert_runtime(const struct oci_container_config *c, const struct oci_convert_options *o,
	struct buf *out, struct err *e);
