/* The one place where a container's process is made: clone3(2). */
#pragma once

#include "base/defs.h"

struct err;

struct spawn {
	uint64_t flags; /* CLONE_NEWx */
	int cgroup_fd;  /* v2: the process begins there; -1 */
	int join_fd;    /* joined before the clone with join_flags: a namespace or a pidfd; -1 */
	int join_flags;
	int join_fd2; /* a second one; -1 */
	int join_flags2;
	int (*run)(void *arg); /* in the new process; its result is the exit status */
	void *arg;
};
#define SPAWN_INIT                                             \
	{                                                      \
		.cgroup_fd = -1, .join_fd = -1, .join_fd2 = -1 \
	}

/* The new process is always a child of the caller. The pid; *ret_pidfd is owned by the caller. */
pid_t spawn_process(const struct spawn *s, int *ret_pidfd, struct err *e);
