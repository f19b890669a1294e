/*
 * Blobs: bytes named by their SHA-256, as they travel: manifests, configs,
 * compressed layers. Nothing appears under its name before its digest has been
 * verified and its bytes are complete. Writing (store_blob_put, the writer) is in a
 * file of its own: only programs that use it link libcrypto.
 */
#pragma once

#include "store/store.h"

struct buf;
struct strv;

/* Stores len bytes. digest: what they must hash to, or NULL; ret_digest (may be NULL) gets it.
 * A blob that is there already is fine. -ERR_DIGEST when content and digest disagree. */
int store_blob_put(struct store *s, const void *p, size_t len, const char *digest,
	char ret_digest[STORE_DIGEST_MAX], struct err *e);

/* A blob as a stream. finish verifies (digest may be NULL), renames, gives digest and size and
 * frees the writer, also on failure; free drops an unfinished one. */
struct store_blob_writer;
int store_blob_writer_new(struct store *s, struct store_blob_writer **ret, struct err *e);
int store_blob_writer_add(struct store_blob_writer *w, const void *p, size_t len, struct err *e);
int store_blob_writer_finish(struct store_blob_writer *w, const char *digest,
	char ret_digest[STORE_DIGEST_MAX], uint64_t *ret_size, struct err *e);
/* As finish, for a caller that has hashed the bytes itself (another thread): trusted. */
int store_blob_writer_finish_hashed(struct store_blob_writer *w, const char *digest, struct err *e);
/* Writes through this descriptor instead of _add are allowed for a caller that hashes itself. */
int store_blob_writer_fd(const struct store_blob_writer *w);
void store_blob_writer_free(struct store_blob_writer *w);
DEFINE_CLEANUP(struct store_blob_writer *, store_blob_writer_free)
#define cleanup_store_blob_writer cleanup(store_blob_writer_free_cleanup)

bool store_blob_has(struct store *s, const char *digest, uint64_t *ret_size); /* size: or NULL */
int store_blob_open(struct store *s, const char *digest, struct err *e);      /* O_RDONLY */
/* Whole, bounded by b->max (set it: base/limits.h). -ENOENT sets e. Not hashed again. */
int store_blob_read(struct store *s, const char *digest, struct buf *b, struct err *e);
int store_blob_delete(struct store *s, const char *digest, struct err *e); /* absent is fine */
/* fsync of the file and its name: part of what "named" demands. */
int store_blob_sync(struct store *s, const char *digest, struct err *e);
char *store_blob_path(struct store *s, const char *digest) must_check; /* absolute */
/* A registry has it: repository is "host/path". Remembered for mounts across repositories. */
int store_blob_seen(struct store *s, const char *digest, const char *repository, struct err *e);
/* Repositories of that host which had it, the latest first, at most `most`; appended. */
int store_blob_places(struct store *s, const char *digest, const char *host, size_t most,
	struct strv *ret, struct err *e);
/* fn's negative result ends the walk and is returned. Order: as the directory has it. */
int store_blob_walk(struct store *s,
	int (*fn)(const char *digest, uint64_t size, int64_t mtime, void *arg), void *arg,
	struct err *e);
