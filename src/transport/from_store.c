/* store: as source. The manifest with which an image came is given again when all of its blobs can
 * be; else one is made over plain layers, which whoever takes it may compress. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"
#include "store/lease.h"
#include "transport/save_priv.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct from_store {
	struct transport_from base;
	pthread_mutex_t lock; /* around the store, which serves one thread at a time */
	struct store *store;
	struct store_lease *lease;
	struct store_image img;
	struct transport_document doc;
};

static int store_manifest(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	struct from_store *g = (struct from_store *)f;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	if (digest && !str_eq(digest, g->doc.digest)) {
		if (store_blob_read(g->store, digest, &b, NULL) < 0)
			return err_set(e, ERR_NOT_FOUND, "manifest %s is not in the store", digest);
		return transport_document_make(ret, b.data, b.len, NULL, e);
	}
	return transport_document_make(
		ret, g->doc.bytes.data, g->doc.bytes.len, g->doc.media_type, e);
}

static int store_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	struct from_store *g = (struct from_store *)f;
	uint64_t size;
	int fd;
	pthread_mutex_lock(&g->lock);
	if (store_blob_has(g->store, d->digest, &size))
		fd = store_blob_open(g->store, d->digest, e);
	else if (store_layer_has(g->store, d->digest))
		fd = transport_save_open_tar(g->store, d->digest, &size, e);
	else
		fd = err_set(e, ERR_NOT_FOUND, "it is not in the store");
	pthread_mutex_unlock(&g->lock);
	if (fd < 0)
		return fd;
	*ret = transport_blob_verified(transport_blob_file(fd, true, 0, size), d->digest);
	return 0;
}

static void store_free(struct transport_from *f)
{
	struct from_store *g = (struct from_store *)f;
	store_lease_end(g->lease);
	store_image_release(&g->img);
	transport_document_release(&g->doc);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

static bool can_give(struct from_store *g, const struct oci_manifest *m)
{
	if (!str_eq(m->config.digest, g->img.id) || m->nlayers != g->img.layers.n)
		return false;
	for (size_t i = 0; i < m->nlayers; i++) {
		uint64_t size;
		if (!str_eq(m->layers[i].digest, g->img.layers.v[i]) &&
			(!store_blob_has(g->store, m->layers[i].digest, &size) ||
				size != m->layers[i].size))
			return false;
	}
	return true;
}

static bool known_manifest(struct from_store *g)
{
	char digest[STORE_DIGEST_MAX];
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_manifest m cleanup_oci_manifest = {0};
	return store_image_manifest(g->store, g->img.id, g->base.reference, digest, NULL) >= 0 &&
	       store_blob_read(g->store, digest, &b, NULL) >= 0 &&
	       oci_manifest_parse(buf_str(&b), b.len, &m, NULL) >= 0 && can_give(g, &m) &&
	       transport_document_make(&g->doc, b.data, b.len, m.media_type, NULL) >= 0 &&
	       str_eq(g->doc.digest, digest);
}

/* A compressed form that the store has is better than compressing anew. */
static int add_layer(
	struct from_store *g, struct oci_manifest *m, const char *diffid, struct err *e)
{
	struct store_layer l;
	struct store_layer_blob known;
	struct oci_descriptor d = {.media_type = (char *)OCI_TYPE_LAYER};
	int r = store_layer_get(g->store, diffid, &l, e);
	if (r < 0)
		return r;
	if (store_layer_blob_get(g->store, diffid, NULL, false, &known, NULL) >= 0) {
		d.media_type = known.media_type;
		d.size = known.size;
		memcpy(d.digest, known.digest, sizeof(d.digest));
	} else {
		d.size = l.tar_size;
		memcpy(d.digest, diffid, strlen(diffid) + 1);
	}
	oci_manifest_add_layer(m, &d);
	return 0;
}

static int make_manifest(struct from_store *g, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct buf bytes cleanup_buf = BUF_INIT;
	uint64_t size;
	if (!store_blob_has(g->store, g->img.id, &size))
		return err_set(e, ERR_NOT_FOUND, "the config of image %s is not there", g->img.id);
	m.media_type = mem_strdup(OCI_TYPE_MANIFEST);
	m.config.media_type = mem_strdup(OCI_TYPE_CONFIG);
	m.config.size = size;
	memcpy(m.config.digest, g->img.id, sizeof(m.config.digest));
	for (size_t i = 0; i < g->img.layers.n; i++) {
		int r = add_layer(g, &m, g->img.layers.v[i], e);
		if (r < 0)
			return r;
	}
	oci_manifest_format(&m, &bytes);
	transport_document_release(&g->doc);
	return transport_document_make(&g->doc, bytes.data, bytes.len, m.media_type, e);
}

/* The newest index that names the image, without what is not here and no image either (it says
 * something about images). 1: there is one. */
static int use_index(struct from_store *g, struct err *e)
{
	struct strv indexes cleanup_strv = STRV_INIT;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST), out cleanup_buf = BUF_INIT;
	struct oci_index x cleanup_oci_index = {0}, to cleanup_oci_index = {0};
	int r = store_image_indexes(g->store, g->img.id, &indexes, e);
	if (r < 0 || !indexes.n)
		return r;
	r = store_blob_read(g->store, indexes.v[0], &b, e);
	if (r >= 0)
		r = oci_index_parse(b.data, b.len, &x, e);
	if (r < 0)
		return r;
	to.media_type = mem_strdup(x.media_type);
	strv_copy(&to.annotations, &x.annotations);
	for (size_t i = 0; i < x.nmanifests; i++)
		if (!oci_index_is_attestation(&x.manifests[i]) ||
			store_blob_has(g->store, x.manifests[i].digest, NULL))
			oci_index_add(&to, &x.manifests[i]);
	if (to.nmanifests == x.nmanifests)
		buf_add(&out, b.data, b.len);
	else
		oci_index_format(&to, &out);
	transport_document_release(&g->doc);
	g->doc = (struct transport_document){0};
	r = transport_document_make(&g->doc, out.data, out.len, x.media_type, e);
	return r < 0 ? r : 1;
}

/* The image that the name means, or of those that came along with it the one for `platform`. */
static int find(
	struct from_store *g, const char *text, const struct oci_platform *platform, struct err *e)
{
	int r = store_image_find(g->store, text, &g->img, e);
	const char *tag = r < 0 ? NULL : store_image_tag(&g->img, text);
	g->base.reference = mem_strdup(tag);
	if (r >= 0 && platform)
		r = store_image_for_platform(g->store, &g->img, platform, e);
	if (r != 0 || !platform)
		return r;
	char *want cleanup_free = oci_platform_format(platform);
	r = err_set(e, ERR_NOT_FOUND, "the store has no '%s' for %s", text, want);
	err_hint(e, "kist pull --platform %s %s", want, text);
	return r;
}

int transport_from_store(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const struct transport_from_ops ops = {
		store_manifest, store_blob, NULL, NULL, store_free};
	if (!w->store)
		return err_set(e, ERR_UNSUPPORTED, "there is no store here");
	struct transport_from *f cleanup_transport_from = NULL;
	struct from_store *g = mem_alloc(sizeof(*g));
	*g = (struct from_store){
		.base = {.ops = &ops, .parallel = true, .store = w->store}, .store = w->store};
	pthread_mutex_init(&g->lock, NULL);
	f = &g->base;
	int r = find(g, p->path, w->platform, e);
	if (r >= 0)
		r = store_lease_begin(w->store, "copy", &g->lease, e);
	if (r >= 0)
		r = store_lease_add(g->lease, g->img.id, e);
	int whole = r >= 0 && w->all ? use_index(g, e) : 0;
	if (r >= 0)
		r = MIN(whole, 0);
	if (r >= 0 && !whole && !known_manifest(g)) {
		g->base.made_up = true;
		r = make_manifest(g, e);
	}
	if (r < 0)
		return r;
	*ret = STEAL(f);
	return 0;
}
