/*
 * Files and directories by path or by directory descriptor. For paths that an
 * image, a layer or a build context names use base/root.h instead: these
 * functions follow every link.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;

/* Reads a whole file; b->max bounds it. -ENOENT sets e too: the caller may clear it. */
int file_read(int dirfd, const char *path, struct buf *b, struct err *e);

enum file_flags {
	FILE_DURABLE = 1 << 0, /* fsync of the file before, of the directory after the rename */
};
/* Writes through a temporary file beside path and a rename: the old file or the new, never half. */
int file_write(int dirfd, const char *path, const void *p, size_t len, mode_t mode,
	enum file_flags flags, struct err *e);

bool file_exists(int dirfd, const char *path); /* the link itself, not its target */
int file_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e); /* as mkdir -p */
int file_open_dir(int dirfd, const char *path, struct err *e);            /* O_DIRECTORY */
/* Removes a tree without following a link or leaving its file system; absent is fine. */
int file_remove_tree(int dirfd, const char *path, struct err *e);
int file_sync_dir(int dirfd, const char *path, struct err *e);
/* An unnamed file in a directory (O_TMPFILE, or created and unlinked). Descriptor or error. */
int file_open_unnamed(int dirfd, const char *dir, struct err *e);
