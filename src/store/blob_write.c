/*
 * Writing blobs: a file in a temporary directory, hashed as it grows, renamed to
 * its digest. Alone in its file, since it needs libcrypto.
 */
#include "store/blob.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct store_blob_writer {
	struct store *store;
	char tmp[STORE_TMP_NAME];
	int dir, fd;
	struct sha256 *hash;
	uint64_t size;
};

int store_blob_writer_new(struct store *s, struct store_blob_writer **ret, struct err *e)
{
	struct store_blob_writer *w cleanup_store_blob_writer = mem_alloc(sizeof(*w));
	w->store = s;
	w->fd = -1;
	w->dir = store_tmp_dir(s, w->tmp, e);
	if (w->dir < 0)
		return w->dir;
	w->fd = openat(w->dir, "blob", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (w->fd < 0)
		return err_sys(e, "create a blob in '%s/tmp'", s->root);
	w->hash = sha256_new();
	*ret = STEAL(w);
	return 0;
}

int store_blob_writer_fd(const struct store_blob_writer *w)
{
	return w->fd;
}

int store_blob_writer_add(struct store_blob_writer *w, const void *p, size_t len, struct err *e)
{
	int r = io_write_all(w->fd, p, len);
	if (r < 0)
		return err_sysno(e, r, "write a blob in '%s/tmp'", w->store->root);
	sha256_add(w->hash, p, len);
	w->size += len;
	return 0;
}

void store_blob_writer_free(struct store_blob_writer *w)
{
	if (!w)
		return;
	if (w->fd >= 0)
		close(w->fd);
	if (w->dir >= 0)
		(void)store_tmp_remove(w->store, w->tmp, w->dir, NULL);
	sha256_free(w->hash);
	free(w);
}

static int name_it(struct store_blob_writer *w, const char *digest, struct err *e)
{
	int blobs = store_dir(w->store, STORE_DIR_BLOBS, e);
	if (blobs < 0)
		return blobs;
	const char *hex = store_digest_hex(digest);
	/* Two writers of one blob bring the same bytes: whoever comes last replaces like by like. */
	if (renameat(w->dir, "blob", blobs, hex) < 0)
		return err_sys(e, "name blob '%s'", digest);
	return 0;
}

int store_blob_writer_finish(struct store_blob_writer *writer, const char *digest,
	char ret_digest[STORE_DIGEST_MAX], uint64_t *ret_size, struct err *e)
{
	struct store_blob_writer *w cleanup_store_blob_writer = writer;
	char real[STORE_DIGEST_MAX] = "sha256:";
	sha256_end_hex(w->hash, real + strlen(real));
	if (digest && strcmp(digest, real) != 0)
		return err_set(
			e, ERR_DIGEST, "the blob has digest %s, expected was %.100s", real, digest);
	int r = name_it(w, real, e);
	if (r < 0)
		return r;
	if (ret_digest)
		store_copy_digest(ret_digest, real);
	if (ret_size)
		*ret_size = w->size;
	return 0;
}

int store_blob_writer_finish_hashed(
	struct store_blob_writer *writer, const char *digest, struct err *e)
{
	struct store_blob_writer *w cleanup_store_blob_writer = writer;
	int r = store_check_digest(digest, e);
	return r < 0 ? r : name_it(w, digest, e);
}

int store_blob_put(struct store *s, const void *p, size_t len, const char *digest,
	char ret_digest[STORE_DIGEST_MAX], struct err *e)
{
	char real[STORE_DIGEST_MAX] = "sha256:";
	sha256_hex(p, len, real + strlen(real));
	if (digest && strcmp(digest, real) != 0)
		return err_set(e, ERR_DIGEST, "the content has digest %s, expected was %.100s",
			real, digest);
	uint64_t size;
	if (!store_blob_has(s, real, &size) || size != len) {
		struct store_blob_writer *w cleanup_store_blob_writer = NULL;
		int r = store_blob_writer_new(s, &w, e);
		if (r >= 0) {
			r = io_write_all(w->fd, p, len);
			if (r < 0)
				err_sysno(e, r, "write blob '%s'", real);
		}
		if (r >= 0)
			r = store_blob_writer_finish_hashed(STEAL(w), real, e);
		if (r < 0)
			return r;
	}
	if (ret_digest)
		store_copy_digest(ret_digest, real);
	return 0;
}
