/*
 * A layer as a stream of bytes in another form, made while it is read, in the shape
 * of an upload's source. The bytes depend on the tar, the compression and its
 * level only, so that a cut upload can go on: what is asked for again is made again.
 * Nothing of them is stored.
 */
#pragma once

#include "layer/compress.h"
#include "transport/blob.h"

struct registry_repo;
struct squeeze;

struct squeeze_options {
	int tar; /* from its beginning; borrowed. Or: */
	/* The plain bytes: up to len from offset, 0 at the end. Offsets follow on each other, or begin
	 * at 0 again. NULL: tar. */
	ssize_t (*plain)(void *ctx, uint64_t offset, void *p, size_t len, struct err *e);
	void *plain_ctx;
	const char *diffid;          /* what they must be; NULL: unknown. Borrowed */
	enum layer_compression kind; /* LAYER_PLAIN, LAYER_GZIP or LAYER_ZSTD */
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
/* After squeeze_read has returned 0: the plain bytes were those of diffid (else -ERR_DIGEST). */
const struct layer_compress_info *squeeze_info(const struct squeeze *q);
/* All of it in order, once. */
int squeeze_pump(struct squeeze *q, transport_write_fn write, void *ctx, struct err *e);
/* Into a repository, made while it is sent. */
int squeeze_upload(struct squeeze *q, struct registry_repo *repo, struct err *e);
