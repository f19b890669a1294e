/*
 * The compressed bytes of a layer on their way into a partial blob
 * (store/partial.h): hashed, written where they are new, and every 16 MiB marked
 * with the digest of all bytes so far. The marks are what can be kept of
 * the hash's state: they let a later command tell a file that a crash has torn
 * from bytes that came wrong. The digest is verified over the whole all the same:
 * the bytes have to be read again for the decompressor, whose state cannot be
 * kept, and hashing them on another core costs no time.
 */
#pragma once

#include "base/defs.h"

struct err;
struct sha256;
struct store_partial;

struct transport_keep {
	struct store_partial *partial; /* borrowed */
	struct sha256 *hash;
	uint64_t seen;  /* bytes hashed */
	uint64_t marks; /* of the partial's, looked at */
};

void transport_keep_begin(struct transport_keep *k, struct store_partial *partial);
void transport_keep_release(struct transport_keep *k);

/* The function of layer/ingest.h; arg is the keep. All bytes of the blob from the first on, those that
 * the partial has, too. -ERR_DIGEST: these are not what they were. */
int transport_keep_bytes(void *arg, const void *p, size_t len, struct err *e);
/* No more will come: marks where it ended. */
void transport_keep_end(struct transport_keep *k);
/* All have come: is it "sha256:..."? -ERR_DIGEST */
int transport_keep_verify(struct transport_keep *k, const char *digest, struct err *e);

/* Where a mark contradicts the file: how many bytes before it are those that came. 0 also where none
 * does: what is wrong came so. */
uint64_t transport_keep_sound(struct store_partial *partial);
