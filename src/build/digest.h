/*
 * Digests of a context's files, remembered from build to build by device, inode,
 * size, mtime and ctime, so that an unchanged context costs stats only.
 *
 * The memory is one file per context (and set of ignore rules), sorted by path,
 * read through mmap. It is a cache: a damaged one counts as empty. A file that
 * was changed within the last moment before it was hashed is not remembered: a
 * second change in the same tick of the file system's clock would not show.
 */
#pragma once

#include "build/tree.h"

struct build_digests;

/* dirfd, name: where the memory lies (name NULL: none is kept). Never fails: nothing there, or
 * nothing sound, is an empty memory. */
struct build_digests *build_digests_open(int dirfd, const char *name);
void build_digests_free(struct build_digests *d);
DEFINE_CLEANUP(struct build_digests *, build_digests_free)
#define cleanup_build_digests cleanup(build_digests_free_cleanup)

/*
 * Fills digest of every regular file of t[first..n), which came from one build_tree_walk, from
 * memory or by reading, and remembers what is new. threads and stop as in struct
 * build_tree_options.
 */
int build_digests_fill(struct build_digests *d, int rootfd, struct build_tree *t, size_t first,
	unsigned threads, const volatile sig_atomic_t *stop, struct err *e);
/* How many files were read, because they were not remembered, so far. */
size_t build_digests_read(const struct build_digests *d);
