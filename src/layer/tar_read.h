/*
 * Reads a tar as it comes: bytes are pushed in pieces of any size, entries come
 * out through callbacks, in order, with bounded memory. Understands v7, ustar,
 * GNU (long names, base-256 numbers) and pax (path, linkpath, size, uid, gid,
 * mtime, SCHILY.xattr.*; global headers too). Old GNU and pax sparse files are
 * refused. Every byte is untrusted: limits in base/limits.h.
 *
 * The end: two zero blocks, or the end of the stream between two entries, as
 * Go's archive/tar accepts; what follows the zero blocks is ignored.
 */
#pragma once

#include "layer/entry.h"

struct err;

/* A callback returns 0, or a negative code (and sets e) to stop the reader with it. Each may be
 * NULL. `entry` comes once an entry's header is complete, `data` any number of times with a
 * regular file's bytes, `end` after the last of them (for every entry). */
struct layer_tar_ops {
	int (*entry)(void *ctx, const struct layer_entry *entry, struct err *e);
	int (*data)(void *ctx, const void *p, size_t len, struct err *e);
	int (*end)(void *ctx, struct err *e);
};

struct layer_tar;

struct layer_tar *layer_tar_new(const struct layer_tar_ops *ops, void *ctx);
void layer_tar_free(struct layer_tar *t);
DEFINE_CLEANUP(struct layer_tar *, layer_tar_free)
#define cleanup_layer_tar cleanup(layer_tar_free_cleanup)

/* 0 or an error; after an error the reader takes nothing more. */
int layer_tar_push(struct layer_tar *t, const void *p, size_t len, struct err *e);
/* For a source that can seek: the bytes that are left of the present file's data, which count as
 * pushed from now on (`data` does not see them); 0 outside a file's data. */
uint64_t layer_tar_skip(struct layer_tar *t);
/* Says that the stream has ended: an error when it ended inside an entry. */
int layer_tar_finish(struct layer_tar *t, struct err *e);
uint64_t layer_tar_entries(const struct layer_tar *t); /* seen so far */
uint64_t layer_tar_content(const struct layer_tar *t); /* bytes of file data announced so far */
