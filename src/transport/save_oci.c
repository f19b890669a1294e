/* OCI layouts: manifests that came along, or new ones over compressed layers. */
#include "transport/save_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "layer/compress.h"
#include "oci/image_config.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/layer.h"
#include "transport/source_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What is being composed for one image */
struct oci_out {
	struct transport_saver *w;
	const struct transport_save_image *img;
	struct buf config_bytes;
	struct oci_image_config config;
	struct buf manifest_bytes;
};

static void out_release(struct oci_out *x)
{
	buf_release(&x->config_bytes);
	oci_image_config_release(&x->config);
	buf_release(&x->manifest_bytes);
}

static bool wanted(const struct transport_saver *w, const char *media_type)
{
	return w->o->any_compression || oci_media_type_compression(media_type) == w->o->compression;
}

static int put_blob_fd(
	struct transport_saver *w, const char *digest, int fd, uint64_t size, struct err *e)
{
	char name[TRANSPORT_BLOB_NAME];
	return transport_sink_file(&w->sink, transport_blob_name(digest, name), fd, size, e);
}

static int put_blob_bytes(
	struct transport_saver *w, const char *digest, const struct buf *b, struct err *e)
{
	char name[TRANSPORT_BLOB_NAME];
	return transport_sink_bytes(
		&w->sink, transport_blob_name(digest, name), b->data, b->len, e);
}

static int put_stored_blob(
	struct transport_saver *w, const char *digest, uint64_t size, struct err *e)
{
	int fd cleanup_fd = store_blob_open(w->store, digest, e);
	return fd < 0 ? fd : put_blob_fd(w, digest, fd, size, e);
}

static int put_tar(struct transport_saver *w, const char *diffid, uint64_t *ret_size, struct err *e)
{
	int fd cleanup_fd = transport_save_open_tar(w->store, diffid, ret_size, e);
	return fd < 0 ? fd : put_blob_fd(w, diffid, fd, *ret_size, e);
}

/* The manifest that the image came with serves when each of its layers can be given as it says. */
static bool manifest_serves(struct oci_out *x, const struct oci_manifest *m)
{
	if (!str_eq(m->media_type, OCI_TYPE_MANIFEST) || m->nlayers != x->config.diff_ids.n ||
		!str_eq(m->config.digest, x->img->id) || m->has_subject)
		return false;
	for (size_t i = 0; i < m->nlayers; i++) {
		const struct oci_descriptor *d = &m->layers[i];
		uint64_t size;
		if (!wanted(x->w, d->media_type))
			return false;
		if (!str_eq(d->digest, x->config.diff_ids.v[i]) &&
			(!store_blob_has(x->w->store, d->digest, &size) || size != d->size))
			return false;
	}
	return true;
}

/* 1: done; 0: a new one has to be made */
static int reuse_manifest(struct oci_out *x, struct err *e)
{
	char digest[STORE_DIGEST_MAX];
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_manifest m cleanup_oci_manifest = {0};
	const char *name = x->img->names.n ? x->img->names.v[0] : NULL;
	if (store_image_manifest(x->w->store, x->img->id, name, digest, NULL) < 0 ||
		store_blob_read(x->w->store, digest, &bytes, NULL) < 0 ||
		oci_manifest_parse(buf_str(&bytes), bytes.len, &m, NULL) < 0 ||
		!manifest_serves(x, &m))
		return 0;
	int r = 0;
	for (size_t i = 0; i < m.nlayers && r >= 0; i++) {
		uint64_t size;
		if (str_eq(m.layers[i].digest, x->config.diff_ids.v[i]))
			r = put_tar(x->w, m.layers[i].digest, &size, e);
		else
			r = put_stored_blob(x->w, m.layers[i].digest, m.layers[i].size, e);
	}
	buf_add(&x->manifest_bytes, bytes.data, bytes.len);
	return r < 0 ? r : 1;
}

static int write_piece(void *ctx, const void *p, size_t len, struct err *e)
{
	int r = io_write_all(*(int *)ctx, p, len);
	return r < 0 ? err_sysno(e, r, "write a compressed layer") : 0;
}

static int compress_layer(struct transport_saver *w, const char *diffid,
	enum oci_compression compression, struct oci_descriptor *d, struct err *e)
{
	uint64_t size;
	int tar cleanup_fd = transport_save_open_tar(w->store, diffid, &size, e);
	if (tar < 0)
		return tar;
	int tmp cleanup_fd = file_open_unnamed(store_dir(w->store, STORE_DIR_TMP, e), ".", e);
	if (tmp < 0)
		return tmp;
	struct layer_compress_info info;
	int r = layer_compress_fd(tar,
		compression == OCI_COMPRESSION_ZSTD ? LAYER_ZSTD : LAYER_GZIP, write_piece, &tmp,
		&info, e);
	if (r < 0)
		return r;
	if (!str_eq(info.diffid, oci_digest_hex(diffid)))
		return err_set(e, ERR_DIGEST,
			"layer %s is damaged in the store: its content is sha256:%s", diffid,
			info.diffid);
	oci_digest_from_hex(info.digest, d->digest);
	d->size = info.size;
	return put_blob_fd(w, d->digest, tmp, info.size, e);
}

static int put_layer(
	struct transport_saver *w, const char *diffid, struct oci_descriptor *d, struct err *e)
{
	enum oci_compression c = w->o->any_compression ? OCI_COMPRESSION_GZIP : w->o->compression;
	struct store_layer_blob known;
	int r = store_layer_blob_get(w->store, diffid, NULL, false, &known, NULL);
	if (r >= 0 && wanted(w, known.media_type)) {
		c = oci_media_type_compression(known.media_type);
		memcpy(d->digest, known.digest, sizeof(d->digest));
		d->size = known.size;
		r = put_stored_blob(w, d->digest, d->size, e);
	} else if (c == OCI_COMPRESSION_NONE) {
		memcpy(d->digest, diffid, sizeof(d->digest));
		r = put_tar(w, diffid, &d->size, e);
	} else {
		r = compress_layer(w, diffid, c, d, e);
	}
	d->media_type = mem_strdup(oci_media_type_layer(c));
	return r;
}

static int new_manifest(struct oci_out *x, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	m.config.media_type = mem_strdup(OCI_TYPE_CONFIG);
	memcpy(m.config.digest, x->img->id, sizeof(m.config.digest));
	m.config.size = x->config_bytes.len;
	for (size_t i = 0; i < x->config.diff_ids.n; i++) {
		struct oci_descriptor d = {0};
		char diffid[STORE_DIGEST_MAX];
		snprintf(diffid, sizeof(diffid), "%s", x->config.diff_ids.v[i]);
		int r = put_layer(x->w, diffid, &d, e);
		if (r >= 0)
			oci_manifest_add_layer(&m, &d);
		oci_descriptor_release(&d);
		if (r < 0)
			return r;
	}
	oci_manifest_format(&m, &x->manifest_bytes);
	return 0;
}

static char *own(const char *s)
{
	return str_empty(s) ? NULL : mem_strdup(s);
}

/* The entry of index.json, once per name. A tag alone is what umoci and skopeo expect of a layout
 * with one image; several need their whole names. */
static void add_entries(struct oci_out *x, const char *digest, bool alone, struct oci_index *index)
{
	struct oci_descriptor d = {
		.media_type = mem_strdup(OCI_TYPE_MANIFEST),
		.size = x->manifest_bytes.len,
		.has_platform = true,
		.platform = {own(x->config.os), own(x->config.architecture),
			own(x->config.variant)},
	};
	memcpy(d.digest, digest, sizeof(d.digest));
	for (size_t i = 0; i < x->img->names.n; i++) {
		char repo[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
		const char *name = x->img->names.v[i];
		oci_reference_split(name, repo, tag);
		strv_env_set(&d.annotations, OCI_ANNOTATION_IMAGE_NAME, name);
		strv_env_set(&d.annotations, OCI_ANNOTATION_REF_NAME, alone ? tag : name);
		oci_index_add(index, &d);
	}
	if (!x->img->names.n)
		oci_index_add(index, &d);
	oci_descriptor_release(&d);
}

static int save_image(struct oci_out *x, bool alone, struct oci_index *index, struct err *e)
{
	int r = store_blob_read(x->w->store, x->img->id, &x->config_bytes, e);
	if (r >= 0)
		r = oci_image_config_parse(
			buf_str(&x->config_bytes), x->config_bytes.len, &x->config, e);
	if (r >= 0)
		r = reuse_manifest(x, e);
	if (r == 0)
		r = new_manifest(x, e);
	if (r >= 0)
		r = put_blob_bytes(x->w, x->img->id, &x->config_bytes, e);
	if (r < 0)
		return r;
	char hex[SHA256_HEX], digest[STORE_DIGEST_MAX];
	sha256_hex(x->manifest_bytes.data, x->manifest_bytes.len, hex);
	oci_digest_from_hex(hex, digest);
	add_entries(x, digest, alone, index);
	return put_blob_bytes(x->w, digest, &x->manifest_bytes, e);
}

int transport_save_layout(struct transport_saver *w, struct err *e)
{
	struct buf doc cleanup_buf = BUF_INIT;
	struct oci_index index cleanup_oci_index = {0};
	oci_layout_format(&doc);
	int r = transport_sink_bytes(&w->sink, "oci-layout", doc.data, doc.len, e);
	if (r >= 0)
		r = transport_sink_dir(&w->sink, "blobs", e);
	if (r >= 0)
		r = transport_sink_dir(&w->sink, "blobs/sha256", e);
	size_t names = 0;
	for (size_t i = 0; i < w->n; i++)
		names += w->images[i].names.n;
	for (size_t i = 0; i < w->n && r >= 0; i++) {
		struct oci_out x = {.w = w,
			.img = &w->images[i],
			.config_bytes = BUF_INIT_MAX(LIMIT_CONFIG),
			.config = OCI_IMAGE_CONFIG_INIT};
		r = save_image(&x, names == 1 && w->n == 1, &index, e);
		out_release(&x);
	}
	if (r < 0)
		return r;
	buf_clear(&doc);
	oci_index_format(&index, &doc);
	return transport_sink_bytes(&w->sink, "index.json", doc.data, doc.len, e);
}
