/*
 * Decompression as a filter: bytes in, bytes out, at the caller's pace. gzip
 * (isa-l; several members) and zstd (several frames) are linked; bzip2 and xz
 * are loaded with dlopen when they are met. Input is untrusted: output beyond
 * LIMIT_LAYER_SIZE, or beyond LIMIT_EXPAND_RATIO times the input once
 * LIMIT_EXPAND_FREE is passed, fails with ERR_LIMIT. Both can be set otherwise; a
 * ratio that was set counts from LIMIT_EXPAND_ASKED on.
 */
#pragma once

#include "base/defs.h"

struct err;

enum layer_compression {
	LAYER_PLAIN,
	LAYER_GZIP,
	LAYER_ZSTD,
	LAYER_BZIP2,
	LAYER_XZ,
};

const char *layer_compression_name(enum layer_compression c); /* "gzip", "plain" ... static */
/* By the first bytes; LAYER_SNIFF of them are enough. LAYER_PLAIN when none fits. */
#define LAYER_SNIFF 6
enum layer_compression layer_compression_sniff(const void *p, size_t len);

/* What a layer may unpack to; 0: the limit of base/limits.h. */
struct layer_limits {
	uint64_t size;  /* bytes of the tar */
	uint64_t ratio; /* of the tar to the compressed bytes */
};

struct layer_decompress;

struct layer_decompress *layer_decompress_new(enum layer_compression c, struct err *e);
void layer_decompress_free(struct layer_decompress *d);
DEFINE_CLEANUP(struct layer_decompress *, layer_decompress_free)
#define cleanup_layer_decompress cleanup(layer_decompress_free_cleanup)

/* Before the first step. */
void layer_decompress_limit(struct layer_decompress *d, const struct layer_limits *limits);
/* Takes from *in (advances *in and *in_len) and fills out; returns the bytes produced. 0 with
 * *in_len 0: it wants more input. */
ssize_t layer_decompress_step(struct layer_decompress *d, const uint8_t **in, size_t *in_len,
	uint8_t *out, size_t out_size, struct err *e);
/* Says that the input has ended: an error when the compressed stream had not. */
int layer_decompress_finish(struct layer_decompress *d, struct err *e);
