/* Manifests and indexes, of OCI and of Docker's schema 2. */
#include "oci/manifest.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"

#include <stdlib.h>

#define MAX_MANIFESTS 10000 /* of an index; the limit on its bytes allows no more either */

void oci_manifest_release(struct oci_manifest *m)
{
	free(m->media_type);
	free(m->artifact_type);
	oci_descriptor_release(&m->config);
	for (size_t i = 0; i < m->nlayers; i++)
		oci_descriptor_release(&m->layers[i]);
	free(m->layers);
	oci_descriptor_release(&m->subject);
	strv_release(&m->annotations);
	*m = (struct oci_manifest){0};
}

void oci_index_release(struct oci_index *x)
{
	free(x->media_type);
	free(x->artifact_type);
	for (size_t i = 0; i < x->nmanifests; i++)
		oci_descriptor_release(&x->manifests[i]);
	free(x->manifests);
	strv_release(&x->annotations);
	*x = (struct oci_index){0};
}

/* The document as an object with schemaVersion 2. */
static int parse_document(
	const char *bytes, size_t len, const char *what, json_t **ret, struct err *e)
{
	cleanup_json json_t *doc = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_MANIFEST, what, &doc, e);
	if (r < 0)
		return r;
	if (!json_is_object(doc))
		return err_set(e, ERR_FORMAT, "%s: expected an object", what);
	int64_t version = 0;
	r = oci_json_i64(doc, what, "schemaVersion", &version, e);
	if (r < 0)
		return r;
	if (version == 1)
		return err_set(e, ERR_UNSUPPORTED,
			"%s: docker's schema 1, which registries gave up, is not supported", what);
	if (version != 2)
		return err_set(e, ERR_FORMAT, "%s: schemaVersion is not 2", what);
	*ret = STEAL(doc);
	return 0;
}

static enum oci_kind kind_of(json_t *doc, const char *type)
{
	enum oci_kind kind = oci_media_type_kind(type);
	if (kind == OCI_KIND_MANIFEST || kind == OCI_KIND_INDEX)
		return kind;
	if (!str_empty(type))
		return OCI_KIND_OTHER;
	/* the media type is optional in OCI's documents: the shape decides; a document with both
	 * shapes could be read in two ways and is none */
	bool manifests = json_object_get(doc, "manifests");
	bool config = json_object_get(doc, "config");
	if (manifests == config)
		return OCI_KIND_OTHER;
	return manifests ? OCI_KIND_INDEX : OCI_KIND_MANIFEST;
}

int oci_manifest_kind(const char *bytes, size_t len, enum oci_kind *ret, struct err *e)
{
	cleanup_json json_t *doc = NULL;
	int r = parse_document(bytes, len, "manifest", &doc, e);
	if (r < 0)
		return r;
	const char *type = NULL;
	r = oci_json_string(doc, "manifest", "mediaType", &type, e);
	if (r < 0)
		return r;
	enum oci_kind kind = kind_of(doc, type);
	if (kind == OCI_KIND_OTHER)
		return err_set(e, ERR_FORMAT, "manifest: neither an image manifest nor an index");
	*ret = kind;
	return 0;
}

static int parse_descriptors(json_t *doc, const char *what, const char *key, size_t max,
	struct oci_descriptor **ret, size_t *ret_n, struct err *e)
{
	json_t *a = NULL;
	int r = oci_json_array(doc, what, key, &a, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ERR_FORMAT, "%s: no %s", what, key);
	size_t n = json_array_size(a);
	if (n > max)
		return err_set(
			e, ERR_LIMIT, "%s: %zu %s, more than the limit of %zu", what, n, key, max);
	*ret = mem_array(n ? n : 1, sizeof(**ret));
	for (size_t i = 0; i < n; i++) {
		char where[64];
		snprintf(where, sizeof(where), "%s.%s[%zu]", what, key, i);
		r = oci_descriptor_parse(json_array_get(a, i), where, &(*ret)[i], e);
		if (r < 0)
			return r;
		*ret_n = i + 1;
	}
	return 0;
}

static int parse_types(json_t *doc, const char *what, char **type, char **artifact, struct err *e)
{
	const char *t = NULL, *a = NULL;
	int r = oci_json_string(doc, what, "mediaType", &t, e);
	if (r >= 0)
		r = oci_json_string(doc, what, "artifactType", &a, e);
	if (r < 0)
		return r;
	*type = mem_strdup(t);
	*artifact = mem_strdup(a);
	return 0;
}

static int parse_manifest(json_t *doc, struct oci_manifest *m, struct err *e)
{
	static const char what[] = "manifest";
	int r = parse_types(doc, what, &m->media_type, &m->artifact_type, e);
	if (r < 0)
		return r;
	if (kind_of(doc, m->media_type) != OCI_KIND_MANIFEST)
		return err_set(e, ERR_FORMAT, "manifest: not an image manifest");
	if (!m->media_type)
		m->media_type = mem_strdup(OCI_TYPE_MANIFEST);
	json_t *config = NULL, *subject = NULL;
	r = oci_json_object(doc, what, "config", &config, e);
	if (r == 0)
		return err_set(e, ERR_FORMAT, "manifest: no config");
	if (r >= 0)
		r = oci_descriptor_parse(config, "manifest.config", &m->config, e);
	if (r >= 0)
		r = parse_descriptors(
			doc, what, "layers", LIMIT_LAYERS, &m->layers, &m->nlayers, e);
	if (r >= 0)
		r = oci_json_object(doc, what, "subject", &subject, e);
	if (r > 0) {
		m->has_subject = true;
		r = oci_descriptor_parse(subject, "manifest.subject", &m->subject, e);
	}
	if (r >= 0)
		r = oci_json_map(doc, what, "annotations", &m->annotations, e);
	return r < 0 ? r : 0;
}

int oci_manifest_parse(const char *bytes, size_t len, struct oci_manifest *ret, struct err *e)
{
	*ret = (struct oci_manifest){0};
	cleanup_json json_t *doc = NULL;
	int r = parse_document(bytes, len, "manifest", &doc, e);
	if (r < 0)
		return r;
	r = parse_manifest(doc, ret, e);
	if (r < 0)
		oci_manifest_release(ret);
	return r;
}

static int parse_index(json_t *doc, struct oci_index *x, struct err *e)
{
	static const char what[] = "index";
	int r = parse_types(doc, what, &x->media_type, &x->artifact_type, e);
	if (r < 0)
		return r;
	if (kind_of(doc, x->media_type) != OCI_KIND_INDEX)
		return err_set(e, ERR_FORMAT, "index: not an image index");
	if (!x->media_type)
		x->media_type = mem_strdup(OCI_TYPE_INDEX);
	r = parse_descriptors(
		doc, what, "manifests", MAX_MANIFESTS, &x->manifests, &x->nmanifests, e);
	if (r >= 0)
		r = oci_json_map(doc, what, "annotations", &x->annotations, e);
	return r < 0 ? r : 0;
}

int oci_index_parse(const char *bytes, size_t len, struct oci_index *ret, struct err *e)
{
	*ret = (struct oci_index){0};
	cleanup_json json_t *doc = NULL;
	int r = parse_document(bytes, len, "index", &doc, e);
	if (r < 0)
		return r;
	r = parse_index(doc, ret, e);
	if (r < 0)
		oci_index_release(ret);
	return r;
}

static json_t *format_head(const char *type, const char *artifact)
{
	json_t *o = json_object();
	json_object_set_new(o, "schemaVersion", json_integer(2));
	json_object_set_new(o, "mediaType", oci_json_text(type));
	if (artifact)
		json_object_set_new(o, "artifactType", oci_json_text(artifact));
	return o;
}

static json_t *format_list(const struct oci_descriptor *d, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, oci_descriptor_format(&d[i]));
	return a;
}

void oci_manifest_format(const struct oci_manifest *m, struct buf *out)
{
	cleanup_json json_t *o = format_head(m->media_type ?: OCI_TYPE_MANIFEST, m->artifact_type);
	json_object_set_new(o, "config", oci_descriptor_format(&m->config));
	json_object_set_new(o, "layers", format_list(m->layers, m->nlayers));
	if (m->has_subject)
		json_object_set_new(o, "subject", oci_descriptor_format(&m->subject));
	if (m->annotations.n)
		json_object_set_new(o, "annotations", oci_json_from_map(&m->annotations));
	oci_json_format(o, out);
}

void oci_index_format(const struct oci_index *x, struct buf *out)
{
	cleanup_json json_t *o = format_head(x->media_type ?: OCI_TYPE_INDEX, x->artifact_type);
	json_object_set_new(o, "manifests", format_list(x->manifests, x->nmanifests));
	if (x->annotations.n)
		json_object_set_new(o, "annotations", oci_json_from_map(&x->annotations));
	oci_json_format(o, out);
}

void oci_manifest_add_layer(struct oci_manifest *m, const struct oci_descriptor *d)
{
	m->layers = mem_realloc(m->layers, m->nlayers + 1, sizeof(*m->layers));
	oci_descriptor_copy(&m->layers[m->nlayers++], d);
}

void oci_index_add(struct oci_index *x, const struct oci_descriptor *d)
{
	x->manifests = mem_realloc(x->manifests, x->nmanifests + 1, sizeof(*x->manifests));
	oci_descriptor_copy(&x->manifests[x->nmanifests++], d);
}

bool oci_index_is_attestation(const struct oci_descriptor *d)
{
	return d->has_platform && str_eq(d->platform.os, "unknown");
}

static int no_platform(const struct oci_index *x, const struct oci_platform *want, struct err *e)
{
	struct buf list cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < x->nmanifests && list.len < 500; i++) {
		const struct oci_descriptor *d = &x->manifests[i];
		if (oci_index_is_attestation(d) || !d->has_platform)
			continue;
		buf_printf(&list, "%s%s/%s%s%s", list.len ? ", " : "", d->platform.os ?: "?",
			d->platform.architecture ?: "?", d->platform.variant ? "/" : "",
			d->platform.variant ?: "");
	}
	char *asked cleanup_free =
		want ? oci_platform_format(want) : mem_printf("linux/%s", oci_platform_arch());
	return err_set(e, ERR_NOT_FOUND, "no image for %s in the index (it has %s)", asked,
		list.len ? buf_str(&list) : "none");
}

int oci_index_select_for(const struct oci_index *x, const struct oci_platform *want,
	const struct oci_descriptor **ret, struct err *e)
{
	const struct oci_descriptor *best = NULL;
	int quality = 0;
	for (size_t i = 0; i < x->nmanifests; i++) {
		const struct oci_descriptor *d = &x->manifests[i];
		enum oci_kind kind = oci_media_type_kind(d->media_type);
		if (oci_index_is_attestation(d) ||
			(kind != OCI_KIND_MANIFEST && kind != OCI_KIND_INDEX))
			continue;
		/* an entry that does not say for whom it is will do when there is no other */
		int q = d->has_platform ? 2 * oci_platform_match(&d->platform, want) : 1;
		if (q > quality) {
			best = d;
			quality = q;
		}
	}
	if (!best)
		return no_platform(x, want, e);
	*ret = best;
	return 0;
}

int oci_index_select(const struct oci_index *x, const struct oci_descriptor **ret, struct err *e)
{
	return oci_index_select_for(x, NULL, ret, e);
}
