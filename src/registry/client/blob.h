/*
 * Blobs of a repository: is it there, fetch it.
 */
#pragma once

#include "oci/digest.h"
#include "registry/client/client.h"

struct buf;

/* 1: there (ret_size, may be NULL; UINT64_MAX when the registry does not say), 0: not. Asks
 * the place that is pushed to. */
int registry_blob_has(
	struct registry_repo *r, const char *digest, uint64_t *ret_size, struct err *e);

struct registry_blob_fetch {
	const char *digest;
	uint64_t size;   /* of the whole blob, as the manifest says: more or fewer bytes fail */
	uint64_t offset; /* where to begin: the bytes that the caller has already */
	/* Other places (a foreign layer's urls), asked first, without credentials; NULL: none. */
	const struct strv *urls;
	/* The bytes in order, each once, from offset to size. Negative ends the fetch. */
	int (*write)(void *arg, const void *p, size_t len, struct err *e);
	void *arg;
	/* Told before bytes flow (again) after a cut or from an offset; at: the offset from which the
	 * registry sends. 0 with offset or bytes behind us: it cannot send ranges, and what is known
	 * is skipped as it comes by. May be NULL. */
	void (*resumed)(void *arg, uint64_t at);
};
/*
 * Streams a blob. THE CALLER HASHES: only it knows the bytes before offset (layer/ingest.h compares
 * the digest at its end). The length is checked here: 0 means that exactly size bytes are
 * now known. A connection that is cut is taken up with a range request where it ended, without
 * write seeing any of it, as long as there is progress: attempts count anew after each MB.
 * ret_received (may be NULL, set on failure, too): bytes of this blob that came over the network.
 */
int registry_blob_fetch(struct registry_repo *r, const struct registry_blob_fetch *f,
	uint64_t *ret_received, struct err *e);
/* A small blob (a config), whole: at most b->max bytes (set it: LIMIT_CONFIG). size: as the
 * manifest says, or UINT64_MAX. The digest is verified. */
int registry_blob_read(
	struct registry_repo *r, const char *digest, uint64_t size, struct buf *b, struct err *e);
/* -ERR_UNSUPPORTED where the registry does not delete. */
int registry_blob_delete(struct registry_repo *r, const char *digest, struct err *e);
