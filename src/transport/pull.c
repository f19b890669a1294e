/* From a name to an image: documents, config, layers, name. Layers are fetch.c's. */
#include "transport/pull.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"
#include "registry/open.h"
#include "store/blob.h"
#include "store/image.h"
#include "store/lease.h"
#include "transport/accept.h"
#include "transport/companion_priv.h"
#include "transport/crowd_priv.h"
#include "transport/image_priv.h"
#include "transport/trust.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_NESTING 4 /* indexes of indexes: nobody goes deeper than two */

/* One name being pulled */
struct pull {
	struct store *store;
	const struct transport_pull_options *o;
	struct oci_reference ref;
	char name[OCI_REFERENCE_MAX]; /* normal form */
	char *repository;             /* "domain/path" */
	struct registry_repo *repo;
	char top[STORE_DIGEST_MAX]; /* of what the name is */
	struct strv indexes;        /* above what is looked at now */
	struct transport_pulled sum;
};

static void pull_release(struct pull *p)
{
	free(p->repository);
	registry_repo_free(p->repo);
	strv_release(&p->indexes);
}

/* A manifest or index on its way down */
struct document {
	char digest[STORE_DIGEST_MAX];
	struct buf bytes;
};

/* Everything that comes passes here, from the registry or from an earlier pull. */
static int accept(const struct pull *p, const struct document *d, struct err *e)
{
	struct transport_arrival a = {p->name, d->digest, d->bytes.data, d->bytes.len};
	return transport_accept(&a, e);
}

/* It came from a registry: kept, so that it is not asked for again, and goes back as it is. */
static int keep(
	struct pull *p, const struct registry_manifest *m, struct document *ret, struct err *e)
{
	snprintf(ret->digest, sizeof(ret->digest), "%s", m->digest);
	buf_add(&ret->bytes, m->bytes.data, m->bytes.len);
	int r = accept(p, ret, e);
	return r < 0 ? r
		     : store_blob_put(
			       p->store, ret->bytes.data, ret->bytes.len, ret->digest, NULL, e);
}

/* A document by its digest: the store's, or else the registry's. */
static int get_document(struct pull *p, const char *digest, struct document *ret, struct err *e)
{
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	buf_clear(&ret->bytes);
	int r = store_lease_keep(p->store, digest, e);
	if (r >= 0 && store_blob_has(p->store, digest, NULL) &&
		store_blob_read(p->store, digest, &ret->bytes, NULL) >= 0)
		return accept(p, ret, e);
	struct registry_manifest m cleanup_registry_manifest = {0};
	buf_clear(&ret->bytes);
	if (r >= 0)
		r = registry_manifest_get(p->repo, digest, NULL, &m, e);
	return r < 0 ? r : keep(p, &m, ret, e);
}

/* What the name is now: p->top, and its document. */
static int resolve(struct pull *p, struct document *ret, struct err *e)
{
	char id[STORE_DIGEST_MAX];
	struct registry_manifest m cleanup_registry_manifest = {0};
	if (p->ref.digest[0]) {
		memcpy(p->top, p->ref.digest, sizeof(p->top));
		return get_document(p, p->top, ret, e);
	}
	/* one HEAD when the answer may be that nothing has changed, else one GET */
	bool known = store_tag_get(p->store, p->name, id, NULL) >= 0;
	int r = known ? registry_manifest_head(p->repo, p->ref.tag, &m, e)
		      : registry_manifest_get(p->repo, p->ref.tag, NULL, &m, e);
	if (r < 0)
		return r;
	memcpy(p->top, m.digest, sizeof(p->top));
	return m.bytes.len ? keep(p, &m, ret, e) : get_document(p, p->top, ret, e);
}

static int get_config(
	struct pull *p, const struct oci_descriptor *d, struct buf *ret, struct err *e)
{
	if (d->size > LIMIT_CONFIG)
		return err_set(e, ERR_LIMIT,
			"the image's config has %" PRIu64 " bytes, at most %d are accepted",
			d->size, LIMIT_CONFIG);
	int r = store_lease_keep(p->store, d->digest, e);
	if (r >= 0 && store_blob_has(p->store, d->digest, NULL))
		return store_blob_read(p->store, d->digest, ret, e);
	return r < 0 ? r : registry_blob_read(p->repo, d->digest, d->size, ret, e);
}

/* An index said so, or a person; a single manifest is judged by its config. */
static int check_platform(
	const struct pull *p, const struct oci_image_config *c, bool from_index, struct err *e)
{
	const struct oci_platform is = {c->os, c->architecture, c->variant};
	if (from_index || p->o->all_platforms)
		return 0;
	if (p->o->platform)
		return transport_accept_platform(c, p->o->platform, e);
	if (oci_platform_match(&is, NULL))
		return 0;
	char *have cleanup_free = oci_platform_format(&is);
	transport_note(p->o->progress, "%s is an image for %s, this machine is linux/%s", p->name,
		have, oci_platform_arch());
	return 0;
}

/* The image is known by this manifest, and as one of the indexes that led to it. */
static bool knows_way(struct pull *p, const struct store_image *img, const char *manifest)
{
	struct strv indexes cleanup_strv = STRV_INIT;
	char *pinned cleanup_free = mem_printf("%s@%s", p->repository, manifest);
	if (!strv_has(&img->digests, pinned) ||
		store_image_indexes(p->store, img->id, &indexes, NULL) < 0)
		return false;
	for (size_t i = 0; i < p->indexes.n; i++)
		if (!strv_has(&indexes, p->indexes.v[i]))
			return false;
	return true;
}

/* The name is this image already, and the store knows from where. */
static bool is_known(struct pull *p, const char *id, const char *manifest, bool is_main)
{
	struct store_image img cleanup_store_image = {0};
	char now[STORE_DIGEST_MAX];
	char *pinned cleanup_free = mem_printf("%s@%s", p->repository, p->top);
	if (store_lease_keep(p->store, id, NULL) < 0 ||
		store_image_get(p->store, id, &img, NULL) < 0 || !knows_way(p, &img, manifest))
		return false;
	if (!is_main)
		return true;
	if (!p->ref.digest[0] &&
		(store_tag_get(p->store, p->name, now, NULL) < 0 || !str_eq(now, id)))
		return false;
	return strv_has(&img.digests, pinned);
}

/* The name and what led to it. The manifest last: it is the one that a push gives back. */
static int name_image(struct pull *p, const struct document *manifest, const struct buf *config,
	bool is_main, struct err *e)
{
	struct strv tags cleanup_strv = STRV_INIT;
	char id[STORE_DIGEST_MAX];
	struct transport_image put = {
		.config = buf_str(config),
		.len = config->len,
		.tags = &tags,
	};
	if (is_main && !p->ref.digest[0])
		strv_add(&tags, p->name);
	int r = transport_image_put(p->store, &put, id, e);
	for (size_t i = 0; i < p->indexes.n && r >= 0; i++) {
		r = store_image_add_index(p->store, id, p->indexes.v[i], e);
		if (r >= 0 && is_main)
			r = store_image_add_digest(p->store, id, p->repository, p->indexes.v[i], e);
	}
	return r < 0 ? r : store_image_add_digest(p->store, id, p->repository, manifest->digest, e);
}

static int get_layers(struct pull *p, const struct oci_manifest *m,
	const struct oci_image_config *c, struct err *e)
{
	struct transport_fetch f = {
		.store = p->store,
		.repo = p->repo,
		.jobs = p->o->jobs,
		.limits = p->o->limits,
		.max_blob = p->o->max_blob,
		.stop = p->o->stop,
		.progress = p->o->progress,
	};
	struct transport_fetched got = {0};
	int r = transport_fetch_layers(&f, m, c, &got, e);
	p->sum.sum.received += got.received;
	p->sum.sum.reused += got.reused;
	p->sum.sum.fetched += got.fetched;
	return r;
}

static void tell_resolved(const struct transport_pull_options *o, const char *id)
{
	if (o->resolved)
		o->resolved(o->resolved_ctx, id);
}

/* Layers that were here already: the repository has the manifest, and so its blobs, from which a
 * push may mount them. */
static int layers_seen(struct pull *p, const struct oci_manifest *m, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < m->nlayers && r >= 0; i++)
		if (!m->layers[i].urls.n)
			r = transport_fetch_seen(p->store, p->repo, m->layers[i].digest, e);
	return r;
}

/* What an index has beside its images goes with it. */
static int keep_companion(
	struct pull *p, const struct document *d, const struct oci_manifest *m, struct err *e)
{
	const struct transport_companion c = {
		.store = p->store,
		.repo = p->repo,
		.index = p->indexes.v[p->indexes.n - 1],
		.digest = d->digest,
		.m = m,
		.max_blob = p->o->max_blob,
	};
	int r = transport_companion_fetch(&c, &p->sum.sum.received, e);
	return r < 0 ? err_wrap(e, r, "attestation %s", d->digest) : 0;
}

/* The gate: what d says is looked at only when the policy accepts it. */
static int let_in(
	const struct pull *p, const struct document *d, struct oci_manifest *m, struct err *e)
{
	const struct transport_trust_image trusted = {
		.client = p->o->client,
		.repo = p->repo,
		.ref = &p->ref,
		.digest = d->digest,
		.index_digest = p->indexes.n ? p->indexes.v[0] : NULL,
	};
	int r = transport_trust_check(p->o->trust, &trusted, e);
	if (r < 0)
		return r;
	r = oci_manifest_parse(buf_str(&d->bytes), d->bytes.len, m, e);
	return r < 0 ? err_wrap(e, r, "manifest %s", d->digest) : 0;
}

/* is_main: the one that the name stands for. companion: it says something about an image. */
static int pull_image(struct pull *p, const struct document *d, bool from_index, bool is_main,
	bool companion, struct err *e)
{
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct buf config cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = let_in(p, d, &m, e);
	if (r < 0)
		return r;
	bool image = oci_media_type_kind(m.config.media_type) == OCI_KIND_CONFIG;
	if (companion || (!image && from_index && p->o->all_platforms && !is_main))
		return keep_companion(p, d, &m, e);
	if (!image)
		return err_set(e, ERR_UNSUPPORTED, "it is no image but '%.100s'",
			m.artifact_type ?: m.config.media_type);
	r = get_config(p, &m.config, &config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&config), config.len, &c, e);
	if (r < 0)
		return err_wrap(e, r, "config %s", m.config.digest);
	r = check_platform(p, &c, from_index, e);
	if (r >= 0)
		r = store_blob_put(p->store, config.data, config.len, m.config.digest, NULL, e);
	if (r >= 0 && is_main)
		tell_resolved(p->o, m.config.digest);
	size_t before = p->sum.sum.fetched;
	if (r >= 0)
		r = get_layers(p, &m, &c, e);
	if (r < 0)
		return r;
	size_t came = p->sum.sum.fetched - before;
	bool known = !came && is_known(p, m.config.digest, d->digest, is_main);
	if (!known)
		r = name_image(p, d, &config, is_main, e);
	if (r >= 0 && !known && came < m.nlayers)
		r = layers_seen(p, &m, e);
	if (r < 0)
		return r;
	p->sum.images++;
	if (is_main) {
		memcpy(p->sum.id, m.config.digest, sizeof(p->sum.id));
		p->sum.changed = !known;
	}
	return 0;
}

static int pull_document(struct pull *p, const struct document *d, int depth, bool is_main,
	bool companion, struct err *e);

static int pull_entry(
	struct pull *p, const struct oci_descriptor *d, int depth, bool is_main, struct err *e)
{
	struct document below = {.bytes = BUF_INIT_MAX(LIMIT_MANIFEST)};
	int r = get_document(p, d->digest, &below, e);
	if (r >= 0)
		r = pull_document(p, &below, depth + 1, is_main, oci_index_is_attestation(d), e);
	buf_release(&below.bytes);
	return r;
}

/* Manifests and indexes are all that a pull knows. */
static bool is_known_kind(const struct oci_descriptor *d)
{
	enum oci_kind kind = oci_media_type_kind(d->media_type);
	return kind == OCI_KIND_MANIFEST || kind == OCI_KIND_INDEX;
}

/* All of an index; the image for this machine, or else the first, gets the name, and comes last. */
static int pull_platforms(
	struct pull *p, const struct oci_index *x, int depth, bool is_main, struct err *e)
{
	const struct oci_descriptor *main_one = NULL;
	(void)oci_index_select_for(x, p->o->platform, &main_one, NULL);
	for (size_t i = 0; i < x->nmanifests && !main_one; i++)
		if (is_known_kind(&x->manifests[i]) && !oci_index_is_attestation(&x->manifests[i]))
			main_one = &x->manifests[i];
	if (!main_one)
		return err_set(e, ERR_NOT_FOUND, "the index names no image");
	int r = 0;
	for (size_t i = 0; i < x->nmanifests && r >= 0; i++) {
		const struct oci_descriptor *d = &x->manifests[i];
		if (!is_known_kind(d))
			transport_note(p->o->progress,
				"%s: '%.100s' in its index is neither image nor attestation: left",
				p->name, d->media_type);
		else if (d != main_one)
			r = pull_entry(p, d, depth, false, e);
	}
	return r < 0 ? r : pull_entry(p, main_one, depth, is_main, e);
}

static int pull_index(
	struct pull *p, const struct document *d, int depth, bool is_main, struct err *e)
{
	struct oci_index x cleanup_oci_index = {0};
	const struct oci_descriptor *one;
	int r = oci_index_parse(buf_str(&d->bytes), d->bytes.len, &x, e);
	if (r < 0)
		return err_wrap(e, r, "index %s", d->digest);
	strv_add(&p->indexes, d->digest);
	if (p->o->all_platforms) {
		r = pull_platforms(p, &x, depth, is_main, e);
	} else {
		r = oci_index_select_for(&x, p->o->platform, &one, e);
		if (r >= 0)
			r = pull_entry(p, one, depth, is_main, e);
	}
	strv_remove(&p->indexes, p->indexes.n - 1);
	return r;
}

static int pull_document(struct pull *p, const struct document *d, int depth, bool is_main,
	bool companion, struct err *e)
{
	enum oci_kind kind = OCI_KIND_OTHER;
	if (depth == MAX_NESTING)
		return err_set(e, ERR_LIMIT, "indexes nested deeper than %d", MAX_NESTING);
	int r = oci_manifest_kind(buf_str(&d->bytes), d->bytes.len, &kind, e);
	if (r < 0)
		return err_wrap(e, r, "manifest %s", d->digest);
	return kind == OCI_KIND_INDEX ? pull_index(p, d, depth, is_main, e)
				      : pull_image(p, d, depth > 0, is_main, companion, e);
}

static int open_repo(const struct transport_pull_options *o, const struct oci_reference *ref,
	struct registry_repo **ret, struct err *e)
{
	struct registry_open_options open =
		o->remote ? *o->remote : (struct registry_open_options){0};
	open.use = REGISTRY_FETCH;
	return registry_open(o->client, o->config, ref, &open, ret, e);
}

/* The names that text may mean: by the configuration's explicit list. */
static int get_names(
	const struct transport_pull_options *o, const char *text, struct strv *ret, struct err *e)
{
	struct registry_config *none cleanup_registry_config = NULL;
	if (!o->config)
		none = registry_config_new();
	return registry_config_names(o->config ?: none, text, ret, e);
}

/* name: in normal form, with a domain. */
static int pull_name(struct store *s, const char *name, const struct transport_pull_options *o,
	struct transport_pulled *ret, struct err *e)
{
	struct pull p cleanup(pull_release) = {.store = s, .o = o};
	struct document top = {.bytes = BUF_INIT_MAX(LIMIT_MANIFEST)};
	int r = oci_reference_parse(name, &p.ref, e);
	if (r < 0)
		return r;
	if (p.ref.digest[0])
		p.ref.tag[0] = 0; /* the digest says it all, as for docker */
	oci_reference_format(&p.ref, p.name);
	p.repository = mem_printf("%s/%s", p.ref.domain, p.ref.path);
	r = open_repo(o, &p.ref, &p.repo, e);
	if (r >= 0)
		r = resolve(&p, &top, e);
	if (r >= 0)
		r = pull_document(&p, &top, 0, true, false, e);
	buf_release(&top.bytes);
	if (r < 0)
		return r;
	memcpy(p.sum.name, p.name, sizeof(p.sum.name));
	memcpy(p.sum.digest, p.top, sizeof(p.sum.digest));
	*ret = p.sum;
	return 0;
}

/* "there is none", from a registry that does not tell strangers what it has */
static bool try_next(int r)
{
	return r == -ERR_NOT_FOUND || r == -EACCES;
}

/* The names that text may mean, in turn; what each said goes into the message. */
static int pull_names(struct store *s, const struct strv *names,
	const struct transport_pull_options *o, struct transport_pulled *ret, struct err *e)
{
	struct buf tried cleanup_buf = BUF_INIT;
	int r = -ERR_NOT_FOUND;
	for (size_t i = 0; i < names->n; i++) {
		struct err why = ERR_INIT;
		r = pull_name(s, names->v[i], o, ret, &why);
		if (r >= 0)
			return r;
		if (names->n == 1 || !try_next(r)) {
			if (e)
				*e = why;
			return err_wrap(e, r, "pull '%s'", names->v[i]);
		}
		buf_printf(&tried, "%s%s (%s)", tried.len ? ", " : "", names->v[i], why.msg);
	}
	return err_set(
		e, -r, "no registry of the list for short names has it: tried %s", buf_str(&tried));
}

/* What the store has under this name; 1: enough. */
static int have_local(struct store *s, const char *text, const struct transport_pull_options *o,
	struct transport_pulled *ret, struct err *e)
{
	struct store_image img cleanup_store_image = {0};
	if (store_image_find(s, text, &img, NULL) < 0)
		return 0;
	const struct oci_platform is = {img.os, img.arch, img.variant};
	if (o->platform && !oci_platform_match(&is, o->platform))
		return 0;
	const char *name = store_image_tag(&img, text) ?: text;
	*ret = (struct transport_pulled){.images = 1};
	memcpy(ret->id, img.id, sizeof(ret->id));
	(void)store_image_digest(s, img.id, name, ret->digest, NULL);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return 1;
}

static int ask(struct store *s, const char *text, const struct transport_pull_options *o,
	struct transport_pulled *ret, struct err *e)
{
	struct strv names cleanup_strv = STRV_INIT;
	int r = get_names(o, text, &names, e);
	return r < 0 ? r : pull_names(s, &names, o, ret, e);
}

/* Failures that say nothing about the image: with NEWER the one that is here will do. What was
 * refused (a digest, a policy) is not among them. */
static bool nobody_answers(int r)
{
	static const int codes[] = {
		ENOTCONN, ECONNRESET, ETIMEDOUT, EPROTO, EBADMSG, EBUSY, EACCES, ERR_NOT_FOUND};
	for (size_t i = 0; i < ARRAY_SIZE(codes); i++)
		if (r == -codes[i])
			return true;
	return false;
}

int transport_pull(struct store *s, const char *text, const struct transport_pull_options *o,
	struct transport_pulled *ret, struct err *e)
{
	struct transport_pulled got = {0}, local;
	bool have = o->when != TRANSPORT_PULL_ALWAYS && have_local(s, text, o, &local, e) > 0;
	struct store_lease *lease = NULL;
	struct err why = ERR_INIT;
	int r = 0;
	if (o->when == TRANSPORT_PULL_NEVER && !have)
		return err_set(
			e, ERR_NOT_FOUND, "no such image: %s (and none may be pulled)", text);
	if (have && o->when != TRANSPORT_PULL_NEWER) {
		got = local;
		tell_resolved(o, got.id);
	} else {
		r = store_lease_begin(s, "pull", &lease, e);
		if (r < 0)
			return r;
		r = ask(s, text, o, &got, &why);
		store_lease_end(lease);
		if (have && nobody_answers(r)) {
			transport_note(o->progress, "%s: the image that is here is used: %s", text,
				why.msg);
			got = local;
			r = 0;
			tell_resolved(o, got.id);
		}
	}
	if (r < 0 && e)
		*e = why;
	if (r >= 0 && ret)
		*ret = got;
	return r < 0 ? r : 0;
}

static int one_tag(void *arg, const char *name, struct err *e)
{
	strv_add(arg, name);
	return 0;
}

static int list_tags(const struct transport_pull_options *o, const char *name,
	struct oci_reference *ret_ref, struct strv *ret, struct err *e)
{
	struct registry_repo *repo cleanup_registry_repo = NULL;
	struct registry_list list = {.each = one_tag, .arg = ret};
	int r = oci_reference_parse(name, ret_ref, e);
	if (r >= 0)
		r = open_repo(o, ret_ref, &repo, e);
	return r < 0 ? r : registry_tags(repo, &list, e);
}

int transport_pull_tags(struct store *s, const char *text, const struct transport_pull_options *o,
	int (*each)(void *ctx, const struct transport_pulled *p), void *ctx, struct err *e)
{
	struct strv names cleanup_strv = STRV_INIT, tags cleanup_strv = STRV_INIT;
	struct oci_reference ref;
	int r = oci_reference_parse(text, &ref, e);
	if (r >= 0 && (ref.tag[0] || ref.digest[0]))
		r = err_set(
			e, EINVAL, "'%s': all tags of a repository are asked for, not one", text);
	if (r >= 0)
		r = get_names(o, text, &names, e);
	if (r < 0)
		return r;
	r = -ERR_NOT_FOUND;
	for (size_t i = 0; i < names.n && try_next(r); i++) {
		bool last = i + 1 == names.n;
		r = list_tags(o, names.v[i], &ref, &tags, last ? e : NULL);
	}
	if (r < 0)
		return err_wrap(e, r, "pull '%s'", text);
	for (size_t i = 0; i < tags.n && r >= 0; i++) {
		char name[OCI_REFERENCE_MAX];
		struct transport_pulled got;
		if (strlen(tags.v[i]) > OCI_TAG_MAX)
			return err_set(
				e, ERR_FORMAT, "'%s': a tag of %zu bytes", text, strlen(tags.v[i]));
		memcpy(ref.tag, tags.v[i], strlen(tags.v[i]) + 1);
		ref.digest[0] = 0;
		r = transport_pull(s, oci_reference_format(&ref, name), o, &got, e);
		if (r >= 0)
			r = each(ctx, &got);
	}
	return r;
}
