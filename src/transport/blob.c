/* Blobs of files and of memory, and the check of digests; blob_spool.c has those that are fetched. */
#include "transport/blob.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256 * 1024)

void transport_blob_free(struct transport_blob *b)
{
	if (b)
		b->ops->free(b);
}

ssize_t transport_blob_read(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e)
{
	return b->ops->read(b, offset, p, len, e);
}

struct file_blob {
	struct transport_blob base;
	int fd;
	bool own;
	uint64_t offset;
};

static ssize_t file_read_at(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct file_blob *f = (struct file_blob *)b;
	if (offset >= b->size)
		return 0;
	len = MIN(len, b->size - offset);
	ssize_t n = io_pread_full(f->fd, p, len, (off_t)(f->offset + offset));
	if (n < 0)
		return err_sysno(e, (int)n, "read a blob");
	if ((size_t)n < len)
		return err_set(e, ERR_FORMAT, "it is truncated");
	return n;
}

static void file_free(struct transport_blob *b)
{
	struct file_blob *f = (struct file_blob *)b;
	if (f->own)
		close(f->fd);
	free(f);
}

struct transport_blob *transport_blob_file(int fd, bool own, uint64_t offset, uint64_t size)
{
	static const struct transport_blob_ops ops = {file_read_at, file_free};
	struct file_blob *f = mem_alloc(sizeof(*f));
	*f = (struct file_blob){{&ops, size}, fd, own, offset};
	return &f->base;
}

struct bytes_blob {
	struct transport_blob base;
	char *p;
};

static ssize_t bytes_read(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e)
{
	if (offset >= b->size)
		return 0;
	len = MIN(len, b->size - offset);
	memcpy(p, ((struct bytes_blob *)b)->p + offset, len);
	return (ssize_t)len;
}

static void bytes_free(struct transport_blob *b)
{
	free(((struct bytes_blob *)b)->p);
	free(b);
}

struct transport_blob *transport_blob_bytes(const void *p, size_t len)
{
	static const struct transport_blob_ops ops = {bytes_read, bytes_free};
	struct bytes_blob *b = mem_alloc(sizeof(*b));
	*b = (struct bytes_blob){{&ops, len}, mem_dup(p, len)};
	return &b->base;
}

struct verified_blob {
	struct transport_blob base;
	struct transport_blob *inner;
	struct sha256 *hash;
	uint64_t hashed; /* bytes from the beginning */
	bool good;
	char digest[OCI_DIGEST_MAX];
};

/* All bytes are hashed: are they the right ones? */
static int judge(struct verified_blob *v, struct err *e)
{
	char hex[SHA256_HEX];
	if (v->good)
		return 0;
	sha256_end_hex(v->hash, hex);
	if (!str_eq(hex, oci_digest_hex(v->digest)))
		return err_set(e, ERR_DIGEST, "its %" PRIu64 " bytes have the digest sha256:%s",
			v->base.size, hex);
	v->good = true;
	return 0;
}

/* A reader that begins behind what was hashed (an upload that another one has begun). */
static int hash_up_to(struct verified_blob *v, uint64_t offset, struct err *e)
{
	char *p cleanup_free = NULL;
	while (v->hashed < offset) {
		p = p ? p : mem_alloc(PIECE);
		size_t len = MIN((uint64_t)PIECE, offset - v->hashed);
		ssize_t n = transport_blob_read(v->inner, v->hashed, p, len, e);
		if (n <= 0)
			return n < 0 ? (int)n : err_set(e, ERR_FORMAT, "it is truncated");
		sha256_add(v->hash, p, (size_t)n);
		v->hashed += (uint64_t)n;
	}
	return 0;
}

static ssize_t verified_read(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct verified_blob *v = (struct verified_blob *)b;
	int r = hash_up_to(v, MIN(offset, b->size), e);
	if (r < 0)
		return r;
	ssize_t n = transport_blob_read(v->inner, offset, p, len, e);
	if (n < 0)
		return n;
	uint64_t end = offset + (uint64_t)n;
	if (end > v->hashed) {
		sha256_add(v->hash, (char *)p + (v->hashed - offset), end - v->hashed);
		v->hashed = end;
	}
	r = end >= b->size ? judge(v, e) : 0;
	return r < 0 ? r : n;
}

static void verified_free(struct transport_blob *b)
{
	struct verified_blob *v = (struct verified_blob *)b;
	transport_blob_free(v->inner);
	sha256_free(v->hash);
	free(v);
}

struct transport_blob *transport_blob_verified(struct transport_blob *inner, const char *digest)
{
	static const struct transport_blob_ops ops = {verified_read, verified_free};
	struct verified_blob *v = mem_alloc(sizeof(*v));
	*v = (struct verified_blob){
		.base = {&ops, inner->size}, .inner = inner, .hash = sha256_new()};
	snprintf(v->digest, sizeof(v->digest), "%s", digest);
	return &v->base;
}

int transport_blob_pump(
	struct transport_blob *b, transport_write_fn write, void *ctx, struct err *e)
{
	char *p cleanup_free = mem_alloc(PIECE);
	for (uint64_t at = 0;;) {
		ssize_t n = transport_blob_read(b, at, p, PIECE, e);
		if (n < 0)
			return (int)n;
		if (n == 0)
			return 0;
		int r = write(ctx, p, (size_t)n, e);
		if (r < 0)
			return r;
		at += (uint64_t)n;
	}
}

int transport_write_fd(void *ctx, const void *p, size_t len, struct err *e)
{
	int r = io_write_all(*(int *)ctx, p, len);
	return r < 0 ? err_sysno(e, r, "write a blob") : 0;
}
