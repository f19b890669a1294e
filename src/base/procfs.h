/*
 * Files of /proc that decide about security. Somebody who can put another file in
 * their place (a mount, a link, a tmpfs that is called /proc) makes a write vanish
 * or hit something else (CVE-2019-16884, CVE-2019-19921, CVE-2025-52881). So /proc
 * is checked to be the root of a procfs, and the way below it may cross neither
 * mounts nor magic links; "self" and "thread-self" are procfs's own.
 */
#pragma once

#include "base/defs.h"

struct err;

/* The checked root of /proc, O_PATH. -ERR_STATE when it is something else. */
int procfs_open_root(struct err *e) must_check;
/* A file below such a root; flags as open(2). -errno. */
int procfs_open_at(int root, const char *path, int flags) must_check;
/* Both; path is relative to /proc. */
int procfs_open(const char *path, int flags, struct err *e) must_check;
