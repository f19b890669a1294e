/*
 * Advisory locks on files (flock(2)): they vanish with the descriptor, so a
 * killed process leaves none behind. Never held over the network or a child.
 */
#pragma once

#include "base/defs.h"

struct err;

enum lock_mode {
	LOCK_SHARED,
	LOCK_EXCLUSIVE,
};

/* Opens or creates path and locks it. A descriptor, to be closed; wait false: -EWOULDBLOCK. */
int lock_take(int dirfd, const char *path, enum lock_mode mode, bool wait, struct err *e);
/* A directory that is there, exclusively, without a file of its own: for whoever reads, changes and
 * replaces one of its files. Waits. */
int lock_take_dir(int dirfd, const char *path, struct err *e);
