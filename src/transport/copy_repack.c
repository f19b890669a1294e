/* A layer in another form: its bytes are unpacked, and packed anew, while the destination takes them.
 * What a cut upload asks for again is made again, from the blob's beginning. */
#include "transport/copy_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/decompress.h"
#include "transport/squeeze_priv.h"

#include <errno.h>
#include <stdlib.h>

#define PIECE (256 * 1024)

/* The plain bytes of a blob, in order. */
struct unpacking {
	struct transport_blob *in;
	struct layer_decompress *d; /* NULL: it is plain, or has not begun */
	uint8_t *piece;
	const uint8_t *next; /* what of piece is still to be unpacked */
	size_t left;
	uint64_t in_at, out_at;
};

static void unpacking_release(struct unpacking *u)
{
	layer_decompress_free(u->d);
	transport_blob_free(u->in);
	free(u->piece);
}

/* Reads on; 0: the blob has ended, and all of it had the right digest. */
static ssize_t refill(struct unpacking *u, struct err *e)
{
	ssize_t n = transport_blob_read(u->in, u->in_at, u->piece, PIECE, e);
	if (n <= 0)
		return n;
	if (u->in_at == 0) {
		enum layer_compression c = layer_compression_sniff(u->piece, (size_t)n);
		layer_decompress_free(STEAL(u->d));
		u->d = layer_decompress_new(c, e);
		if (!u->d)
			return -ERR_UNSUPPORTED;
	}
	u->in_at += (uint64_t)n;
	u->next = u->piece;
	u->left = (size_t)n;
	return n;
}

static ssize_t unpack(void *ctx, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct unpacking *u = ctx;
	if (offset != u->out_at && offset)
		return err_set(e, ESPIPE, "a layer is unpacked from its beginning only");
	if (offset != u->out_at)
		u->in_at = u->out_at = u->left = 0;
	for (;;) {
		ssize_t n =
			u->in_at ? layer_decompress_step(u->d, &u->next, &u->left, p, len, e) : 0;
		if (n > 0)
			u->out_at += (uint64_t)n;
		if (n)
			return n;
		if (u->left)
			continue;
		n = refill(u, e);
		if (n < 0 || (n == 0 && !u->d))
			return n;
		if (n == 0)
			return layer_decompress_finish(u->d, e);
	}
}

static enum layer_compression layer_kind(enum oci_compression c)
{
	return c == OCI_COMPRESSION_GZIP   ? LAYER_GZIP
	       : c == OCI_COMPRESSION_ZSTD ? LAYER_ZSTD
					   : LAYER_PLAIN;
}

int copy_repacked(struct copy_job *j, struct err *e)
{
	struct unpacking u cleanup(unpacking_release) = {.piece = mem_alloc(PIECE)};
	struct copy_blob *b = j->b;
	const struct transport_put p = {.d = b->d, .diffid = b->diffid};
	struct squeeze_options o = {
		.tar = -1,
		.plain = unpack,
		.plain_ctx = &u,
		.diffid = b->diffid,
		.kind = layer_kind(b->compression),
		.level = j->c->o->level,
		.threads = j->threads,
	};
	struct squeeze *q cleanup_squeeze = squeeze_new(&o);
	int r = copy_open(j, &u.in, e);
	if (r >= 0)
		r = j->c->to->ops->make(j->c->to, &p, q, e);
	if (r < 0)
		return r;
	const struct layer_compress_info *info = squeeze_info(q);
	b->became = (struct oci_replacement){
		.changed = true, .size = info->size, .compression = b->compression};
	oci_digest_from_hex(info->digest, b->became.digest);
	j->sent = info->size;
	return 0;
}
