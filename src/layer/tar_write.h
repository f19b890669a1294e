/*
 * Tar headers, deterministic: the same entry gives the same bytes. ustar where
 * everything fits, a pax extended header before it otherwise (path, linkpath,
 * size, uid, gid, mtime with a fraction, SCHILY.xattr.*), records in a fixed
 * order. The data and its padding are the caller's.
 */
#pragma once

#include "layer/entry.h"

struct buf;
struct err;

#define LAYER_TAR_BLOCK 512

enum layer_tar_flags {
	LAYER_TAR_NANOSECONDS = 1 << 0, /* keep the fraction of mtime */
};

/* Appends the header blocks of entry to b. -ERR_LIMIT or -ERR_FORMAT when it has no tar form. */
int layer_tar_header(
	struct buf *b, const struct layer_entry *entry, enum layer_tar_flags flags, struct err *e);
/* Zero bytes that follow `size` bytes of data */
static inline size_t layer_tar_padding(uint64_t size)
{
	return (size_t)(-size & (LAYER_TAR_BLOCK - 1));
}
/* Zero bytes that end an archive: two blocks */
#define LAYER_TAR_END (2 * LAYER_TAR_BLOCK)
