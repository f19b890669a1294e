/* One decompressor: what layer/decompress.c asks of each. */
#pragma once

#include "layer/decompress.h"

struct codec {
	void *(*new)(struct err *e); /* NULL on failure */
	void (*free)(void *state);
	/* As layer_decompress_step, without the limits. */
	ssize_t (*step)(void *state, const uint8_t **in, size_t *in_len, uint8_t *out,
		size_t out_size, struct err *e);
	int (*finish)(void *state, struct err *e);
};

extern const struct codec codec_gzip, codec_zstd;
extern const struct codec codec_bzip2, codec_xz; /* libraries loaded on use */
