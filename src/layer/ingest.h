/*
 * Takes a layer that comes from outside, in one pass: the bytes as they come are
 * hashed, decompressed (by content: plain, gzip, zstd, bzip2, xz), hashed again,
 * written as the layer's tar and indexed (or unpacked), on threads that have
 * ended when finish or free returns. Nothing may be believed before finish has
 * said 0: it compares the digests. The tar is written byte for byte.
 */
#pragma once

#include "layer/decompress.h"
#include "layer/writer.h"

struct layer_ingest_options {
	const char
		*blob_digest; /* expected, of the bytes as they come: hexadecimal; NULL: unknown */
	const char *diffid;   /* expected, of the plain tar; NULL: unknown */
	uint64_t blob_size;   /* expected; 0: unknown */
	bool unpack;          /* unpack into the empty directory unpack_fd (layer/unpack.h) */
	int unpack_fd;
	struct layer_limits limits;
	bool skip_blob_hash; /* the caller has verified the bytes already; blob_digest stays "" */
	bool alone; /* no other layer comes at the same time: it may have more memory (5 MB) */
	/* Gets the bytes as they come, too, all of them in order, in one of the threads, for whoever
	 * keeps them. NULL: nobody does. */
	int (*keep)(void *arg, const void *p, size_t len, struct err *e);
	void *keep_arg;
};

struct layer_ingest_info {
	struct layer_info layer;
	char blob_digest[SHA256_HEX];
	uint64_t blob_size;
	enum layer_compression compression;
};

struct layer_ingest;

/* tar_fd: -1: the tar is not kept; index_fd: see layer/index.h, -1: no index. Borrowed. opt: its
 * strings are copied; may be NULL. */
struct layer_ingest *layer_ingest_new(
	int tar_fd, int index_fd, const struct layer_ingest_options *opt);
void layer_ingest_free(struct layer_ingest *g);
DEFINE_CLEANUP(struct layer_ingest *, layer_ingest_free)
#define cleanup_layer_ingest cleanup(layer_ingest_free_cleanup)

int layer_ingest_push(struct layer_ingest *g, const void *p, size_t len, struct err *e);
int layer_ingest_finish(struct layer_ingest *g, struct layer_ingest_info *ret, struct err *e);
/* No more bytes will come, and those that came are not all: they are given to keep, as far as nothing
 * has failed, and no thread calls it any more. Only free is allowed afterwards. */
void layer_ingest_stop(struct layer_ingest *g);
/* All in one: len bytes of in_fd from its offset (UINT64_MAX: to its end). */
int layer_ingest_fd(int in_fd, uint64_t len, int tar_fd, int index_fd,
	const struct layer_ingest_options *opt, struct layer_ingest_info *ret, struct err *e);
