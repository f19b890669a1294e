/* The one place where a container's process is made: clone3(2). */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct err;

struct spawn_join {
	int fd;           /* a namespace, or a pidfd */
	uint64_t flags;   /* CLONE_NEWx as setns(2) takes them */
	const char *path; /* for errors; borrowed */
};

struct spawn {
	uint64_t flags; /* CLONE_NEWx */
	int cgroup_fd;  /* v2: the process begins there; -1 */
	/* Joined before the clone, in this order, but a user namespace after those that can be
	 * joined without it: what belongs to the host can be joined only before, what belongs to
	 * that namespace only afterwards. Descriptors are borrowed. */
	struct spawn_join joins[RUNTIME_NS_KINDS];
	size_t njoins;
	/* Runs with arg before anything is joined, in a process whose memory, score and labels the
	 * new one inherits; NULL: nothing. Only with joins. A negative result ends it. */
	int (*before_joins)(void *arg, struct err *e);
	int (*run)(void *arg); /* in the new process; its result is the exit status */
	void *arg;
};
#define SPAWN_INIT              \
	{                       \
		.cgroup_fd = -1 \
	}

/* The new process is always a child of the caller. The pid; *ret_pidfd is owned by the caller. */
pid_t spawn_process(const struct spawn *s, int *ret_pidfd, struct err *e);
