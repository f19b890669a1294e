/*
 * Compression for layers that leave: gzip (isa-l, level 1) or zstd. The input is
 * cut into pieces of a fixed size that are compressed independently, on all
 * cores; the output does not depend on how many there are. gzip gives one
 * member, zstd one frame per piece. The name and level that made a blob are
 * layer_compress_id: recorded, since another version may give other bytes.
 */
#pragma once

#include "base/sha256.h"
#include "layer/decompress.h"

struct layer_compress;

/* Receives the compressed bytes in order, in the thread that calls push and finish. */
typedef int (*layer_compress_fn)(void *ctx, const void *p, size_t len, struct err *e);

struct layer_compress_info {
	char digest[SHA256_HEX]; /* of the compressed bytes, hexadecimal */
	uint64_t size;           /* of the compressed bytes */
	char diffid[SHA256_HEX]; /* of the plain bytes */
	uint64_t plain_size;
};

/* c: LAYER_PLAIN (only hashed), LAYER_GZIP or LAYER_ZSTD. */
struct layer_compress *layer_compress_new(
	enum layer_compression c, layer_compress_fn fn, void *ctx, struct err *e);
void layer_compress_free(struct layer_compress *z);
DEFINE_CLEANUP(struct layer_compress *, layer_compress_free)
#define cleanup_layer_compress cleanup(layer_compress_free_cleanup)

/* Before the first push. How many pieces at once (1 to 16; 4 or the cores, if fewer, otherwise). */
void layer_compress_threads(struct layer_compress *z, unsigned n);
/* Of zstd, 1 to 22; 0: LAYER_ZSTD_LEVEL. */
#define LAYER_ZSTD_LEVEL 3
void layer_compress_level(struct layer_compress *z, int level);
/* The bytes in order. Or, for gzip and zstd, without a copy: room for some of them, at least one
 * byte, and how many were put there. */
int layer_compress_room(struct layer_compress *z, void **ret, size_t *ret_len, struct err *e);
void layer_compress_filled(struct layer_compress *z, size_t len);
int layer_compress_push(struct layer_compress *z, const void *p, size_t len, struct err *e);
int layer_compress_finish(struct layer_compress *z, struct layer_compress_info *ret, struct err *e);
/* All of in_fd from its offset through fn. */
int layer_compress_fd(int in_fd, enum layer_compression c, layer_compress_fn fn, void *ctx,
	struct layer_compress_info *ret, struct err *e);
/* "zstd-3/512KiB 1.5.4": what makes these bytes: another version may give others. Returns out. */
#define LAYER_COMPRESS_ID 64
char *layer_compress_id(enum layer_compression c, int level, char out[LAYER_COMPRESS_ID]);
