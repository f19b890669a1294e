/* One blob from a source to a destination, as it is or compressed anew; and several at a time. */
#include "transport/copy_priv.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/compress.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE (256 * 1024)

static void tell(
	struct copy *c, const struct oci_descriptor *d, enum transport_blob_state state, bool done)
{
	pthread_mutex_lock(&c->lock);
	if (done) {
		c->sum.blobs++;
		c->sum.skipped += state != TRANSPORT_BLOB_COPIED;
		c->sum.bytes += state == TRANSPORT_BLOB_COPIED ? d->size : 0;
	}
	if (c->o->told)
		c->o->told(c->o->ctx, d, state, done);
	pthread_mutex_unlock(&c->lock);
}

/* The plain bytes of a layer, on their way into the compressor. */
struct repack {
	struct layer_decompress *d; /* NULL: they come plain */
	struct layer_compress *z;
	bool started;
	uint8_t *plain;
};

static void repack_release(struct repack *x)
{
	layer_decompress_free(x->d);
	layer_compress_free(x->z);
	free(x->plain);
}

static int repack_piece(void *ctx, const void *p, size_t len, struct err *e)
{
	struct repack *x = ctx;
	if (!x->started) {
		enum layer_compression c = layer_compression_sniff(p, len);
		x->started = true;
		if (c != LAYER_PLAIN) {
			x->d = layer_decompress_new(c, e);
			if (!x->d)
				return -ERR_UNSUPPORTED;
			x->plain = mem_alloc(PIECE);
		}
	}
	if (!x->d)
		return layer_compress_push(x->z, p, len, e);
	const uint8_t *in = p;
	for (;;) {
		ssize_t n = layer_decompress_step(x->d, &in, &len, x->plain, PIECE, e);
		if (n < 0)
			return (int)n;
		if (n == 0 && !len)
			return 0;
		int r = layer_compress_push(x->z, x->plain, (size_t)n, e);
		if (r < 0)
			return r;
	}
}

static enum layer_compression layer_kind(enum oci_compression c)
{
	return c == OCI_COMPRESSION_GZIP   ? LAYER_GZIP
	       : c == OCI_COMPRESSION_ZSTD ? LAYER_ZSTD
					   : LAYER_PLAIN;
}

/* The layer's new form in a file without a name: a destination wants to know digest and size before
 * it takes the first byte. */
static int make_form(
	struct copy *c, struct copy_blob *b, struct transport_blob *in, int out, struct err *e)
{
	struct repack x cleanup(repack_release) = {0};
	x.z = layer_compress_new(layer_kind(b->compression), transport_write_fd, &out, e);
	if (!x.z)
		return -ERR_UNSUPPORTED;
	if (c->o->level)
		layer_compress_level(x.z, c->o->level);
	struct layer_compress_info info;
	int r = transport_blob_pump(in, repack_piece, &x, e);
	if (r >= 0 && x.d)
		r = layer_decompress_finish(x.d, e);
	if (r >= 0)
		r = layer_compress_finish(x.z, &info, e);
	if (r < 0)
		return r;
	if (b->diffid && !str_eq(info.diffid, oci_digest_hex(b->diffid)))
		return err_set(e, ERR_DIGEST, "it unpacks to sha256:%s, the config says %s",
			info.diffid, b->diffid);
	b->became = (struct oci_replacement){
		.changed = true, .size = info.size, .compression = b->compression};
	oci_digest_from_hex(info.digest, b->became.digest);
	return 0;
}

static int open_spool(struct copy *c, struct err *e)
{
	return file_open_unnamed(AT_FDCWD, c->o->tmp_dir ? c->o->tmp_dir : "/var/tmp", e);
}

static int put(struct copy *c, const struct copy_blob *b, const struct oci_descriptor *d,
	struct transport_blob *in, struct err *e)
{
	const struct transport_put p = {.d = d,
		.diffid = b->diffid,
		.origin = c->from->reference,
		.is_config = b->is_config};
	return c->to->ops->put(c->to, &p, in, e);
}

static int copy_repacked(struct copy *c, struct copy_blob *b, struct err *e)
{
	struct transport_blob *in cleanup_transport_blob = NULL;
	int out = open_spool(c, e);
	if (out < 0)
		return out;
	struct transport_blob *form cleanup_transport_blob = NULL;
	int r = transport_from_blob(c->from, b->d, &in, e);
	if (r >= 0)
		r = make_form(c, b, in, out, e);
	form = transport_blob_file(out, true, 0, r >= 0 ? b->became.size : 0);
	if (r < 0)
		return r;
	struct oci_descriptor d = {
		.media_type = (char *)oci_media_type_layer(b->compression), .size = b->became.size};
	memcpy(d.digest, b->became.digest, sizeof(d.digest));
	const struct transport_put p = {.d = &d, .diffid = b->diffid};
	r = c->to->ops->has(c->to, &p, e);
	return r ? r : put(c, b, &d, form, e);
}

static int copy_as_it_is(struct copy *c, struct copy_blob *b, struct err *e)
{
	struct transport_blob *in cleanup_transport_blob = NULL;
	int r = transport_from_blob(c->from, b->d, &in, e);
	return r < 0 ? r : put(c, b, b->d, in, e);
}

int copy_one_blob(struct copy *c, struct copy_blob *b, struct err *e)
{
	const struct transport_put p = {.d = b->d,
		.diffid = b->diffid,
		.origin = c->from->reference,
		.is_config = b->is_config};
	if (c->o->stop && *c->o->stop)
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	int r = b->repack ? 0 : c->to->ops->has(c->to, &p, e);
	if (r > 0) {
		tell(c, b->d, TRANSPORT_BLOB_THERE, true);
		return 0;
	}
	if (r >= 0) {
		tell(c, b->d, TRANSPORT_BLOB_COPIED, false);
		r = b->repack ? copy_repacked(c, b, e) : copy_as_it_is(c, b, e);
	}
	if (r < 0)
		return err_wrap(e, r, "blob %s", b->d->digest);
	tell(c, b->d, TRANSPORT_BLOB_COPIED, true);
	return 0;
}

struct crowd {
	struct copy *c;
	struct copy_blob *v;
	size_t n, next;
	int result;
	struct err error;
};

static void *work(void *arg)
{
	struct crowd *k = arg;
	for (;;) {
		struct err e = ERR_INIT;
		pthread_mutex_lock(&k->c->lock);
		size_t i = k->result < 0 ? k->n : k->next++;
		pthread_mutex_unlock(&k->c->lock);
		if (i >= k->n)
			return NULL;
		int r = copy_one_blob(k->c, &k->v[i], &e);
		pthread_mutex_lock(&k->c->lock);
		if (r < 0 && k->result >= 0) {
			k->result = r;
			k->error = e;
		}
		pthread_mutex_unlock(&k->c->lock);
	}
}

#define JOBS      4
#define JOBS_MOST 32

int copy_blobs(struct copy *c, struct copy_blob *v, size_t n, struct err *e)
{
	struct crowd k = {.c = c, .v = v, .n = n};
	size_t jobs = MIN(c->o->jobs ? c->o->jobs : JOBS, (size_t)JOBS_MOST);
	bool alone = !c->from->parallel || !c->to->parallel || jobs == 1 || n < 2;
	pthread_t threads[JOBS_MOST];
	size_t started = 0;
	while (!alone && started < MIN(jobs, n) - 1 &&
		pthread_create(&threads[started], NULL, work, &k) == 0)
		started++;
	work(&k);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	if (k.result < 0 && e)
		*e = k.error;
	return k.result;
}
