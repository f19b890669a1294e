/* What of an image or an index has to travel, and what becomes of its manifest. */
#include "transport/copy_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "transport/accept.h"
#include "transport/trust.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NESTING 4 /* an index of indexes of ...: nobody goes deeper than two */

static int load(struct copy *c, const char *digest, struct transport_document *doc, struct err *e)
{
	int r = transport_from_manifest(c->from, digest, doc, e);
	if (r < 0)
		return r;
	const struct transport_arrival a = {
		.reference = c->from->reference ? c->from->reference : c->from->text,
		.digest = doc->digest,
		.bytes = doc->bytes.data,
		.len = doc->bytes.len,
	};
	return transport_accept(&a, e);
}

/* What is being copied of one image */
struct image {
	struct transport_document doc;
	struct oci_manifest m;
	struct oci_image_config config;
	struct buf config_bytes; /* of an image; empty for what is none */
	bool opaque;             /* its config is no image's, and need not be */
	struct copy_blob *blobs; /* layers, then the config */
	bool companion;          /* it is none, but in an index with some */
};

static void image_release(struct image *x)
{
	transport_document_release(&x->doc);
	oci_manifest_release(&x->m);
	oci_image_config_release(&x->config);
	buf_release(&x->config_bytes);
	free(x->blobs);
}

static bool is_image(const struct oci_manifest *m)
{
	return oci_media_type_kind(m->config.media_type) == OCI_KIND_CONFIG && !m->artifact_type;
}

static bool treats_as_image(const struct image *x)
{
	return !x->companion && !x->opaque && is_image(&x->m);
}

/* Who takes bytes as they are need not understand the config: registries hold more than images. */
static bool needs_config(const struct copy *c)
{
	bool choice = c->o->platform && !*c->index_digest;
	return (c->to->needs & (TRANSPORT_TO_IMAGE | TRANSPORT_TO_PLAIN)) || c->o->compress ||
	       c->from->made_up || choice;
}

/* diffIDs let a destination know what it has, and repacking check what it unpacked. */
static int read_config(struct copy *c, struct image *x, struct err *e)
{
	struct buf *b = &x->config_bytes;
	if (!treats_as_image(x))
		return 0;
	int r = transport_from_read(c->from, &x->m.config, b, e);
	if (r >= 0 && !needs_config(c)) {
		x->opaque = oci_image_config_parse(buf_str(b), b->len, &x->config, NULL) < 0;
		if (x->opaque)
			return 0;
	} else if (r >= 0) {
		r = oci_image_config_parse(buf_str(b), b->len, &x->config, e);
	}
	if (r < 0)
		return r;
	/* the digest is that of no index: none has chosen */
	if (!*c->index_digest)
		r = transport_accept_platform(&x->config, c->o->platform, e);
	if (r < 0)
		return r;
	if (x->config.diff_ids.n && x->config.diff_ids.n != x->m.nlayers)
		return err_set(e, ERR_FORMAT, "the manifest names %zu layers, the config %zu",
			x->m.nlayers, x->config.diff_ids.n);
	return 0;
}

/* The form that a layer is to have at the destination. */
static bool wants_repack(const struct copy *c, const struct oci_descriptor *d, struct copy_blob *b)
{
	enum oci_compression now = oci_media_type_compression(d->media_type);
	if (c->to->needs & TRANSPORT_TO_PLAIN)
		b->compression = OCI_COMPRESSION_NONE;
	else if (c->o->compress)
		b->compression = c->o->compression;
	else if (c->from->made_up && (c->to->needs & TRANSPORT_TO_PACKED))
		b->compression = now == OCI_COMPRESSION_NONE ? OCI_COMPRESSION_GZIP : now;
	else
		return false;
	return b->compression != now;
}

static bool is_reference(const struct copy *c, const struct oci_descriptor *d)
{
	return !c->o->foreign && oci_media_type_foreign(d->media_type) && d->urls.n;
}

static int not_here(const struct oci_descriptor *d, const char *to, struct err *e)
{
	int r = err_set(e, ERR_UNSUPPORTED,
		"'%s' needs layer %s, which is foreign: its bytes lie at %.200s", to, d->digest,
		d->urls.v[0]);
	err_hint(e, "--foreign fetches such layers from there");
	return r;
}

static int plan_layers(struct copy *c, struct image *x, size_t *ret_n, struct err *e)
{
	bool image = treats_as_image(x);
	size_t n = 0;
	x->blobs = mem_array(x->m.nlayers + 1, sizeof(*x->blobs));
	for (size_t i = 0; i < x->m.nlayers; i++) {
		const struct oci_descriptor *d = &x->m.layers[i];
		struct copy_blob *b = &x->blobs[n];
		if (is_reference(c, d)) {
			if (c->to->needs & TRANSPORT_TO_IMAGE)
				return not_here(d, c->to->text, e);
			transport_note(c->o->progress, "blob %.19s is foreign: its reference only",
				d->digest);
			continue;
		}
		*b = (struct copy_blob){.d = d, .raw = !image};
		if (image && oci_media_type_kind(d->media_type) == OCI_KIND_LAYER) {
			b->diffid = x->config.diff_ids.n ? x->config.diff_ids.v[i] : NULL;
			b->repack = wants_repack(c, d, b);
		}
		n++;
	}
	x->blobs[n++] = (struct copy_blob){.d = &x->m.config,
		.is_config = true,
		.raw = !image,
		.bytes = image ? &x->config_bytes : NULL};
	*ret_n = n;
	return 0;
}

static enum oci_format format_for(const struct copy *c)
{
	/* docker's format has no word for zstd */
	bool zstd = c->o->compress && c->o->compression == OCI_COMPRESSION_ZSTD;
	if ((c->to->needs & TRANSPORT_TO_OCI) || (zstd && c->o->format == OCI_FORMAT_KEEP))
		return OCI_FORMAT_OCI;
	return c->o->format;
}

static int changed(const struct copy *c, const struct transport_document *was,
	const struct transport_document *now, struct err *e)
{
	if (!c->o->preserve_digests || str_eq(was->digest, now->digest))
		return 0;
	int r = err_set(e, ERR_UNSUPPORTED,
		"manifest %s would become %s (%s): --preserve-digests forbids it", was->digest,
		now->digest, now->media_type);
	err_hint(e, "%s",
		c->from->made_up ? "the image has no manifest of its own yet"
				 : "dir: takes every format; leave --compression and --format out");
	return r;
}

static int put_manifest(
	struct copy *c, const struct transport_document *doc, bool root, struct err *e)
{
	if (root)
		memcpy(c->sum.digest, doc->digest, sizeof(c->sum.digest));
	int r = c->to->ops->manifest(c->to, doc, root, e);
	return r < 0 ? err_wrap(e, r, "'%s'", c->to->text) : 0;
}

/* The manifest as it is at the destination */
static int new_manifest(struct copy *c, struct image *x, size_t n, bool root,
	struct oci_replacement *became, struct err *e)
{
	struct oci_replacement *v cleanup_free = mem_array(x->m.nlayers + 1, sizeof(*v));
	struct transport_document doc cleanup_transport_document = {0};
	struct buf out cleanup_buf = BUF_INIT;
	const char *type;
	for (size_t i = 0; i < n; i++)
		if (!x->blobs[i].is_config)
			v[x->blobs[i].d - x->m.layers] = x->blobs[i].became;
	int r = oci_manifest_rewrite(x->doc.bytes.data, x->doc.bytes.len, format_for(c), v,
		x->m.nlayers, &out, &type, e);
	if (r >= 0)
		r = transport_document_make(&doc, out.data, out.len, type, e);
	if (r >= 0)
		r = changed(c, &x->doc, &doc, e);
	doc.made_up = c->from->made_up;
	doc.companion = x->companion;
	if (r >= 0)
		r = put_manifest(c, &doc, root, e);
	if (r < 0)
		return r;
	became->changed = !str_eq(doc.digest, x->doc.digest);
	memcpy(became->digest, doc.digest, sizeof(became->digest));
	became->size = doc.bytes.len;
	return 0;
}

/* entry: of the index that it is in; NULL: it is in none. doc is taken over. became: what the image is
 * at the destination. */
static int copy_image(struct copy *c, struct transport_document *doc,
	const struct oci_descriptor *entry, bool root, struct oci_replacement *became,
	struct err *e)
{
	struct image x cleanup(image_release) = {.doc = *doc,
		.config = OCI_IMAGE_CONFIG_INIT,
		.config_bytes = BUF_INIT_MAX(LIMIT_CONFIG)};
	size_t n = 0;
	*doc = (struct transport_document){0};
	int r = transport_trust_from(
		c->from, x.doc.digest, *c->index_digest ? c->index_digest : NULL, e);
	if (r >= 0)
		r = oci_manifest_parse(x.doc.bytes.data, x.doc.bytes.len, &x.m, e);
	x.companion = r >= 0 && entry && (oci_index_is_attestation(entry) || !is_image(&x.m));
	if (r >= 0 && !x.companion && !is_image(&x.m) && (c->to->needs & TRANSPORT_TO_IMAGE))
		r = err_set(e, ERR_UNSUPPORTED, "'%s' takes images; %s is an artifact (%s)",
			c->to->text, x.doc.digest,
			x.m.artifact_type ? x.m.artifact_type : x.m.config.media_type);
	if (r >= 0)
		r = read_config(c, &x, e);
	if (r >= 0)
		r = plan_layers(c, &x, &n, e);
	if (r >= 0)
		r = treats_as_image(&x) ? copy_layers(c, &x.m, &x.config, x.blobs, n - 1, e) : 0;
	if (r >= 0)
		r = r ? copy_blobs(c, &x.blobs[n - 1], 1, false, e)
		      : copy_blobs(c, x.blobs, n, true, e);
	if (r >= 0)
		r = new_manifest(c, &x, n, root, became, e);
	return r;
}

static int copy_index(struct copy *c, struct transport_document *doc, bool root, int depth,
	struct oci_replacement *became, struct err *e);

static int copy_entry(struct copy *c, const struct oci_descriptor *d, int depth,
	struct oci_replacement *became, struct err *e)
{
	struct transport_document doc cleanup_transport_document = {0};
	enum oci_kind kind;
	int r = load(c, d->digest, &doc, e);
	if (r >= 0)
		r = oci_manifest_kind(doc.bytes.data, doc.bytes.len, &kind, e);
	if (r < 0)
		return r;
	return kind == OCI_KIND_INDEX ? copy_index(c, &doc, false, depth + 1, became, e)
				      : copy_image(c, &doc, d, false, became, e);
}

static int copy_index(struct copy *c, struct transport_document *doc, bool root, int depth,
	struct oci_replacement *became, struct err *e)
{
	struct oci_index x cleanup_oci_index = {0};
	struct transport_document now cleanup_transport_document = {0};
	struct buf out cleanup_buf = BUF_INIT;
	const char *type;
	if (depth == MAX_NESTING)
		return err_set(e, ERR_LIMIT, "indexes nested deeper than %d", MAX_NESTING);
	int r = oci_index_parse(doc->bytes.data, doc->bytes.len, &x, e);
	struct oci_replacement *v cleanup_free = mem_array(x.nmanifests + 1, sizeof(*v));
	for (size_t i = 0; i < x.nmanifests && r >= 0; i++)
		r = copy_entry(c, &x.manifests[i], depth, &v[i], e);
	if (r >= 0)
		r = oci_index_rewrite(doc->bytes.data, doc->bytes.len, format_for(c), v,
			x.nmanifests, &out, &type, e);
	if (r >= 0)
		r = transport_document_make(&now, out.data, out.len, type, e);
	if (r >= 0)
		r = changed(c, doc, &now, e);
	if (r >= 0)
		r = put_manifest(c, &now, root, e);
	if (r < 0)
		return r;
	became->changed = !str_eq(now.digest, doc->digest);
	memcpy(became->digest, now.digest, sizeof(became->digest));
	became->size = now.bytes.len;
	return 0;
}

/* Down to the image of the platform that is asked for. */
static int choose(struct copy *c, struct transport_document *doc, struct err *e)
{
	for (int depth = 0; depth < MAX_NESTING; depth++) {
		struct oci_index x cleanup_oci_index = {0};
		const struct oci_descriptor *d;
		enum oci_kind kind;
		int r = oci_manifest_kind(doc->bytes.data, doc->bytes.len, &kind, e);
		if (r < 0 || kind == OCI_KIND_MANIFEST)
			return r;
		r = oci_index_parse(doc->bytes.data, doc->bytes.len, &x, e);
		if (r >= 0)
			r = oci_index_select_for(&x, c->o->platform, &d, e);
		if (r < 0)
			return r;
		transport_document_release(doc);
		*doc = (struct transport_document){0};
		r = load(c, d->digest, doc, e);
		if (r < 0)
			return r;
	}
	return err_set(e, ERR_LIMIT, "indexes nested deeper than %d", MAX_NESTING);
}

static int copy_root(struct copy *c, const char *digest, bool root, struct err *e)
{
	struct transport_document doc cleanup_transport_document = {0};
	struct oci_replacement became = {0};
	enum oci_kind kind;
	int r = load(c, digest, &doc, e);
	if (r >= 0)
		r = oci_manifest_kind(doc.bytes.data, doc.bytes.len, &kind, e);
	if (r < 0)
		return r;
	if (kind == OCI_KIND_INDEX)
		memcpy(c->index_digest, doc.digest, sizeof(c->index_digest));
	bool whole = c->o->all && kind == OCI_KIND_INDEX;
	if (whole && (c->to->needs & TRANSPORT_TO_SINGLE))
		return err_set(e, ERR_UNSUPPORTED, "'%s' holds one platform: --all cannot be",
			c->to->text);
	if (whole)
		r = copy_index(c, &doc, root, 0, &became, e);
	else
		r = choose(c, &doc, e);
	if (r >= 0 && !whole)
		r = copy_image(c, &doc, NULL, root, &became, e);
	if (r >= 0)
		memcpy(c->sum.digest, became.digest, sizeof(c->sum.digest));
	c->sum.size = became.size;
	return r;
}

int transport_copy_manifest(struct transport_from *from, struct transport_to *to,
	const char *digest, bool root, const struct transport_copy_options *o,
	struct transport_copied *ret, struct err *e)
{
	struct copy c = {.from = from, .to = to, .o = o};
	if (o->compress && (to->needs & TRANSPORT_TO_PLAIN) &&
		o->compression != OCI_COMPRESSION_NONE)
		return err_set(e, ERR_USAGE, "'%s' has plain layers: no --compression", to->text);
	if (o->format == OCI_FORMAT_DOCKER && (to->needs & TRANSPORT_TO_OCI))
		return err_set(e, ERR_USAGE, "'%s' is an OCI layout: no --format docker", to->text);
	int r = copy_root(&c, digest, root, e);
	if (r >= 0 && ret)
		*ret = c.sum;
	return r;
}

int transport_copy(struct transport_from *from, struct transport_to *to,
	const struct transport_copy_options *o, struct transport_copied *ret, struct err *e)
{
	int r = transport_copy_manifest(from, to, NULL, true, o, ret, e);
	return r < 0 ? r : transport_to_finish(to, e);
}
