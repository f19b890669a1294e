/*
 * Layers that come from outside, compressed or not, into the store: one pass
 * (layer/ingest.h), committed when the digests agree.
 */
#pragma once

#include "layer/ingest.h"
#include "store/layer.h"

struct snapshot_ingest;

struct snapshot_ingest_options {
	const char *blob_digest; /* "sha256:...", of the bytes as they come; NULL: unknown */
	const char *diffid;      /* "sha256:...", of the plain tar; NULL: unknown */
	uint64_t blob_size;      /* 0: unknown */
	bool skip_blob_hash;     /* the caller has verified the bytes as they come */
	bool durable;            /* fsync now */
	bool alone;              /* as in layer/ingest.h */
	struct layer_limits limits;
	/* as in layer/ingest.h */
	int (*keep)(void *arg, const void *p, size_t len, struct err *e);
	void *keep_arg;
};

struct snapshot_ingest_info {
	struct store_layer layer;
	char blob_digest[STORE_DIGEST_MAX]; /* "" with skip_blob_hash */
	uint64_t blob_size;
	enum layer_compression compression;
};

/* opt may be NULL; its strings are copied. */
int snapshot_ingest_begin(struct store *s, const struct snapshot_ingest_options *opt,
	struct snapshot_ingest **ret, struct err *e);
int snapshot_ingest_push(struct snapshot_ingest *g, const void *p, size_t len, struct err *e);
/* All bytes are in: waits until they are written and verifies them, without touching the store's
 * database: push and drain may be called in a thread of their own. For those who want the waiting
 * there; finish does it otherwise. */
int snapshot_ingest_drain(struct snapshot_ingest *g, struct err *e);
/* No more bytes will come, as layer_ingest_stop: what has come is kept. Free is next. */
void snapshot_ingest_stop(struct snapshot_ingest *g);
/* Verifies and commits. -ERR_DIGEST: nothing is left. ret may be NULL. */
int snapshot_ingest_finish(
	struct snapshot_ingest *g, struct snapshot_ingest_info *ret, struct err *e);
void snapshot_ingest_free(struct snapshot_ingest *g); /* in every case */
DEFINE_CLEANUP(struct snapshot_ingest *, snapshot_ingest_free)
#define cleanup_snapshot_ingest cleanup(snapshot_ingest_free_cleanup)

/* All in one: len bytes of fd from its offset (UINT64_MAX: to its end). */
int snapshot_ingest_fd(struct store *s, int fd, uint64_t len,
	const struct snapshot_ingest_options *opt, struct snapshot_ingest_info *ret, struct err *e);

/* A suspect layer (store/layer.h): its tar is read again and its index made anew. Afterwards it is
 * as any other, or deleted and -ERR_DIGEST returned. 0 at once for a layer that is not suspect. */
int snapshot_layer_verify(struct store *s, const char *diffid, struct err *e);
