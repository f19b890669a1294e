/*
 * struct runtime_plan: what will be done to start a container, in order, made
 * from its config without touching the system. Steps marked "parent" are done by
 * the caller's process, the others by the new process on its way to exec. The
 * text of a plan is for people and tests.
 */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct buf;
struct err;
struct runtime_options;

enum runtime_step_kind {
	/* parent */
	RUNTIME_STEP_CGROUP,
	RUNTIME_STEP_CLONE,
	RUNTIME_STEP_ID_MAPS,
	RUNTIME_STEP_RDT,
	RUNTIME_STEP_NETWORK,
	RUNTIME_STEP_NET_DEVICE,
	RUNTIME_STEP_HOOKS_RUNTIME,
	/* child */
	RUNTIME_STEP_SESSION,
	RUNTIME_STEP_SETNS,
	RUNTIME_STEP_TIME_OFFSETS,
	RUNTIME_STEP_MAPPED,
	RUNTIME_STEP_JOIN_CGROUP,
	RUNTIME_STEP_OOM_SCORE,
	RUNTIME_STEP_AFFINITY, /* exec only: number 0 before, 1 after joining the cgroup */
	RUNTIME_STEP_HOSTNAME,
	RUNTIME_STEP_DOMAINNAME,
	RUNTIME_STEP_LOOPBACK,
	RUNTIME_STEP_ENTER, /* exec only: all namespaces of a container */
	RUNTIME_STEP_PROPAGATION,
	RUNTIME_STEP_ROOT,
	RUNTIME_STEP_CLOSE_FDS,
	RUNTIME_STEP_MOUNT,
	RUNTIME_STEP_DEVICE,
	RUNTIME_STEP_DEV_LINKS,
	RUNTIME_STEP_CONSOLE,
	RUNTIME_STEP_MAKE_CWD,
	RUNTIME_STEP_WAIT_HOOKS,
	RUNTIME_STEP_HOOKS_CONTAINER,
	RUNTIME_STEP_WAIT_NETWORK,
	RUNTIME_STEP_SYSCTL,
	RUNTIME_STEP_READONLY_PATH,
	RUNTIME_STEP_MASK_PATH,
	RUNTIME_STEP_ROOT_READONLY,
	RUNTIME_STEP_PIVOT,
	RUNTIME_STEP_ROOT_PROPAGATION,
	RUNTIME_STEP_KEYRING,
	RUNTIME_STEP_HIDE_RUNTIME,
	RUNTIME_STEP_RLIMITS,
	RUNTIME_STEP_SCHEDULER,
	RUNTIME_STEP_IO_PRIORITY,
	RUNTIME_STEP_PERSONALITY,
	RUNTIME_STEP_MEMORY_POLICY,
	RUNTIME_STEP_CWD,
	RUNTIME_STEP_SECCOMP,
	RUNTIME_STEP_NO_NEW_PRIVS,
	RUNTIME_STEP_USER,
	RUNTIME_STEP_FIND_PROGRAM,
	RUNTIME_STEP_READY,
	RUNTIME_STEP_HOOKS_START,
	RUNTIME_STEP_LABEL,
	RUNTIME_STEP_EXEC,
	RUNTIME_STEP_KINDS,
};

/* The annotation of a config that keeps the caller's groups */
#define RUNTIME_KEEP_GROUPS "run.oci.keep_original_groups"

struct runtime_step {
	enum runtime_step_kind kind;
	const void *item; /* the part of the config that it is about, or NULL */
	uint64_t number;  /* clone flags, propagation flags, a namespace's kind */
};

struct runtime_plan {
	struct runtime_step *v; /* items are borrowed from the config */
	size_t n, cap;
	uint64_t clone_flags; /* CLONE_NEWx for namespaces that are made */
	bool join_first;      /* namespaces by path (but mount) are joined before the clone */
};

/* Refuses what cannot be done safely: a sysctl that is not the container's own, a host name
 * without a UTS namespace, mounts without a mount namespace ... */
int runtime_plan_make(const struct runtime_config *c, const struct runtime_options *o,
	struct runtime_plan *ret, struct err *e) must_check;
/* The plan of process pr, which joins a container with config c: `namespaces` (CLONE_NEWx) are those
 * it has to enter. */
void runtime_plan_exec(const struct runtime_config *c, const struct runtime_process *pr,
	uint64_t namespaces, struct runtime_plan *ret);
void runtime_plan_release(struct runtime_plan *p);
#define cleanup_runtime_plan cleanup(runtime_plan_release)
/* One line per step */
void runtime_plan_print(const struct runtime_plan *p, struct buf *out);

/* "net.ipv4.ip_forward" → "net/ipv4/ip_forward" and the kind of namespace that it belongs to
 * (ret_kind may be NULL); NULL when that is none of the namespaces of c. The caller frees it. */
char *runtime_sysctl_path(
	const struct runtime_config *c, const char *key, enum runtime_ns_kind *ret_kind);
