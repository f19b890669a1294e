/* Compression that is pulled instead of pushed; see the header. */
#include "transport/squeeze_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PIECE (256 * 1024)

struct squeeze {
	struct squeeze_options o;
	struct layer_compress *z;
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
	layer_compress_level(q->z, q->o.level);
	if (q->o.threads)
		layer_compress_threads(q->z, q->o.threads);
	return 0;
}

/* More compressed bytes into ready; at the end of the tar all of them. */
static int more(struct squeeze *q, struct err *e)
{
	void *room;
	size_t most;
	int r = layer_compress_room(q->z, &room, &most, e);
	if (r < 0)
		return r;
	ssize_t n = io_pread_full(q->o.tar, room, MIN(most, PIECE), (off_t)q->plain);
	if (n < 0)
		return err_sysno(e, (int)n, "read the layer");
	layer_compress_filled(q->z, (size_t)n);
	q->plain += (uint64_t)n;
	r = n && q->o.read ? q->o.read(q->o.ctx, q->plain, e) : 0;
	if (r >= 0 && !n) {
		r = layer_compress_finish(q->z, &q->info, e);
		q->finished = r >= 0;
	}
	return r;
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
