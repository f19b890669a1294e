/* A Dockerfile out of a passing tar; see the header. Errors end it in silence: whoever unpacks the
 * same bytes says what is wrong with them. */
#include "build/context_early.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/decompress.h"
#include "layer/tar_read.h"

#include <stdlib.h>

enum { PIECE = 64 * 1024 };

struct build_early {
	char *name;
	struct layer_decompress *d; /* NULL: nothing has come yet */
	struct layer_tar *t;
	struct buf file;
	bool inside, whole, done;
};

static int see_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct build_early *b = ctx;
	b->inside = entry->type == LAYER_FILE && str_eq(entry->path, b->name);
	return 0;
}

static int see_data(void *ctx, const void *p, size_t len, struct err *e)
{
	struct build_early *b = ctx;
	return b->inside ? buf_add(&b->file, p, len) : 0;
}

static int see_end(void *ctx, struct err *e)
{
	struct build_early *b = ctx;
	b->whole = b->inside;
	return b->whole ? -ERR_INTERRUPTED : 0; /* that was all */
}

struct build_early *build_early_new(const char *name)
{
	static const struct layer_tar_ops ops = {see_entry, see_data, see_end};
	struct build_early *b = mem_alloc(sizeof(*b));
	b->name = mem_strdup(name);
	b->t = layer_tar_new(&ops, b);
	b->file = (struct buf)BUF_INIT_MAX(LIMIT_DOCKERFILE);
	return b;
}

void build_early_free(struct build_early *b)
{
	if (!b)
		return;
	layer_tar_free(b->t);
	layer_decompress_free(b->d);
	buf_release(&b->file);
	free(b->name);
	free(b);
}

bool build_early_done(const struct build_early *b)
{
	return b->done;
}

static int feed(struct build_early *b, const uint8_t *p, size_t len)
{
	cleanup_free uint8_t *out = mem_alloc(PIECE);
	for (;;) {
		ssize_t n = layer_decompress_step(b->d, &p, &len, out, PIECE, NULL);
		int r = n < 0 ? (int)n : layer_tar_push(b->t, out, (size_t)n, NULL);
		if (r < 0)
			return r;
		if (len == 0 && n < PIECE)
			return 0;
	}
}

const struct buf *build_early_push(struct build_early *b, const void *p, size_t len)
{
	if (b->done || !len)
		return NULL;
	/* a first piece too short to tell is taken for a plain tar: then nothing comes of it */
	if (!b->d)
		b->d = layer_decompress_new(layer_compression_sniff(p, len), NULL);
	b->done = !b->d || feed(b, p, len) < 0;
	return b->whole ? &b->file : NULL;
}
