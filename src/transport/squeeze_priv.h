/*
 * A layer of the store as a stream of compressed bytes, made while it is read, in
 * the form of an upload's source. The bytes depend on the tar, the compression
 * and its level only, so that a cut upload can go on: what is asked for again is made
 * again.
 */
#pragma once

#include "layer/compress.h"

struct squeeze;

struct squeeze_options {
	int tar;                     /* from its beginning; borrowed */
	enum layer_compression kind; /* LAYER_GZIP or LAYER_ZSTD */
	int level;                   /* layer/compress.h */
	unsigned threads;
	/* Plain bytes were read, for the progress; negative ends. May be NULL. */
	int (*read)(void *ctx, uint64_t plain, struct err *e);
	void *ctx;
};

struct squeeze *squeeze_new(const struct squeeze_options *o);
void squeeze_free(struct squeeze *q);
DEFINE_CLEANUP(struct squeeze *, squeeze_free)
#define cleanup_squeeze cleanup(squeeze_free_cleanup)

/* As registry_source.read; arg is the squeeze. */
ssize_t squeeze_read(void *arg, uint64_t offset, void *p, size_t len, struct err *e);
/* After squeeze_read has returned 0. */
const struct layer_compress_info *squeeze_info(const struct squeeze *q);
