/* Compression that is pulled instead of pushed; see the header. */
#include "transport/squeeze_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/digest.h"
#include "registry/client/upload.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (256 * 1024)

struct squeeze {
	struct squeeze_options o;
	struct layer_compress *z;
	char *piece;      /* LAYER_PLAIN: what was read last */
	uint64_t plain;   /* read of the tar */
	struct buf ready; /* compressed, not handed out yet; from `used` on */
	size_t used;
	uint64_t at; /* offset of ready.data[used] in the whole */
	bool finished;
	struct layer_compress_info info;
};

struct squeeze *squeeze_new(const struct squeeze_options *o)
{
	struct squeeze *q = mem_alloc(sizeof(*q));
	q->o = *o;
	return q;
}

void squeeze_free(struct squeeze *q)
{
	if (!q)
		return;
	layer_compress_free(q->z);
	buf_release(&q->ready);
	free(q->piece);
	free(q);
}

static int collect(void *ctx, const void *p, size_t len, struct err *e)
{
	struct squeeze *q = ctx;
	buf_add(&q->ready, p, len);
	return 0;
}

static int begin(struct squeeze *q, struct err *e)
{
	layer_compress_free(STEAL(q->z));
	buf_clear(&q->ready);
	q->plain = q->at = q->used = 0;
	q->finished = false;
	q->z = layer_compress_new(q->o.kind, collect, q, e);
	if (!q->z)
		return -ERR_UNSUPPORTED;
	if (q->o.kind == LAYER_PLAIN && !q->piece)
		q->piece = mem_alloc(PIECE);
	layer_compress_level(q->z, q->o.level);
	if (q->o.threads)
		layer_compress_threads(q->z, q->o.threads);
	return 0;
}

static ssize_t read_plain(struct squeeze *q, void *p, size_t len, struct err *e)
{
	if (q->o.plain)
		return q->o.plain(q->o.plain_ctx, q->plain, p, len, e);
	ssize_t n = io_pread_full(q->o.tar, p, len, (off_t)q->plain);
	return n < 0 ? err_sysno(e, (int)n, "read the layer") : n;
}

static int finish(struct squeeze *q, struct err *e)
{
	int r = layer_compress_finish(q->z, &q->info, e);
	if (r >= 0 && q->o.diffid && !str_eq(q->info.diffid, oci_digest_hex(q->o.diffid)))
		r = err_set(e, ERR_DIGEST, "it unpacks to sha256:%s, the config says %s",
			q->info.diffid, q->o.diffid);
	q->finished = r >= 0;
	return r;
}

/* More bytes of the new form into ready; at the end of the tar all of them. */
static int more(struct squeeze *q, struct err *e)
{
	void *room = q->piece;
	size_t most = PIECE;
	int r = q->piece ? 0 : layer_compress_room(q->z, &room, &most, e);
	if (r < 0)
		return r;
	ssize_t n = read_plain(q, room, MIN(most, PIECE), e);
	if (n < 0)
		return (int)n;
	if (q->piece)
		r = layer_compress_push(q->z, room, (size_t)n, e);
	else
		layer_compress_filled(q->z, (size_t)n);
	q->plain += (uint64_t)n;
	if (r >= 0 && n && q->o.read)
		r = q->o.read(q->o.ctx, q->plain, e);
	return r >= 0 && !n ? finish(q, e) : r;
}

/* Drops the first n bytes of what is ready. */
static void consume(struct squeeze *q, size_t n)
{
	q->used += n;
	q->at += n;
	if (q->used == q->ready.len) {
		buf_clear(&q->ready);
		q->used = 0;
	}
}

ssize_t squeeze_read(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct squeeze *q = arg;
	if (!q->z || offset < q->at) {
		int r = begin(q, e);
		if (r < 0)
			return r;
	}
	for (;;) {
		size_t have = q->ready.len - q->used;
		if (q->at < offset && have)
			consume(q, (size_t)MIN((uint64_t)have, offset - q->at));
		else if (have) {
			size_t n = MIN(have, len);
			memcpy(p, q->ready.data + q->used, n);
			consume(q, n);
			return (ssize_t)n;
		} else if (q->finished)
			return q->at == offset
				       ? 0
				       : err_set(e, EINVAL, "the upload went behind its end");
		else {
			int r = more(q, e);
			if (r < 0)
				return r;
		}
	}
}

const struct layer_compress_info *squeeze_info(const struct squeeze *q)
{
	return &q->info;
}

int squeeze_pump(struct squeeze *q, transport_write_fn write, void *ctx, struct err *e)
{
	char *p cleanup_free = mem_alloc(PIECE);
	for (uint64_t at = 0;;) {
		ssize_t n = squeeze_read(q, at, p, PIECE, e);
		int r = n > 0 ? write(ctx, p, (size_t)n, e) : 0;
		if (n <= 0 || r < 0)
			return n < 0 ? (int)n : r;
		at += (uint64_t)n;
	}
}

int squeeze_upload(struct squeeze *q, struct registry_repo *repo, struct err *e)
{
	const struct registry_source src = {.read = squeeze_read, .arg = q};
	struct registry_upload *u cleanup_registry_upload = NULL;
	char digest[OCI_DIGEST_MAX];
	int r = registry_upload_begin(repo, NULL, &u, e);
	if (r >= 0)
		r = registry_upload_send(u, &src, NULL, e);
	if (r < 0)
		return r;
	oci_digest_from_hex(q->info.digest, digest);
	return registry_upload_finish(STEAL(u), digest, e);
}
