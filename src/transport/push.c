/* From an image to a manifest that the registry has: layers are send.c's. */
#include "transport/push.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/manifest.h"
#include "registry/client/upload.h"
#include "registry/open.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/lease.h"
#include "transport/companion_priv.h"
#include "transport/crowd_priv.h"
#include "transport/send_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One image on its way */
struct push {
	struct store *store;
	const struct transport_push_options *o;
	const struct oci_reference *to;
	struct registry_repo *repo;
	struct transport_pushed sum;
};

/* A document for the registry */
struct document {
	char digest[STORE_DIGEST_MAX];
	char *media_type;
	struct buf bytes;
};

static void document_release(struct document *d)
{
	free(d->media_type);
	buf_release(&d->bytes);
}
#define cleanup_document cleanup(document_release)

int transport_manifest_format_parse(const char *name, enum transport_manifest_format *ret)
{
	if (str_eq(name, "oci"))
		*ret = TRANSPORT_MANIFEST_OCI;
	else if (str_eq(name, "v2s2") || str_eq(name, "docker"))
		*ret = TRANSPORT_MANIFEST_DOCKER;
	else
		return -EINVAL;
	return 0;
}

static void name_document(struct document *d, const char *media_type)
{
	char hex[SHA256_HEX];
	sha256_hex(d->bytes.data, d->bytes.len, hex);
	oci_digest_from_hex(hex, d->digest);
	d->media_type = mem_strdup(media_type);
}

static bool is_docker(const char *media_type)
{
	return str_eq(media_type, OCI_TYPE_DOCKER_MANIFEST);
}

/* The manifest that the image came with, as long as its form is not to be another one. 1: m.
 * entry: the one that an index names; NULL: what it was under the name that is pushed. */
static int read_original(struct push *p, const char *id, const char *entry, struct document *d,
	struct oci_manifest *m)
{
	char digest[STORE_DIGEST_MAX];
	enum transport_manifest_format format = p->o->format;
	d->bytes.max = LIMIT_MANIFEST;
	if (entry)
		snprintf(digest, sizeof(digest), "%s", entry);
	if ((!entry && store_image_manifest(p->store, id, p->o->name, digest, NULL) < 0) ||
		store_lease_keep(p->store, digest, NULL) < 0 ||
		store_blob_read(p->store, digest, &d->bytes, NULL) < 0 ||
		oci_manifest_parse(buf_str(&d->bytes), d->bytes.len, m, NULL) < 0 ||
		!str_eq(m->config.digest, id))
		return 0;
	if (format != TRANSPORT_MANIFEST_AS_IT_CAME &&
		is_docker(m->media_type) != (format == TRANSPORT_MANIFEST_DOCKER))
		return 0;
	memcpy(d->digest, digest, sizeof(d->digest));
	d->media_type = mem_strdup(m->media_type);
	return 1;
}

static const char *layer_type(const struct push *p, enum oci_compression c)
{
	if (p->o->format != TRANSPORT_MANIFEST_DOCKER)
		return oci_media_type_layer(c);
	return c == OCI_COMPRESSION_NONE ? OCI_TYPE_DOCKER_LAYER : OCI_TYPE_DOCKER_LAYER_GZIP;
}

/* came: the manifest that the image came with; what it notes about the image goes along. */
static void new_manifest(const struct push *p, const char *id, uint64_t config_size,
	const struct oci_manifest *came, const struct transport_sent *layers, size_t n,
	struct document *ret)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	bool docker = p->o->format == TRANSPORT_MANIFEST_DOCKER;
	m.media_type = mem_strdup(docker ? OCI_TYPE_DOCKER_MANIFEST : OCI_TYPE_MANIFEST);
	m.config.media_type = mem_strdup(docker ? OCI_TYPE_DOCKER_CONFIG : OCI_TYPE_CONFIG);
	snprintf(m.config.digest, sizeof(m.config.digest), "%s", id);
	m.config.size = config_size;
	if (came && !docker)
		strv_copy(&m.annotations, &came->annotations);
	for (size_t i = 0; i < n; i++) {
		struct oci_descriptor d = {
			.media_type = mem_strdup(layer_type(p, layers[i].compression)),
			.size = layers[i].size,
		};
		memcpy(d.digest, layers[i].digest, sizeof(d.digest));
		/* what is noted about bytes holds for the same bytes only */
		if (came && !docker && str_eq(came->layers[i].digest, d.digest))
			strv_copy(&d.annotations, &came->layers[i].annotations);
		oci_manifest_add_layer(&m, &d);
		oci_descriptor_release(&d);
	}
	buf_clear(&ret->bytes);
	ret->bytes.max = 0;
	oci_manifest_format(&m, &ret->bytes);
	free(STEAL(ret->media_type));
	name_document(ret, m.media_type);
}

static bool same_layers(const struct oci_manifest *m, const struct transport_sent *layers, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!str_eq(m->layers[i].digest, layers[i].digest))
			return false;
	return m->nlayers == n;
}

static int send_config(struct push *p, const char *id, const struct buf *config, struct err *e)
{
	int r = registry_blob_has(p->repo, id, NULL, e);
	p->sum.blobs_there += r > 0;
	if (r == 0) {
		r = registry_blob_put_bytes(p->repo, id, config->data, config->len, e);
		p->sum.blobs_sent += r >= 0;
		p->sum.sent += r >= 0 ? config->len : 0;
	}
	return r < 0 ? err_wrap(e, r, "config %s", id) : 0;
}

/* Layers and config; ret is the manifest that names them. entry: as for read_original. */
static int send_image(
	struct push *p, const char *id, const char *entry, struct document *ret, struct err *e)
{
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	struct oci_manifest came cleanup_oci_manifest = {0};
	int r = store_blob_read(p->store, id, &config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&config), config.len, &c, e);
	if (r < 0)
		return err_wrap(e, r, "image '%s'", id);
	bool original = read_original(p, id, entry, ret, &came) && came.nlayers == c.diff_ids.n;
	struct transport_sent *layers cleanup_free = mem_array(c.diff_ids.n + 1, sizeof(*layers));
	struct transport_send x = {
		.store = p->store,
		.repo = p->repo,
		.o = p->o,
		.came = original ? &came : NULL,
	};
	r = transport_send_layers(&x, &c, layers, &p->sum, e);
	if (r >= 0)
		r = send_config(p, id, &config, e);
	if (r < 0)
		return r;
	bool same = original && same_layers(&came, layers, c.diff_ids.n);
	if (!same && p->o->preserve_digest)
		return err_set(e, ERR_UNSUPPORTED, "--preserve-digests: %s",
			original ? "the compressed bytes with which its layers came are no longer "
				   "kept"
				 : "the image has no manifest of that form yet");
	if (!same)
		new_manifest(p, id, config.len, original ? &came : NULL, layers, c.diff_ids.n, ret);
	return 0;
}

/* The manifest under `ref`; the store remembers where it is. */
static int put_document(struct push *p, const char *ref, const struct document *d, struct err *e)
{
	int r = registry_manifest_put(
		p->repo, ref, d->media_type, d->bytes.data, d->bytes.len, NULL, e);
	if (r < 0)
		return err_wrap(e, r, "manifest %s", d->digest);
	memcpy(p->sum.digest, d->digest, sizeof(p->sum.digest));
	p->sum.size = d->bytes.len;
	return 0;
}

/* Its bytes are kept, too, unless the image came with another manifest: that one stays what a plain
 * push gives. */
static int remember(struct push *p, const char *id, const struct document *d, struct err *e)
{
	char *repository cleanup_free = mem_printf("%s/%s", p->to->domain, p->to->path);
	char known[STORE_DIGEST_MAX];
	int r = 0;
	if (store_image_manifest(p->store, id, NULL, known, NULL) < 0)
		r = store_blob_put(p->store, d->bytes.data, d->bytes.len, d->digest, NULL, e);
	return r < 0 ? r : store_image_add_digest(p->store, id, repository, d->digest, e);
}

/* Under the destination's name; a digest there must be the one that it gets. */
static int put_named(struct push *p, const struct document *d, struct err *e)
{
	const struct oci_reference *to = p->to;
	if (to->digest[0] && !str_eq(to->digest, d->digest))
		return err_set(e, ERR_DIGEST, "the manifest is %s, the destination says %s",
			d->digest, to->digest);
	return put_document(p, to->tag[0] ? to->tag : d->digest, d, e);
}

static int push_image(struct push *p, const char *id, struct err *e)
{
	struct document d cleanup_document = {.bytes = BUF_INIT};
	int r = send_image(p, id, NULL, &d, e);
	if (r >= 0)
		r = put_named(p, &d, e);
	return r < 0 ? r : remember(p, id, &d, e);
}

/* ---- all platforms ---- */

/* The image of one entry of an index. -ERR_NOT_FOUND: the store has it not. */
static int find_entry(struct push *p, const struct oci_descriptor *d, char ret_id[STORE_DIGEST_MAX])
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct store_image img cleanup_store_image = {0};
	if (store_blob_read(p->store, d->digest, &b, NULL) < 0 ||
		oci_manifest_parse(buf_str(&b), b.len, &m, NULL) < 0 ||
		store_image_get(p->store, m.config.digest, &img, NULL) < 0)
		return -ERR_NOT_FOUND;
	memcpy(ret_id, img.id, sizeof(img.id));
	return 0;
}

static int not_all_here(const struct oci_descriptor *d, struct err *e)
{
	char *platform cleanup_free = oci_platform_format(&d->platform);
	int r = err_set(
		e, ERR_NOT_FOUND, "the image for %s of the index is not in the store", platform);
	err_hint(e, "`kist pull --all` brings every platform; without --all the one image goes");
	return r;
}

/* Sends one entry and puts its manifest by digest; `to` is what the new index says of it. */
static int push_entry(struct push *p, const struct oci_descriptor *d, struct oci_index *to,
	bool *changed, struct err *e)
{
	char id[STORE_DIGEST_MAX];
	struct document one cleanup_document = {.bytes = BUF_INIT};
	struct oci_descriptor now cleanup_oci_descriptor = {0};
	if (find_entry(p, d, id) < 0)
		return not_all_here(d, e);
	int r = send_image(p, id, d->digest, &one, e);
	if (r >= 0)
		r = put_document(p, one.digest, &one, e);
	if (r >= 0)
		r = remember(p, id, &one, e);
	if (r < 0)
		return r;
	oci_descriptor_copy(&now, d);
	if (!str_eq(now.digest, one.digest)) {
		*changed = true;
		free(now.media_type);
		now.media_type = mem_strdup(one.media_type);
		memcpy(now.digest, one.digest, sizeof(now.digest));
		now.size = one.bytes.len;
	}
	oci_index_add(to, &now);
	return 0;
}

enum {
	COMPANION_NOT,
	COMPANION_ABSENT, /* it is not, or not wholly, in the store */
	COMPANION_SENT,
};

/* An entry that is no image goes as it came. */
static int push_companion(struct push *p, const struct oci_descriptor *d, struct err *e)
{
	struct document doc cleanup_document = {.bytes = BUF_INIT_MAX(LIMIT_MANIFEST)};
	struct oci_manifest m cleanup_oci_manifest = {0};
	bool said = oci_index_is_attestation(d);
	if (oci_media_type_kind(d->media_type) != OCI_KIND_MANIFEST ||
		store_blob_read(p->store, d->digest, &doc.bytes, NULL) < 0 ||
		oci_manifest_parse(buf_str(&doc.bytes), doc.bytes.len, &m, NULL) < 0)
		return said ? COMPANION_ABSENT : COMPANION_NOT;
	if (!said && oci_media_type_kind(m.config.media_type) == OCI_KIND_CONFIG)
		return COMPANION_NOT;
	const struct transport_companion c = {
		.store = p->store, .repo = p->repo, .digest = d->digest, .m = &m};
	int r = transport_companion_send(&c, &p->sum.sent, e);
	if (r <= 0)
		return r < 0 ? err_wrap(e, r, "attestation %s", d->digest) : COMPANION_ABSENT;
	name_document(&doc, m.media_type ? m.media_type : d->media_type);
	r = put_document(p, doc.digest, &doc, e);
	return r < 0 ? r : COMPANION_SENT;
}

static int push_entries(
	struct push *p, const struct oci_index *x, struct document *doc, struct err *e)
{
	struct oci_index to cleanup_oci_index = {.media_type = mem_strdup(x->media_type),
		.artifact_type = mem_strdup(x->artifact_type)};
	strv_copy(&to.annotations, &x->annotations);
	bool changed = false;
	size_t left_out = 0;
	int r = 0;
	for (size_t i = 0; i < x->nmanifests && r >= 0; i++) {
		const struct oci_descriptor *d = &x->manifests[i];
		int companion = push_companion(p, d, e);
		if (companion < 0)
			r = companion;
		else if (companion == COMPANION_SENT)
			oci_index_add(&to, d);
		else if (companion == COMPANION_ABSENT ||
			 oci_media_type_kind(d->media_type) != OCI_KIND_MANIFEST)
			left_out++;
		else
			r = push_entry(p, d, &to, &changed, e);
	}
	if (r < 0 || (!changed && !left_out))
		return r;
	transport_note(p->o->progress,
		left_out
			? "the index gets another digest: %zu of its entries are no images and not "
			  "here (`kist pull --all` brings them)"
			: "the index gets another digest: its images do",
		left_out);
	buf_clear(&doc->bytes);
	doc->bytes.max = 0;
	oci_index_format(&to, &doc->bytes);
	free(STEAL(doc->media_type));
	name_document(doc, to.media_type);
	return 0;
}

static int push_index(struct push *p, const char *id, struct err *e)
{
	struct strv indexes cleanup_strv = STRV_INIT;
	struct document d cleanup_document = {.bytes = BUF_INIT_MAX(LIMIT_MANIFEST)};
	struct oci_index x cleanup_oci_index = {0};
	int r = store_image_indexes(p->store, id, &indexes, e);
	if (r >= 0 && !indexes.n) {
		r = err_set(e, ERR_NOT_FOUND, "it came without an index of several platforms");
		err_hint(e, "without --all the one image goes");
	}
	if (r >= 0)
		r = store_blob_read(p->store, indexes.v[0], &d.bytes, e);
	if (r >= 0)
		r = oci_index_parse(buf_str(&d.bytes), d.bytes.len, &x, e);
	if (r < 0)
		return r;
	name_document(&d, x.media_type);
	r = push_entries(p, &x, &d, e);
	if (r >= 0)
		r = put_named(p, &d, e);
	if (r >= 0)
		r = store_blob_put(p->store, d.bytes.data, d.bytes.len, d.digest, NULL, e);
	if (r >= 0)
		r = store_image_add_index(p->store, id, d.digest, e);
	return r < 0 ? r : remember(p, id, &d, e);
}

static int open_repo(struct push *p, struct err *e)
{
	struct registry_open_options open =
		p->o->remote ? *p->o->remote : (struct registry_open_options){0};
	open.use = REGISTRY_PUSH;
	return registry_open(p->o->client, p->o->config, p->to, &open, &p->repo, e);
}

int transport_push(struct store *s, const char *id, const struct oci_reference *destination,
	const struct transport_push_options *o, struct transport_pushed *ret, struct err *e)
{
	struct push p = {.store = s, .o = o, .to = destination};
	struct store_lease *lease cleanup_store_lease = NULL;
	if (o->format == TRANSPORT_MANIFEST_DOCKER && !o->any_compression &&
		o->compression == OCI_COMPRESSION_ZSTD)
		return err_set(
			e, EINVAL, "docker's schema 2 has no zstd layers: use the OCI format");
	oci_reference_format(destination, p.sum.name);
	int r = store_lease_begin(s, "push", &lease, e);
	if (r >= 0)
		r = store_lease_add(lease, id, e);
	if (r >= 0)
		r = open_repo(&p, e);
	if (r >= 0)
		r = o->all_platforms ? push_index(&p, id, e) : push_image(&p, id, e);
	registry_repo_free(p.repo);
	if (r < 0)
		return err_wrap(e, r, "push '%s'", p.sum.name);
	*ret = p.sum;
	return 0;
}
