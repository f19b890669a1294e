/*
 * struct layer_entry: one file, directory, link or node of a layer, as the tar
 * reader gives it and the tar writer and the index take it. All pointers are
 * borrowed: valid during the call that gets the entry, no longer.
 *
 * Paths are normalised: relative, no leading "./" or "/", no "." or ".."
 * component, no doubled or trailing slash. The root of the layer itself is "".
 */
#pragma once

#include "base/defs.h"

enum layer_type {
	LAYER_FILE,
	LAYER_DIR,
	LAYER_SYMLINK,
	LAYER_HARDLINK,
	LAYER_CHAR,
	LAYER_BLOCK,
	LAYER_FIFO,
};

struct layer_xattr {
	const char *name; /* with its namespace: "user.x", "security.capability" */
	const void *value;
	size_t len;
};

struct layer_entry {
	const char *path;
	enum layer_type type;
	uint32_t mode; /* permission bits with set-id and sticky, 07777 */
	uint32_t uid;
	uint32_t gid;
	uint64_t size; /* bytes of data: 0 unless LAYER_FILE */
	int64_t mtime; /* seconds since 1970 */
	uint32_t mtime_ns;
	const char *linkname; /* symlink: its text as it is; hard link: a normalised path */
	uint32_t rdev_major;  /* LAYER_CHAR, LAYER_BLOCK */
	uint32_t rdev_minor;
	const struct layer_xattr *xattrs;
	size_t n_xattrs;
	uint64_t offset; /* of the data in the tar, set by the reader and the writer */
};

/* Whiteouts of the OCI image layer specification ("Whiteouts"). */
#define LAYER_WHITEOUT_PREFIX ".wh."
#define LAYER_WHITEOUT_OPAQUE ".wh..wh..opq"
#define LAYER_WHITEOUT_META   ".wh..wh." /* other names with it are aufs leftovers: skipped */

/* The mode with the file type bits of stat(2). A hard link has none. */
uint32_t layer_entry_stat_mode(const struct layer_entry *entry);

struct err;

/* Normalises a path from outside into out (LIMIT_TAR_PATH + 1 bytes): absolute becomes relative,
 * "." and ".." are resolved by their text. What would leave the root, a component beyond NAME_MAX
 * and a path beyond PATH_MAX are refused by name. Returns the length. */
int layer_path_clean(const char *path, char *out, struct err *e);
/* Whether a path is already as described above. */
bool layer_path_is_clean(const char *path);
