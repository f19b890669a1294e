/*
 * struct runtime_cgroup: the control groups of one container, on cgroup v1, v2
 * and the hybrid of both (v1 controllers, with a v2 tree beside them that holds
 * what is left). They are made in the file system, or by systemd as a transient
 * scope (runtime/systemd.h). Paths are relative to each hierarchy's mount below
 * /sys/fs/cgroup.
 *
 * On v1 a container gets directories only in the hierarchies it needs; on v2
 * one directory, into which the child is cloned.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;
struct runtime_resources;

enum runtime_controller {
	RUNTIME_CG_CPU = 1 << 0,
	RUNTIME_CG_CPUACCT = 1 << 1,
	RUNTIME_CG_CPUSET = 1 << 2,
	RUNTIME_CG_MEMORY = 1 << 3,
	RUNTIME_CG_DEVICES = 1 << 4,
	RUNTIME_CG_FREEZER = 1 << 5,
	RUNTIME_CG_BLKIO = 1 << 6,
	RUNTIME_CG_PIDS = 1 << 7,
	RUNTIME_CG_HUGETLB = 1 << 8,
	RUNTIME_CG_NET_CLS = 1 << 9,
	RUNTIME_CG_NET_PRIO = 1 << 10,
	RUNTIME_CG_PERF_EVENT = 1 << 11,
	RUNTIME_CG_RDMA = 1 << 12,
	RUNTIME_CG_MISC = 1 << 13,
	RUNTIME_CG_UNIFIED = 1 << 15, /* v2, or the v2 part of a hybrid */
	RUNTIME_CG_ALL = 0xffff,
};

enum runtime_cgroup_mode {
	RUNTIME_CGROUP_NONE,
	RUNTIME_CGROUP_V1,
	RUNTIME_CGROUP_HYBRID,
	RUNTIME_CGROUP_V2,
};

/* What the host has. Costs a few system calls. */
struct runtime_cgroup_host {
	enum runtime_cgroup_mode mode;
	unsigned v1; /* controllers with a v1 hierarchy of their own */
	unsigned v2; /* controllers of the v2 tree */
};
void runtime_cgroup_probe(struct runtime_cgroup_host *ret);
const char *runtime_cgroup_mode_name(enum runtime_cgroup_mode mode);

struct runtime_cgroup {
	enum runtime_cgroup_mode mode;
	char *path;           /* begins with '/' */
	unsigned controllers; /* where it exists */
	unsigned enable;      /* controllers that it uses of the v2 tree */
	char *unit;           /* of systemd, which made it; NULL: none */
	char *socket;         /* where that systemd is asked */
};
void runtime_cgroup_release(struct runtime_cgroup *g);

/* Usage of a container; a value is -1 where the host (or the choice of hierarchies) has none. */
struct runtime_usage {
	int64_t cpu_ns, cpu_user_ns, cpu_system_ns;
	int64_t memory, memory_limit, memory_peak, memory_cache;
	int64_t pids, pids_limit;
	int64_t io_read, io_write;
	int64_t oom_kills;
};
int runtime_cgroup_usage(const struct runtime_cgroup *g, struct runtime_usage *ret, struct err *e);

int runtime_cgroup_freeze(const struct runtime_cgroup *g, bool freeze, struct err *e);
/* 1, 0; -errno where it cannot be known */
int runtime_cgroup_frozen(const struct runtime_cgroup *g);
/* Every process in the group and below it. */
int runtime_cgroup_kill(const struct runtime_cgroup *g, int sig, struct err *e);
/* pids of the group and below it, as seen by the caller; *ret is malloc'd */
int runtime_cgroup_pids(const struct runtime_cgroup *g, pid_t **ret, size_t *ret_n, struct err *e);
/* Kills what is inside and removes it everywhere; absent is fine. */
int runtime_cgroup_remove(const struct runtime_cgroup *g, struct err *e);
/* Groups right below parent ("/kist/build") in every hierarchy that is_alive denies, empty ones only:
 * what creators that were killed have left. Never fails: it is tried again the next time. */
void runtime_cgroup_sweep(
	const char *parent, bool (*is_alive)(const char *name, void *arg), void *arg);
