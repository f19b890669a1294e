/*
 * The life of a container (runtime-spec 1.2, runtime.md): made from a config,
 * started, waited for, entered, signalled, deleted.
 *
 * Life cycle: runtime_create makes the namespaces, the cgroup and the root file
 * system and leaves the first process waiting just before its exec;
 * runtime_start lets it go; runtime_run is both. What another process needs to
 * know stands in the directory `state_dir` (the file `state`, and start.sock when
 * RUNTIME_START_LATER was asked). runtime_delete removes all of it. If anything
 * fails before the start, everything made so far is gone when the function
 * returns; if the caller dies before the start, the container dies with it (unless RUNTIME_START_LATER: then it waits for runtime_start_saved).
 *
 * Errors: -ERR_NOPROG (program not found) and -ERR_NOEXEC (found, cannot be
 * executed) are told apart from all others, for exit statuses 127 and 126.
 *
 * Not for use with threads that hold locks: the child runs on after a fork.
 */
#pragma once

#include "base/defs.h"

struct err;
struct runtime_config;
struct runtime_container;
struct runtime_process;

enum runtime_flags {
	/* Another process will start it (runtime_start_saved): create and start of the OCI
	 * command line. */
	RUNTIME_START_LATER = 1 << 0,
	RUNTIME_NO_PIVOT = 1 << 1,   /* MS_MOVE and chroot: for a root in a ramfs */
	RUNTIME_NO_KEYRING = 1 << 2, /* keep the session keyring of the caller */
	RUNTIME_NO_CGROUP = 1 << 3,  /* stay in the caller's cgroups, set no limits */
	/* Only the control groups that a limit asks for, none for usage and pause: for build steps. */
	RUNTIME_LEAN_CGROUP = 1 << 4,
	/* The container is killed when the process that created it ends, however it ends (unless its
	 * first process executes a set-id program): for build steps. */
	RUNTIME_DIE_WITH_CREATOR = 1 << 5,
	/* Resource limits and an OOM score beyond what this host lets us set become the nearest that
	 * it does, with a warning; without this they are errors, as the specification demands. */
	RUNTIME_LOWER_LIMITS = 1 << 6,
	/* systemd makes the control group, as a transient scope: runtime/systemd.h */
	RUNTIME_SYSTEMD_CGROUP = 1 << 8,
};

/* Zero is the default for all but stdio (use RUNTIME_OPTIONS_INIT). All strings are borrowed
 * during the call only. */
struct runtime_options {
	const char *id;
	const char *bundle; /* directory to which a relative root.path refers */
	const char
		*state_dir; /* this container's own; made with mode 0700, must not exist before */
	enum runtime_flags flags;

	/* Descriptors for 0, 1, 2 of the container; -1: the caller's own. Not with a terminal. */
	int stdio[3];
	/* process.terminal: the master of the container's pty is sent to this connected unix
	 * socket (-1: it is kept, runtime_container_take_master). */
	int console_socket;
	/* Descriptors 3 .. 3 + preserve_fds - 1 stay open in the container: those without FD_CLOEXEC. */
	unsigned preserve_fds;

	/* Called INSIDE the container's new mount namespace (propagation private already) before
	 * anything of the root is looked at: mount the root file system at `target` (root.path,
	 * absolute). NULL: root.path itself is bind-mounted. Runs in the child: it must only make
	 * system calls and use memory, and report through e. */
	int (*mount_root)(void *ctx, const char *target, struct err *e);
	void *mount_root_ctx;

	/* Called in the caller's process while the child mounts, when a new network namespace was
	 * made: netns_fd refers to it, pid is the first process. The container starts after it. */
	int (*setup_network)(void *ctx, pid_t pid, int netns_fd, struct err *e);
	void *setup_network_ctx;

	/* Called in the caller's process when all is made, just before the program is let go: who
	 * waits for it in the foreground takes its signals from here on. NULL: nothing. */
	void (*before_start)(void);

	const char *seccomp_cache_dir; /* compiled filters; NULL: compiled each time */
	const char *pid_file;          /* written before create returns */
	const char *systemd_socket;    /* with RUNTIME_SYSTEMD_CGROUP; NULL: the usual one */
	const char *cgroup_parent;     /* where a config without cgroupsPath goes; NULL: "/kist" */
};

#define RUNTIME_OPTIONS_INIT                                 \
	{                                                    \
		.stdio = {-1, -1, -1}, .console_socket = -1, \
	}

int runtime_create(const struct runtime_config *c, const struct runtime_options *o,
	struct runtime_container **ret, struct err *e) must_check;
/* Lets the first process go. An exec that fails is reported here. */
int runtime_start(struct runtime_container *k, struct err *e) must_check;
int runtime_run(const struct runtime_config *c, const struct runtime_options *o,
	struct runtime_container **ret, struct err *e) must_check;

/* The handle in the process that created it. Freeing it neither stops nor deletes anything that
 * was started; what was never started dies. */
void runtime_container_free(struct runtime_container *k);
DEFINE_CLEANUP(struct runtime_container *, runtime_container_free)
#define cleanup_runtime_container cleanup(runtime_container_free_cleanup)
pid_t runtime_container_pid(const struct runtime_container *k);
int runtime_container_pidfd(const struct runtime_container *k); /* borrowed; polls at exit */
int runtime_container_take_master(struct runtime_container *k); /* the pty; -1: none */
/* Waits for the first process: 0..255, or 128 + signal. The caller must be its parent. */
int runtime_wait(struct runtime_container *k, struct err *e) must_check;

/* ---- by state directory, from any process ---- */

enum runtime_status {
	RUNTIME_CREATING,
	RUNTIME_CREATED,
	RUNTIME_RUNNING,
	RUNTIME_PAUSED,
	RUNTIME_STOPPED,
};
const char *runtime_status_name(enum runtime_status s);

/* What its maker wrote down and what /proc says now. Free with runtime_state_free. */
struct runtime_state {
	char *id, *bundle, *version;
	char *cgroup_path;           /* relative to every hierarchy; "" when none was made */
	unsigned cgroup_controllers; /* those in which it was made (enum runtime_controller) */
	unsigned cgroup_mode;        /* enum runtime_cgroup_mode */
	char *systemd_unit, *systemd_socket; /* "" when systemd did not make the group */
	unsigned hooks; /* bit n: there are hooks of enum runtime_hook_kind n */
	bool rdt;       /* it has groups in resctrl */
	enum runtime_status status;
	pid_t pid; /* 0 when stopped */
	uint64_t start_time;
	int64_t created_ns;
	char *annotations;  /* JSON object */
	bool creator_alive; /* of a container that is being created */
};

int runtime_state_load(const char *state_dir, struct runtime_state **ret, struct err *e) must_check;
void runtime_state_free(struct runtime_state *s);
DEFINE_CLEANUP(struct runtime_state *, runtime_state_free)
#define cleanup_runtime_state cleanup(runtime_state_free_cleanup)
/* The config as it was read at create, with the updates since; free with runtime_config_free. */
int runtime_state_config(
	const char *state_dir, struct runtime_config **ret, struct err *e) must_check;
/* The state document of the specification, JSON, with a newline; the caller frees it. */
char *runtime_state_format(const struct runtime_state *s);

int runtime_start_saved(const char *state_dir, struct err *e) must_check;
/* all: every process in the container's cgroup, not only the first. -ERR_STATE when stopped. */
int runtime_kill(const char *state_dir, int sig, bool all, struct err *e) must_check;
/* Removes what is left: cgroup (after killing whatever is in it), poststop hooks, state_dir.
 * force: a container that runs is killed; else -ERR_STATE. A state directory that a killed
 * runtime left half made is cleaned too. */
int runtime_delete(const char *state_dir, bool force, struct err *e) must_check;
/* Freezes or thaws every process of the container. */
int runtime_pause(const char *state_dir, bool pause, struct err *e) must_check;

/* ---- one more process inside ---- */

/* As runtime_options. A process with a terminal gets a pty of the container's own devpts. */
struct runtime_exec_options {
	int stdio[3];
	int console_socket;
	unsigned preserve_fds;
	void (*before_start)(void); /* as in runtime_options */
	bool lower_limits;          /* as RUNTIME_LOWER_LIMITS */
	/* groups below the container's own, which exist: "PATH", on v1 "CONTROLLER[,...]:PATH" */
	const char *const *cgroups;
	size_t ncgroups;
	bool ignore_paused; /* it comes to life when the container is resumed; the call waits */
	const char *seccomp_cache_dir;
	const char *pid_file;
};
#define RUNTIME_EXEC_OPTIONS_INIT                            \
	{                                                    \
		.stdio = {-1, -1, -1}, .console_socket = -1, \
	}

/* Starts p in all namespaces and the cgroup of the running container; the seccomp filter is that
 * of the container's config. `ret` is used with wait, pidfd, take_master and free. */
int runtime_exec(const char *state_dir, const struct runtime_process *p,
	const struct runtime_exec_options *o, struct runtime_container **ret,
	struct err *e) must_check;
