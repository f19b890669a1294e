/* The images of an OCI layout: from index.json down to layers. */
#include "transport/load_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "store/image.h"
#include "transport/image_priv.h"

#include <stdlib.h>
#include <string.h>

#define MAX_NESTING 4 /* an index of indexes of ...: nobody goes deeper than two */

/* A blob that is a document, with its digest checked. */
static int read_blob(
	struct transport_load *l, const struct oci_descriptor *d, struct buf *out, struct err *e)
{
	char name[TRANSPORT_BLOB_NAME], hex[SHA256_HEX];
	int r = transport_source_read(l->src, transport_blob_name(d->digest, name), out, e);
	if (r < 0)
		return r;
	sha256_hex(buf_str(out), out->len, hex);
	if (!str_eq(hex, oci_digest_hex(d->digest)) || out->len != d->size)
		return err_set(e, ERR_DIGEST, "'%s' has %zu bytes with the digest sha256:%s", name,
			out->len, hex);
	return 0;
}

/* The name of an image: the whole reference if somebody wrote it down; a tag alone belongs to what
 * the file is called. */
static char *image_name(struct transport_load *l, const struct oci_descriptor *d)
{
	char text[OCI_REFERENCE_MAX];
	struct oci_reference ref;
	const char *whole = strv_env_get(&d->annotations, OCI_ANNOTATION_IMAGE_NAME);
	const char *name = strv_env_get(&d->annotations, OCI_ANNOTATION_REF_NAME);
	if (whole && oci_reference_parse(whole, &ref, NULL) >= 0) {
		ref.digest[0] = 0;
		oci_reference_normalise_docker(&ref);
		return mem_strdup(oci_reference_format(&ref, text));
	}
	if (str_empty(name) && !l->o->base)
		return NULL;
	if (!str_empty(name) && (strchr(name, ':') || strchr(name, '/'))) {
		if (oci_reference_tag(name, text, NULL) >= 0)
			return mem_strdup(text);
		return NULL;
	}
	if (!l->o->base)
		return NULL;
	char *full cleanup_free =
		mem_printf("localhost/%s:%s", l->o->base, str_empty(name) ? "latest" : name);
	return oci_reference_tag(full, text, NULL) >= 0 ? mem_strdup(text) : NULL;
}

static int load_layers(struct transport_load *l, const struct oci_manifest *m,
	const struct oci_image_config *c, struct err *e)
{
	if (m->nlayers != c->diff_ids.n)
		return err_set(e, ERR_FORMAT, "the manifest names %zu layers, the config %zu",
			m->nlayers, c->diff_ids.n);
	for (size_t i = 0; i < m->nlayers; i++) {
		const struct oci_descriptor *d = &m->layers[i];
		struct transport_want want = {
			.diffid = c->diff_ids.v[i],
			.blob_digest = d->digest,
			.blob_size = d->size,
		};
		struct transport_layer got;
		char name[TRANSPORT_BLOB_NAME];
		int r = transport_source_layer(
			l->src, transport_blob_name(d->digest, name), &want, &got, e);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The manifest is kept: the image leaves again with the digest with which it came. */
static int keep_manifest(
	struct transport_load *l, const struct buf *bytes, const char *id, struct err *e)
{
	char digest[STORE_DIGEST_MAX];
	int r = store_blob_put(l->store, buf_str(bytes), bytes->len, NULL, digest, e);
	return r < 0 ? r : store_image_add_digest(l->store, id, "", digest, e);
}

/* first: the entry of index.json that led to d. */
static int ask(struct transport_load *l, const struct oci_descriptor *first,
	const struct oci_descriptor *d, const char *name, struct err *e)
{
	struct oci_reference ref;
	const struct transport_load_asked a = {
		.transport = l->src->dir >= 0 ? "oci" : "oci-archive",
		.name = strv_env_get(&first->annotations, OCI_ANNOTATION_REF_NAME),
		.ref = name && oci_reference_parse(name, &ref, NULL) >= 0 ? &ref : NULL,
		.digest = d->digest,
		.index_digest = str_eq(first->digest, d->digest) ? NULL : first->digest,
	};
	return transport_load_ask(l, &a, e);
}

static int load_manifest(struct transport_load *l, const struct oci_descriptor *d, const char *name,
	const struct buf *bytes, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = oci_manifest_parse(buf_str(bytes), bytes->len, &m, e);
	if (r < 0)
		return r;
	if (oci_media_type_kind(m.config.media_type) != OCI_KIND_CONFIG)
		return err_set(e, ERR_UNSUPPORTED, "manifest %s: '%.100s' is not an image",
			d->digest, m.config.media_type);
	r = read_blob(l, &m.config, &config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&config), config.len, &c, e);
	if (r >= 0)
		r = load_layers(l, &m, &c, e);
	if (r < 0)
		return r;
	struct strv tags cleanup_strv = STRV_INIT;
	if (name)
		strv_add(&tags, name);
	char id[STORE_DIGEST_MAX];
	struct transport_image put = {
		.config = buf_str(&config),
		.len = config.len,
		.expected = m.config.digest,
		.tags = &tags,
	};
	r = transport_image_put(l->store, &put, id, e);
	if (r >= 0)
		r = keep_manifest(l, bytes, id, e);
	return r < 0 ? r : transport_load_tell(l, &tags, id, e);
}

/* Goes down from one entry of index.json to the image for this machine. */
static int load_entry(struct transport_load *l, const struct oci_descriptor *first,
	const char *name, struct err *e)
{
	struct oci_descriptor at;
	oci_descriptor_copy(&at, first);
	int r = 0;
	bool done = false;
	for (int depth = 0; r >= 0 && !done; depth++) {
		struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
		struct oci_index x cleanup_oci_index = {0};
		enum oci_kind kind = OCI_KIND_OTHER;
		if (depth == MAX_NESTING) {
			r = err_set(e, ERR_LIMIT, "indexes nested deeper than %d", MAX_NESTING);
			break;
		}
		r = read_blob(l, &at, &bytes, e);
		if (r >= 0)
			r = oci_manifest_kind(buf_str(&bytes), bytes.len, &kind, e);
		if (r >= 0 && kind == OCI_KIND_MANIFEST) {
			r = ask(l, first, &at, name, e);
			if (r >= 0)
				r = load_manifest(l, &at, name, &bytes, e);
			done = true;
		} else if (r >= 0) {
			const struct oci_descriptor *d;
			r = oci_index_parse(buf_str(&bytes), bytes.len, &x, e);
			if (r >= 0)
				r = oci_index_select(&x, &d, e);
			if (r >= 0) {
				oci_descriptor_release(&at);
				oci_descriptor_copy(&at, d);
			}
		}
	}
	oci_descriptor_release(&at);
	return r;
}

/* Several entries of index.json with one name are platforms of one image: the one for here. */
static bool is_ours(const struct oci_index *x, size_t i)
{
	const struct oci_descriptor *d = &x->manifests[i];
	enum oci_kind kind = oci_media_type_kind(d->media_type);
	if (kind != OCI_KIND_MANIFEST && kind != OCI_KIND_INDEX)
		return false;
	return !d->has_platform || oci_platform_fits(&d->platform);
}

int transport_load_layout(struct transport_load *l, struct err *e)
{
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_index x cleanup_oci_index = {0};
	int r = transport_source_read(l->src, "oci-layout", &bytes, e);
	if (r >= 0)
		r = oci_layout_parse(buf_str(&bytes), bytes.len, e);
	buf_clear(&bytes);
	if (r >= 0)
		r = transport_source_read(l->src, "index.json", &bytes, e);
	if (r >= 0)
		r = oci_index_parse(buf_str(&bytes), bytes.len, &x, e);
	if (r < 0)
		return r;
	bool any = false;
	for (size_t i = 0; i < x.nmanifests && r >= 0; i++) {
		if (!is_ours(&x, i))
			continue;
		any = true;
		char *name cleanup_free = image_name(l, &x.manifests[i]);
		r = load_entry(l, &x.manifests[i], name, e);
	}
	if (r >= 0 && !any) {
		const struct oci_descriptor *d;
		r = oci_index_select(&x, &d, e);
		if (r >= 0)
			r = err_set(e, ERR_FORMAT, "index.json names no image");
	}
	return r;
}
