/*
 * Partial blobs: the bytes of a blob that is being fetched, in blobs/partial/HEX,
 * from the first one on and without gaps. A fetch that is cut leaves them there,
 * and the next command goes on behind them. They are not to be believed: whoever
 * goes on hashes them again, together with what follows.
 *
 * HEX.marks beside it says what the digests of the first so many bytes were when they came. After
 * a crash of the machine the file may be torn: the marks tell up to where it is not.
 *
 * The file is locked (flock) by the process that fetches, so two commands do not
 * fetch one blob at the same time, and a killed one leaves no lock behind. It may
 * be held over the network: nothing but a fetch of the same blob waits for it.
 *
 * What nobody has gone on with for STORE_PARTIAL_LEASE is removed by a prune.
 */
#pragma once

#include "store/store.h"

#define STORE_PARTIAL_LEASE (7 * 24 * 3600 * 1000000000LL) /* ns since the last byte came */

struct store_partial;

/* Opens or makes it and takes its lock. -EWOULDBLOCK (e untouched): another process fetches it. */
int store_partial_open(
	struct store *s, const char *digest, struct store_partial **ret, struct err *e);
/* Keeps the bytes and lets the lock go; without any byte the file goes too. */
void store_partial_free(struct store_partial *p);
DEFINE_CLEANUP(struct store_partial *, store_partial_free)
#define cleanup_store_partial cleanup(store_partial_free_cleanup)

uint64_t store_partial_size(const struct store_partial *p);
/* To read what is there (pread), while nothing is appended; borrowed. */
int store_partial_fd(struct store_partial *p);
int store_partial_append(struct store_partial *p, const void *data, size_t len, struct err *e);
/* All but the first `size` bytes, and their marks, go. 0: the bytes were wrong, none are left. */
int store_partial_cut(struct store_partial *p, uint64_t size, struct err *e);

struct store_partial_mark {
	uint64_t size;
	uint8_t digest[32]; /* SHA-256 of the first `size` bytes */
};
/* Of all bytes that are there now */
int store_partial_add_mark(struct store_partial *p, const uint8_t digest[32], struct err *e);
/* The one with number i, from 0; their sizes grow. false: there are no more. */
bool store_partial_mark(const struct store_partial *p, uint64_t i, struct store_partial_mark *ret);
/* The caller has hashed them all: they become the blob. Frees p in every case. */
int store_partial_commit(struct store_partial *p, struct err *e);
/* The layer is stored and its compressed bytes are not kept. Frees p. */
void store_partial_drop(struct store_partial *p);

/* busy: somebody fetches it just now. touched: when its last byte came. fn's negative result ends
 * the walk. */
int store_partial_walk(struct store *s,
	int (*fn)(const char *digest, uint64_t size, int64_t touched, bool busy, void *arg),
	void *arg, struct err *e);
/* Removes one that nobody fetches: 1: gone, 0: busy or not there. */
int store_partial_delete(struct store *s, const char *digest, struct err *e);
