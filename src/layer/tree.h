/*
 * Reads an index (layer/index.h) in user space: look up, list, walk, read data
 * from the tars. Bytes of an index are checked as if they were untrusted.
 * Paths are normalised, links are not followed. Whiteouts are visible as what
 * they are (layer_tree_is_whiteout).
 */
#pragma once

#include "layer/entry.h"

struct buf;
struct err;
struct layer_tree;

struct layer_tree_node {
	uint64_t nid;
	uint32_t mode; /* with the type bits of stat(2) */
	uint32_t uid;
	uint32_t gid;
	uint32_t nlink;
	uint64_t size;
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t rdev_major;
	uint32_t rdev_minor;
	bool opaque;     /* a directory that hides the layers below */
	uint16_t device; /* regular file with data: which tar, from 1 */
	uint64_t offset; /* of its data in that tar */
};

/* index_fd and tar_fds are borrowed until the tree is freed; tar_fds may be NULL with n_tars 0:
 * then data cannot be read. */
struct layer_tree *layer_tree_open(int index_fd, const int *tar_fds, size_t n_tars, struct err *e);
void layer_tree_free(struct layer_tree *t);
DEFINE_CLEANUP(struct layer_tree *, layer_tree_free)
#define cleanup_layer_tree cleanup(layer_tree_free_cleanup)

int layer_tree_root(struct layer_tree *t, struct layer_tree_node *ret, struct err *e);
/* -ENOENT (e untouched) when it is not there, -ENOTDIR below something else */
int layer_tree_lookup(
	struct layer_tree *t, const char *path, struct layer_tree_node *ret, struct err *e);
static inline bool layer_tree_is_whiteout(const struct layer_tree_node *n)
{
	return (n->mode & 0170000) == 0020000 && n->rdev_major == 0 && n->rdev_minor == 0;
}

/* Called for each child in byte order, without "." and "..". Non-zero stops and is returned. */
typedef int (*layer_tree_fn)(
	void *ctx, const char *name, const struct layer_tree_node *node, struct err *e);
int layer_tree_list(struct layer_tree *t, const struct layer_tree_node *dir, layer_tree_fn fn,
	void *ctx, struct err *e);
/* The whole tree, parents first; name is the whole path; the root comes first as "". */
int layer_tree_walk(struct layer_tree *t, layer_tree_fn fn, void *ctx, struct err *e);

int layer_tree_link(struct layer_tree *t, const struct layer_tree_node *n, struct buf *text,
	struct err *e); /* appends the symlink's text */
/* Bytes of a regular file; fewer than len only at its end. */
ssize_t layer_tree_read(struct layer_tree *t, const struct layer_tree_node *n, void *p, size_t len,
	uint64_t offset, struct err *e);
/* Calls fn for each extended attribute (trusted.overlay.* too). */
typedef int (*layer_tree_xattr_fn)(void *ctx, const struct layer_xattr *x, struct err *e);
int layer_tree_xattrs(struct layer_tree *t, const struct layer_tree_node *n, layer_tree_xattr_fn fn,
	void *ctx, struct err *e);
