/*
 * Files below a directory that is not trusted (a build context, a mounted
 * image): listed with their stats, in a fixed order, by a few threads that have
 * ended when the call returns. Nothing is followed, nothing is read.
 *
 * Order: parents before children, names by their bytes: a path compares as if
 * '/' were the smallest byte (build_path_compare).
 */
#pragma once

#include "base/arena.h"
#include "base/defs.h"

#include <signal.h>

struct dockerfile_ignore;
struct err;

struct build_file {
	const char *path; /* clean, relative to the root; "" is the root itself */
	const char *link; /* text of a symbolic link, else NULL */
	uint64_t size, ino, dev;
	int64_t mtime, ctime; /* nanoseconds */
	uint32_t mode;        /* with type bits */
	uint32_t uid, gid, nlink;
	bool has_digest;
	uint8_t digest[32]; /* SHA-256 of a regular file: build/digest.h fills it */
	/* only with BUILD_TREE_EXCLUDED: left out by this pattern of this line */
	const char *pattern;
	uint32_t line;
};

struct build_tree {
	struct build_file *v;
	size_t n, cap;
	struct arena *arenas; /* one a thread */
	size_t narenas;
};
#define BUILD_TREE_INIT          \
	{                        \
		NULL, 0, 0, NULL \
	}
void build_tree_release(struct build_tree *t);
#define cleanup_build_tree cleanup(build_tree_release)

enum build_tree_flags {
	BUILD_TREE_EXCLUDED = 1 << 0, /* list what ignore leaves out, too, with its reason */
};

struct build_tree_options {
	const struct dockerfile_ignore *ignore; /* paths are matched from the root; or NULL */
	enum build_tree_flags flags;
	unsigned threads;                  /* 0: by the number of processors */
	unsigned depth;                    /* list so many levels below dir; 0: all */
	const volatile sig_atomic_t *stop; /* not 0: -ERR_INTERRUPTED soon; or NULL */
};

/* Appends dir (a clean path; "" is the root) itself and all below it. A path that is not a
 * directory gives one entry. -ENOENT sets e. */
int build_tree_walk(int rootfd, const char *dir, const struct build_tree_options *o,
	struct build_tree *t, struct err *e);

int build_path_compare(const char *a, const char *b);

enum build_resolve_flags {
	BUILD_RESOLVE_INSIDE = 1 << 0, /* an image: absolute links and ".." stay inside; else such a
					    link is -ERR_FORMAT ("leads out of the build context") */
	BUILD_RESOLVE_NOFOLLOW = 1 << 1, /* a link in the last place is not followed */
	BUILD_RESOLVE_MISSING = 1 << 2,  /* what does not exist is taken as it is written */
};
/*
 * Where path really is below the root: clean, no component a link. -ENOENT and -ENOTDIR leave e
 * alone; more than LIMIT_SYMLINK_HOPS links are -ELOOP. ret: the caller frees it; "" is the root.
 */
int build_path_resolve(
	int rootfd, const char *path, enum build_resolve_flags flags, char **ret, struct err *e);
