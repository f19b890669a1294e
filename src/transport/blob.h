/*
 * struct transport_blob: a blob on its way: bytes of a known size that can be
 * read at any offset, from a file, from memory, or from a fetch that is still
 * going on. Destinations pull from it.
 *
 * Whoever opens a blob for others wraps it (transport_blob_verified) or fetches
 * it (transport_blob_spool): both hash the bytes and hand out the last of them
 * only when they have the digest that they were asked for, so that nobody can
 * take a wrong blob for a whole one.
 *
 * One thread reads at a time.
 */
#pragma once

#include "base/defs.h"

struct err;
struct transport_blob;

struct transport_blob_ops {
	/* Up to len bytes from offset; 0: the end; negative: failed */
	ssize_t (*read)(
		struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e);
	void (*free)(struct transport_blob *b);
};
struct transport_blob {
	const struct transport_blob_ops *ops;
	uint64_t size;
};

void transport_blob_free(struct transport_blob *b);
DEFINE_CLEANUP(struct transport_blob *, transport_blob_free)
#define cleanup_transport_blob cleanup(transport_blob_free_cleanup)

/* size bytes of fd from offset. own: closed with the blob. */
struct transport_blob *transport_blob_file(
	int fd, bool own, uint64_t offset, uint64_t size) must_check;
struct transport_blob *transport_blob_bytes(const void *p, size_t len) must_check; /* a copy */
/* Owns inner from now on. */
struct transport_blob *transport_blob_verified(
	struct transport_blob *inner, const char *digest) must_check;

/*
 * A fetch in a thread of its own, which ends at the latest with the blob. fetch calls write for
 * all bytes in order (its negative result ends the fetch); they are kept in spool (owned), a file
 * without a name, so that a reader may go back. arg is released with free_arg when all is over.
 */
typedef int (*transport_write_fn)(void *ctx, const void *p, size_t len, struct err *e);
struct transport_fetcher {
	int (*fetch)(void *arg, transport_write_fn write, void *ctx, struct err *e);
	void (*free_arg)(void *arg);
	void *arg;
};
int transport_blob_spool(const struct transport_fetcher *f, int spool, const char *digest,
	uint64_t size, struct transport_blob **ret, struct err *e);

ssize_t transport_blob_read(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e);
/* All of it in order. */
int transport_blob_pump(
	struct transport_blob *b, transport_write_fn write, void *ctx, struct err *e);
/* A write function: ctx is the address of a descriptor. */
int transport_write_fd(void *ctx, const void *p, size_t len, struct err *e);
