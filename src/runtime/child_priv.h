/*
 * The new process on its way from clone to exec. Runs on a copy of the caller's
 * memory: it makes system calls, reports through its socket, and never returns
 * into the caller's code. Steps are functions over struct child, found in a
 * table by the kind of the plan's step.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/lsm_priv.h"
#include "runtime/plan.h"

#include <linux/capability.h>
#include <linux/filter.h>

struct err;

enum { CHILD_MAX_CGROUPS = 16 };

struct child {
	const struct runtime_config *c;
	const struct runtime_process *process;
	const struct runtime_plan *plan;
	const char *root_path; /* absolute */
	const char *id, *bundle;
	int stdio[3];
	unsigned preserve_fds;
	bool no_pivot;
	bool die_with_creator;
	bool lower_limits;
	bool bring_to_root; /* in a user namespace: become its root once it is mapped */
	bool user_ns_new;   /* that namespace is new */
	bool labelled; /* labels and the OOM score are set: it could not open the files any more */
	/* newuidmap(1) of an unprivileged user works only on a process that /proc shows as his */
	bool dumpable_till_mapped;
	int (*mount_root)(void *ctx, const char *target, struct err *e);
	void *mount_root_ctx;

	int sock;       /* to the parent; after a start by others to the starter */
	int parent_end; /* the parent's end, closed first */
	int start_sock; /* listening, -1 */
	int enter_fd;   /* exec: pidfd of the container */

	int *mount_fds; /* by mount of the config: what the parent opened for it, -1; or NULL */

	int tasks[CHILD_MAX_CGROUPS]; /* "tasks" or cgroup.procs files to join */
	size_t ntasks;
	const char *cgroup_path;
	unsigned cgroup_controllers;
	bool cgroup_later; /* the parent says when it is there; the child opens its files */
	bool cgroup_moved; /* ... and has moved the child into it */
	bool cgroup_v2;
	bool cgroup_ns; /* in a cgroup namespace of its own */

	struct sock_fprog filter;
	unsigned filter_flags;
	bool filter_at_exec; /* the filter is loaded by the last calls (child_final.c) */

	/* made on the way */
	int root;     /* the container's root directory, O_PATH on its mount */
	int proc;     /* the root of a procfs of the container's own namespaces */
	int dev;      /* its /dev, once a node was made there */
	int null_dev; /* /dev/null of the host, O_PATH */
	int empty;    /* an attached read-only empty directory, for masks */
	int slave;    /* of the pty */
	struct lsm lsm;
	dev_t self_dev; /* the file of the running executable */
	ino_t self_ino;
	void *final_code; /* what makes the last calls, mapped from final_file; NULL: none */
	int final_file;
	struct __user_cap_data_struct *final_caps; /* two, set at the end; NULL: set already */
	char *hook_state[2]; /* the state documents for hooks here: creating, created */
	char *program;
	struct strv env;
};

typedef int (*child_step)(struct child *k, const struct runtime_step *s, struct err *e);

/* Runs all steps; its result is an exit status (only reached when something failed). */
int child_main(void *child);

/* child_root.c */
int child_do_propagation(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_root(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_root_readonly(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_pivot(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_root_propagation(struct child *k, const struct runtime_step *s, struct err *e);

/* child_fs.c */
/* A detached mount of a file system; descriptor or error with the kernel's own words */
int child_new_fs(const struct runtime_mount *m, struct err *e);
/* The same for a mount of the config, with linux.mountLabel, and what else stands in where a user
 * namespace may not mount it. mode: of a tmpfs, or NULL. */
int child_mount_fs(struct child *k, const struct runtime_mount *m, const char *mode, struct err *e);
/* A detached copy of a tree of the host with these attributes everywhere; -errno */
int child_bind_host(const char *path, uint64_t attrs);
/* One option word, and the kernel's words on what failed, for a descriptor of fsopen */
int child_fs_option(int fsfd, const char *word);
int child_fs_error(int fsfd, const struct runtime_mount *m, const char *what, struct err *e);

/* child_mount.c */
int child_do_mount(struct child *k, const struct runtime_step *s, struct err *e);
int child_attach(int mount_fd, int target_fd);
/* A clone of one of the host's mounts is no peer of it, where the host's are shared with us */
int child_cut_off(const struct child *k, int mount_fd);
/* The source of a bind; a relative one is in the bundle. The caller frees it. */
char *mount_source(const struct runtime_mount *m, const char *bundle);
/* the procfs of this container, mounted or not; borrowed */
int child_proc(struct child *k, struct err *e);

/* child_cgroup.c: the mount of type "cgroup" */
int child_mount_cgroup(struct child *k, const struct runtime_mount *m, int target, struct err *e);

/* child_dev.c */
int child_do_device(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_dev_links(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_mask_path(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_readonly_path(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_sysctl(struct child *k, const struct runtime_step *s, struct err *e);

/* child_tty.c */
int child_do_console(struct child *k, const struct runtime_step *s, struct err *e);
int child_open_terminal(struct child *k, const struct runtime_process *p, struct err *e);

/* child_user.c */
int child_do_rlimits(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_oom_score(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_make_cwd(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_cwd(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_user(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_no_new_privs(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_seccomp(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_keyring(struct child *k, const struct runtime_step *s, struct err *e);

/* child_ns.c */
int child_do_setns(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_enter(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_mapped(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_time_offsets(struct child *k, const struct runtime_step *s, struct err *e);

/* child_sched.c */
int child_do_scheduler(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_io_priority(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_affinity(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_personality(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_memory_policy(struct child *k, const struct runtime_step *s, struct err *e);

/* child_exec.c */
int child_do_find_program(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_ready(struct child *k, const struct runtime_step *s, struct err *e);
int child_do_exec(struct child *k, const struct runtime_step *s, struct err *e);

/* child_final.c: before limits and filters; the end of the way, which does not return */
int child_do_hide_runtime(struct child *k, const struct runtime_step *s, struct err *e);
no_return void child_final_exec(struct child *k, char *const *args, char *const *env);

/* caps_apply.c: after the user was set with PR_SET_KEEPCAPS. Missing ones are warned about. */
int caps_drop_bounding(const struct runtime_process *p, struct err *e);
int caps_apply(struct child *k, const struct runtime_process *p, struct err *e);
