/*
 * Blobs of a directory (oci:, dir:) that are still coming: each in a locked file of
 * its own, ".partial-HEX", which stays when a copy ends early, so that the next one
 * asks for the rest only. As in the store (store/partial.h): they are not to be
 * believed, and are hashed again together with what follows.
 *
 * What nobody has gone on with for a week goes when an image is whole.
 */
#pragma once

#include "base/defs.h"
#include "base/sha256.h"
#include "oci/digest.h"

struct err;

/* Zeroed: there is none. All is borrowed. */
struct transport_shelf {
	int dir;   /* where they lie */
	int blobs; /* where whole ones go, by their hexadecimal digest */
	/* The file that says what the directory is: written before the first of them, so that the
	 * next command, too, knows it for its own. */
	const char *marker;
	const void *marker_bytes;
	size_t marker_len;
};

struct transport_partial {
	const struct transport_shelf *shelf;
	int fd;
	uint64_t size;       /* bytes that are there */
	struct sha256 *hash; /* of the first `hashed` of them */
	uint64_t hashed;
	char digest[OCI_DIGEST_MAX];
};

int transport_shelf_mark(const struct transport_shelf *s, struct err *e);
bool transport_shelf_empty(const struct transport_shelf *s);
void transport_shelf_sweep(const struct transport_shelf *s);

/* 1: *ret; 0: another process has it. */
int transport_partial_open(const struct transport_shelf *s, const char *digest,
	struct transport_partial *ret, struct err *e);
/* Keeps the bytes and lets the lock go; without any byte the file goes, too. */
void transport_partial_release(struct transport_partial *p);
#define cleanup_transport_partial cleanup(transport_partial_release)
/* Hashes some of what was there: how many bytes, 0 when there are no more. */
ssize_t transport_partial_replay(struct transport_partial *p, struct err *e);
int transport_partial_add(struct transport_partial *p, const void *data, size_t len, struct err *e);
/* The bytes were wrong: none are left. */
int transport_partial_reset(struct transport_partial *p, struct err *e);
/* All are there: they become the blob, or -ERR_DIGEST. */
int transport_partial_commit(struct transport_partial *p, struct err *e);
