/*
 * The destination side of COPY, ADD and WORKDIR: where an entry goes in an image
 * whose file system is mounted, and the directories on the way to it, written
 * into the new layer.
 *
 * A layer must hold every directory above its entries: where layers are merged
 * the topmost one decides about a directory's owner and mode, so directories
 * that the image has are repeated as they are. Links of the image are followed
 * inside the image only.
 */
#pragma once

#include "base/defs.h"
#include "base/set.h"
#include "layer/entry.h"

struct err;
struct layer_writer;

struct build_dest {
	int rootfd; /* the image below: mounted, read-only; -1: empty (scratch) */
	struct layer_writer *w;
	uint32_t uid, gid; /* of directories that are made */
	int64_t time;      /* of those; seconds */
	struct set dirs;   /* directories that the layer holds already */
};
void build_dest_release(struct build_dest *d);

/* Type bits of what is at path in the image, no link followed; 0: nothing. -errno. */
int build_dest_type(const struct build_dest *d, const char *path, struct err *e);
/* Follows the image's links: a clean path, whether it exists or not. */
int build_dest_resolve(const struct build_dest *d, const char *path, char **ret, struct err *e);
/* Writes the directories above path that the layer does not hold yet. */
int build_dest_parents(struct build_dest *d, const char *path, struct err *e);
/* The same, with the directory itself. */
int build_dest_dir(struct build_dest *d, const char *path, struct err *e);
/* Adds an entry: parents first. data_fd as layer_writer_add. */
int build_dest_add(
	struct build_dest *d, const struct layer_entry *entry, int data_fd, struct err *e);

/* Extended attributes of an open file, for an entry; released with build_xattrs_release. */
struct build_xattrs {
	struct layer_xattr *v;
	size_t n;
	char *bytes;
};
int build_xattrs_read(int fd, const char *path, struct build_xattrs *ret, struct err *e);
void build_xattrs_release(struct build_xattrs *x);
