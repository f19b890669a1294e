/*
 * A tree of files copied into another directory. Neither side is trusted: every
 * step is by descriptor, no link is followed, depth is bounded. System calls and
 * little more, for use between fork and exec.
 */
#pragma once

#include "base/defs.h"

struct err;

/* Copies all entries of directory `from` into directory `to` (descriptors, not O_PATH), then owner,
 * mode, times and attributes (user.*, capabilities, ACLs) of `from` itself. Sockets are left out,
 * hard links become files of their own. What exists in `to` already is -EEXIST. */
int copy_tree(int from, int to, struct err *e) must_check;
