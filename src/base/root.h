/*
 * Paths inside a root that somebody else filled: a root file system, a build
 * context, an unpacked layer. Every function resolves its path with
 * openat2(2) RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS below the directory that
 * rootfd stands for: absolute paths and links begin there, ".." stops there.
 * All return a descriptor or 0, or -errno; they set e when it is given.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;

/* flags as open(2); O_CLOEXEC is added. The last component is followed unless O_NOFOLLOW. */
int root_open(int rootfd, const char *path, int flags, mode_t mode, struct err *e);
/* An O_PATH descriptor of path. nofollow: of a symbolic link itself. */
int root_open_path(int rootfd, const char *path, bool nofollow, struct err *e);
/* As mkdir -p, following links inside the root; returns a descriptor of the directory. */
int root_mkdirs(int rootfd, const char *path, mode_t mode, struct err *e);
/* Reads a whole file inside the root; b->max bounds it. */
int root_read(int rootfd, const char *path, struct buf *b, struct err *e);
/* Opens the directory that holds path's last component and gives that name (borrowed from path).
 * The parent must exist. For creating, renaming or removing the entry itself. */
int root_open_parent(int rootfd, const char *path, const char **ret_name, struct err *e);
