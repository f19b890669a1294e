/*
 * Sends blobs (distribution-spec, "Pushing blobs"): in one piece when digest
 * and size are known, as a stream when they are known only at its end; both go on after
 * a cut from what the registry has (GET of the upload's status), else from the
 * beginning. Nothing is left behind: what fails is cancelled (DELETE).
 */
#pragma once

#include "oci/digest.h"
#include "registry/client/client.h"

/* Where the bytes come from. read fills at most len bytes from offset: the count, 0 at the end,
 * negative to give up. Offsets grow, but go back after a cut to what the registry has not got; a
 * source that cannot go back returns -ESPIPE then, and the upload fails with the cut's own error. */
struct registry_source {
	ssize_t (*read)(void *arg, uint64_t offset, void *p, size_t len, struct err *e);
	void *arg;
	/* Told when sending goes on at another offset than the one reached. May be NULL. */
	void (*resumed)(void *arg, uint64_t at);
};
/* A source over a file: arg is the address of the descriptor. */
ssize_t registry_source_read_fd(void *arg, uint64_t offset, void *p, size_t len, struct err *e);

/* How an upload is cut into requests; zero: as the registry allows, in one. */
struct registry_upload_options {
	uint64_t chunk;         /* PATCH requests of this size instead of one; a registry's larger
			   OCI-Chunk-Min-Length counts. 0: one request */
	const char *mount_from; /* a repository of the same registry that has the blob ("a/b", as in
				   the endpoint's path): mounted instead when it works. NULL: none */
};

/* 1: mounted, nothing was sent; 0: sent. The registry verifies the digest. o may be NULL. */
int registry_blob_put(struct registry_repo *r, const char *digest, uint64_t size,
	const struct registry_source *src, const struct registry_upload_options *o, struct err *e);
int registry_blob_put_bytes(
	struct registry_repo *r, const char *digest, const void *p, size_t len, struct err *e);
/* 1: mounted from the other repository; 0: the registry did not. */
int registry_blob_mount(
	struct registry_repo *r, const char *digest, const char *from, struct err *e);

/* The same, from a place of `from` at the registry that r is pushed to, if there is one: as the wire
 * has them, prefixes rewritten, mirrors too. 0 also when there is none. */
int registry_blob_mount_shared(
	struct registry_repo *r, const char *digest, struct registry_repo *from, struct err *e);

/*
 * A blob whose digest is known at its end: begin (POST), send (PATCH: the source to its end,
 * ret_sent bytes in all), then finish with the digest (PUT), or free, which cancels. finish frees
 * the upload in every case.
 */
struct registry_upload;
int registry_upload_begin(struct registry_repo *r, const struct registry_upload_options *o,
	struct registry_upload **ret, struct err *e);
int registry_upload_send(struct registry_upload *u, const struct registry_source *src,
	uint64_t *ret_sent, struct err *e);
int registry_upload_finish(struct registry_upload *u, const char *digest, struct err *e);
void registry_upload_free(struct registry_upload *u);
DEFINE_CLEANUP(struct registry_upload *, registry_upload_free)
#define cleanup_registry_upload cleanup(registry_upload_free_cleanup)
