/* store: as destination: layers are unpacked and checked as they come; images of an index that are
 * for other machines come along without a name of their own. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/decompress.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "snapshot/ingest.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/lease.h"
#include "transport/image_priv.h"
#include "transport/squeeze_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

struct stored_manifest {
	char digest[OCI_DIGEST_MAX], id[OCI_DIGEST_MAX];
};

struct to_store {
	struct transport_to base;
	pthread_mutex_t lock; /* around the store, which serves one thread at a time */
	struct store *store;
	struct store_lease *lease;
	char tag[OCI_REFERENCE_MAX];
	struct stored_manifest *images;
	size_t n;
	struct strv companions;    /* blobs that belong to the index alone */
	char root[OCI_DIGEST_MAX]; /* id of the image that the name is to mean */
};

static int has(struct to_store *g, const struct transport_put *put, struct err *e)
{
	uint64_t size;
	if (put->is_config || put->raw) {
		int r = store_lease_keep(g->store, put->d->digest, e);
		return r < 0 ? r : store_blob_has(g->store, put->d->digest, &size);
	}
	struct store_layer l;
	if (!put->diffid)
		return 0;
	int r = store_lease_keep(g->store, put->diffid, e);
	if (r < 0 || store_layer_get(g->store, put->diffid, &l, NULL) < 0)
		return r < 0 ? r : 0;
	return !l.suspect || snapshot_layer_verify(g->store, put->diffid, NULL) >= 0;
}

static int store_has(struct transport_to *t, const struct transport_put *put, struct err *e)
{
	struct to_store *g = (struct to_store *)t;
	pthread_mutex_lock(&g->lock);
	int r = has(g, put, e);
	pthread_mutex_unlock(&g->lock);
	return r;
}

/* A layer on its way in: unpacked, and its compressed form beside it. */
struct arrival {
	struct to_store *to;
	struct snapshot_ingest *g;
	struct store_blob_writer *w; /* NULL: the bytes come plain, or have not begun */
	bool begun;
};

static void arrival_release(struct arrival *x)
{
	pthread_mutex_lock(&x->to->lock);
	snapshot_ingest_free(x->g);
	store_blob_writer_free(x->w);
	pthread_mutex_unlock(&x->to->lock);
}

/* digest: of the bytes as they come; NULL: it is known at their end. */
static int arrival_begin(struct arrival *x, struct to_store *to, const struct transport_put *put,
	const char *digest, struct err *e)
{
	const struct snapshot_ingest_options opt = {.blob_digest = digest,
		.diffid = put->diffid,
		.blob_size = digest ? put->d->size : 0};
	*x = (struct arrival){.to = to};
	pthread_mutex_lock(&to->lock);
	int r = snapshot_ingest_begin(to->store, &opt, &x->g, e);
	pthread_mutex_unlock(&to->lock);
	return r;
}

static int arrival_push(void *ctx, const void *p, size_t len, struct err *e)
{
	struct arrival *x = ctx;
	int r = 0;
	if (!x->begun) {
		enum layer_compression c = layer_compression_sniff(p, len);
		x->begun = true;
		pthread_mutex_lock(&x->to->lock);
		if (c == LAYER_GZIP || c == LAYER_ZSTD)
			r = store_blob_writer_new(x->to->store, &x->w, e);
		pthread_mutex_unlock(&x->to->lock);
	}
	if (r >= 0)
		r = snapshot_ingest_push(x->g, p, len, e);
	if (r < 0 || !x->w)
		return r;
	r = io_write_all(store_blob_writer_fd(x->w), p, len);
	return r < 0 ? err_sysno(e, r, "write a blob") : 0;
}

/* The compressed form stays, so that the image can leave with the digest with which it came. */
static int keep_form(struct arrival *x, const struct snapshot_ingest_info *info, struct err *e)
{
	struct store_layer_blob b = {.size = info->blob_size};
	bool gzip = info->compression == LAYER_GZIP;
	int r = store_blob_writer_finish_hashed(STEAL(x->w), info->blob_digest, e);
	if (r < 0)
		return r;
	memcpy(b.diffid, info->layer.diffid, sizeof(b.diffid));
	memcpy(b.digest, info->blob_digest, sizeof(b.digest));
	snprintf(b.media_type, sizeof(b.media_type), "%s",
		oci_media_type_layer(gzip ? OCI_COMPRESSION_GZIP : OCI_COMPRESSION_ZSTD));
	return store_layer_blob_add(x->to->store, &b, e);
}

static int arrival_end(struct arrival *x, struct err *e)
{
	struct snapshot_ingest_info info;
	/* the waiting first, without the lock */
	int r = snapshot_ingest_drain(x->g, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&x->to->lock);
	r = snapshot_ingest_finish(x->g, &info, e);
	if (r >= 0 && x->w)
		r = keep_form(x, &info, e);
	pthread_mutex_unlock(&x->to->lock);
	return r;
}

static int put_layer(struct to_store *g, const struct transport_put *put, struct transport_blob *b,
	struct err *e)
{
	struct arrival x cleanup(arrival_release) = {.to = g};
	int r = arrival_begin(&x, g, put, put->d->digest, e);
	if (r >= 0)
		r = transport_blob_pump(b, arrival_push, &x, e);
	return r < 0 ? r : arrival_end(&x, e);
}

static int store_make(
	struct transport_to *t, const struct transport_put *put, struct squeeze *q, struct err *e)
{
	struct arrival x cleanup(arrival_release) = {.to = (struct to_store *)t};
	int r = arrival_begin(&x, x.to, put, NULL, e);
	if (r >= 0)
		r = squeeze_pump(q, arrival_push, &x, e);
	return r < 0 ? r : arrival_end(&x, e);
}

static int add_blob(void *ctx, const void *p, size_t len, struct err *e)
{
	return store_blob_writer_add(ctx, p, len, e);
}

static int store_put(struct transport_to *t, const struct transport_put *put,
	struct transport_blob *b, struct err *e)
{
	struct to_store *g = (struct to_store *)t;
	if (!put->is_config && !put->raw)
		return put_layer(g, put, b, e);
	struct store_blob_writer *w cleanup_store_blob_writer = NULL;
	/* a config, an attestation: small */
	pthread_mutex_lock(&g->lock);
	int r = store_blob_writer_new(g->store, &w, e);
	if (r >= 0)
		r = transport_blob_pump(b, add_blob, w, e);
	if (r >= 0)
		r = store_blob_writer_finish(STEAL(w), put->d->digest, NULL, NULL, e);
	pthread_mutex_unlock(&g->lock);
	return r;
}

static int put_image(struct to_store *g, const struct transport_document *doc, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = oci_manifest_parse(doc->bytes.data, doc->bytes.len, &m, e);
	if (r >= 0)
		r = store_blob_read(g->store, m.config.digest, &config, e);
	if (r < 0)
		return r;
	const struct transport_image img = {
		.config = buf_str(&config), .len = config.len, .expected = m.config.digest};
	g->images = mem_realloc(g->images, g->n + 1, sizeof(*g->images));
	struct stored_manifest *s = &g->images[g->n];
	memcpy(s->digest, doc->digest, sizeof(s->digest));
	r = transport_image_put(g->store, &img, s->id, e);
	/* one that was made up over plain layers is none that the image should leave with */
	if (r >= 0 && !doc->made_up)
		r = store_blob_put(g->store, doc->bytes.data, doc->bytes.len, doc->digest, NULL, e);
	if (r >= 0 && !doc->made_up)
		r = store_image_add_digest(g->store, s->id, "", doc->digest, e);
	g->n += r >= 0;
	return r;
}

static int put_companion(struct to_store *g, const struct transport_document *doc, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	int r = oci_manifest_parse(doc->bytes.data, doc->bytes.len, &m, e);
	if (r >= 0)
		r = store_blob_put(g->store, doc->bytes.data, doc->bytes.len, doc->digest, NULL, e);
	if (r < 0)
		return r;
	strv_add(&g->companions, doc->digest);
	strv_add(&g->companions, m.config.digest);
	for (size_t i = 0; i < m.nlayers; i++)
		strv_add(&g->companions, m.layers[i].digest);
	return 0;
}

/* The index stays, too; the name means its image for this machine, else its first one. */
static int put_index(struct to_store *g, const struct transport_document *doc, struct err *e)
{
	struct oci_index x cleanup_oci_index = {0};
	const struct oci_descriptor *mine = NULL;
	int r = oci_index_parse(doc->bytes.data, doc->bytes.len, &x, e);
	if (r >= 0)
		r = store_blob_put(g->store, doc->bytes.data, doc->bytes.len, doc->digest, NULL, e);
	for (size_t i = 0; i < g->n && r >= 0; i++)
		r = store_image_add_index(g->store, g->images[i].id, doc->digest, e);
	for (size_t i = 0; i < g->companions.n && r >= 0; i++)
		r = store_index_add_blob(g->store, doc->digest, g->companions.v[i], e);
	if (r < 0)
		return r;
	if (!g->n)
		return err_set(e, ERR_UNSUPPORTED, "the index names no image");
	(void)oci_index_select(&x, &mine, NULL);
	const char *id = g->images[0].id;
	for (size_t i = 0; mine && i < g->n; i++)
		if (str_eq(g->images[i].digest, mine->digest))
			id = g->images[i].id;
	memcpy(g->root, id, sizeof(g->root));
	return 0;
}

static int store_manifest(
	struct transport_to *t, const struct transport_document *doc, bool root, struct err *e)
{
	struct to_store *g = (struct to_store *)t;
	if (oci_media_type_kind(doc->media_type) == OCI_KIND_INDEX)
		return root ? put_index(g, doc, e)
			    : err_set(e, ERR_UNSUPPORTED, "an index within an index");
	if (doc->companion)
		return put_companion(g, doc, e);
	int r = put_image(g, doc, e);
	if (r >= 0 && root)
		memcpy(g->root, g->images[g->n - 1].id, sizeof(g->root));
	return r;
}

static int store_finish(struct transport_to *t, struct err *e)
{
	struct to_store *g = (struct to_store *)t;
	if (!*g->root)
		return err_set(e, ERR_STATE, "nothing was put");
	return store_tag_set(g->store, g->tag, g->root, NULL, e);
}

static void store_free(struct transport_to *t)
{
	struct to_store *g = (struct to_store *)t;
	store_lease_end(g->lease);
	free(g->images);
	strv_release(&g->companions);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

int transport_to_store(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e)
{
	static const struct transport_to_ops ops = {
		store_has, store_put, store_make, store_manifest, store_finish, store_free};
	if (!w->store)
		return err_set(e, ERR_UNSUPPORTED, "there is no store here");
	struct transport_to *t cleanup_transport_to = NULL;
	struct to_store *g = mem_alloc(sizeof(*g));
	*g = (struct to_store){.base = {.ops = &ops,
				       .needs = TRANSPORT_TO_IMAGE,
				       .parallel = true,
				       .store = w->store},
		.store = w->store};
	pthread_mutex_init(&g->lock, NULL);
	t = &g->base;
	int r = oci_reference_tag(p->path, g->tag, e);
	if (r >= 0)
		r = store_lease_begin(w->store, "copy", &g->lease, e);
	if (r < 0)
		return r;
	*ret = STEAL(t);
	return 0;
}
