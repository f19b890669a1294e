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
