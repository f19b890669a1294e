/*
 * One more program in a running container: its namespaces, limits, seccomp filter;
 * its environment, user and working directory unless told otherwise.
 */
#pragma once

#include "base/strv.h"
#include "engine/container.h"

struct runtime_container;

struct engine_exec_options {
	struct strv args;
	struct strv env;  /* NAME=VALUE, over the container's */
	const char *cwd;  /* NULL: the container's */
	const char *user; /* NULL: the container's */
	bool tty, privileged;
	uint16_t rows, columns;
	int stdio[3]; /* -1: ours; not with a tty */
};

/* Starts it; *ret is waited for with runtime_wait, its terminal taken with
 * runtime_container_take_master. -ERR_STATE when the container does not run. */
int engine_exec(struct engine *g, struct engine_container *c, const struct engine_exec_options *o,
	struct runtime_container **ret, struct err *e);
