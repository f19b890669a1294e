/* docker://: a repository of a registry, as source and as destination. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "registry/client/blob.h"
#include "registry/client/manifest.h"
#include "registry/client/upload.h"
#include "registry/open.h"
#include "registry/signature.h"
#include "transport/squeeze_priv.h"
#include "transport/trust.h"

#include <stdlib.h>
#include <string.h>

struct from_registry {
	struct transport_from base;
	const struct transport_world *w;
	struct registry_repo *repo;
	struct oci_reference ref;
};

static int no_client(struct err *e)
{
	return err_set(e, ERR_UNSUPPORTED, "no registry can be reached from here");
}

static const char *wanted(const struct oci_reference *ref)
{
	return *ref->digest ? ref->digest : ref->tag;
}

static int take_document(
	const struct registry_manifest *m, struct transport_document *ret, struct err *e)
{
	return transport_document_make(ret, m->bytes.data, m->bytes.len, m->media_type, e);
}

static int registry_manifest_of(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	struct from_registry *g = (struct from_registry *)f;
	struct registry_manifest m cleanup_registry_manifest = {0};
	int r = registry_manifest_get(g->repo, digest ? digest : wanted(&g->ref), NULL, &m, e);
	return r < 0 ? r : take_document(&m, ret, e);
}

static int registry_fetch_of(struct transport_from *from, const struct oci_descriptor *d,
	uint64_t offset, transport_write_fn write, void *ctx, struct err *e)
{
	const struct registry_blob_fetch f = {
		.digest = d->digest,
		.size = d->size,
		.offset = offset,
		.urls = d->urls.n ? &d->urls : NULL,
		.write = write,
		.arg = ctx,
	};
	return registry_blob_fetch(from->repo, &f, NULL, e);
}

struct fetch {
	struct transport_from *from;
	struct oci_descriptor d;
};

static int run_fetch(void *arg, transport_write_fn write, void *ctx, struct err *e)
{
	struct fetch *x = arg;
	return registry_fetch_of(x->from, &x->d, 0, write, ctx, e);
}

static void free_fetch(void *arg)
{
	struct fetch *x = arg;
	oci_descriptor_release(&x->d);
	free(x);
}

static int registry_blob_of(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	struct from_registry *g = (struct from_registry *)f;
	int spool = transport_spool_file(g->w, e);
	if (spool < 0)
		return spool;
	struct fetch *x = mem_alloc(sizeof(*x));
	x->from = f;
	oci_descriptor_copy(&x->d, d);
	const struct transport_fetcher t = {run_fetch, free_fetch, x};
	return transport_blob_spool(&t, spool, d->digest, d->size, ret, e);
}

static int registry_signatures_of(struct transport_from *f, enum trust_signature_kind kind,
	const char *digest, struct trust_signatures *ret, struct err *e)
{
	struct from_registry *g = (struct from_registry *)f;
	struct registry_signatures s = {
		g->w->client, g->repo, &g->ref, f->trust ? f->trust->lookaside : NULL};
	return registry_signatures_get(&s, kind, digest, ret, e);
}

static void from_free(struct transport_from *f)
{
	struct from_registry *g = (struct from_registry *)f;
	registry_repo_free(g->repo);
	free(g);
}

static int open_name(struct from_registry *g, const char *name, struct err *e)
{
	struct registry_open_options o =
		g->w->remote ? *g->w->remote : (struct registry_open_options){0};
	o.use = REGISTRY_FETCH;
	int r = oci_reference_parse(name, &g->ref, e);
	return r < 0 ? r : registry_open(g->w->client, g->w->config, &g->ref, &o, &g->repo, e);
}

/* A short name of several registries: the first that has it. */
static int choose(struct from_registry *g, const struct strv *names, struct err *e)
{
	struct buf tried cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < names->n; i++) {
		struct err why = ERR_INIT;
		struct registry_manifest m cleanup_registry_manifest = {0};
		registry_repo_free(STEAL(g->repo));
		int r = open_name(g, names->v[i], &why);
		if (r >= 0 && names->n == 1)
			return 0;
		if (r >= 0)
			r = registry_manifest_head(g->repo, wanted(&g->ref), &m, &why);
		if (r >= 0)
			return 0;
		if (names->n == 1 || r == -ERR_INTERRUPTED) {
			if (e)
				*e = why;
			return r;
		}
		buf_printf(&tried, "%s%s: %.300s", i ? "; " : "", names->v[i], why.msg);
	}
	return err_set(e, ERR_NOT_FOUND, "no registry of the list has it: %s", buf_str(&tried));
}

int transport_from_registry(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const struct transport_from_ops ops = {registry_manifest_of, registry_blob_of,
		registry_fetch_of, registry_signatures_of, from_free};
	struct strv names cleanup_strv = STRV_INIT;
	if (!w->client)
		return no_client(e);
	int r = registry_config_names(w->config, p->path, &names, e);
	if (r < 0)
		return r;
	struct from_registry *g = mem_alloc(sizeof(*g));
	g->base = (struct transport_from){.ops = &ops, .parallel = true};
	g->w = w;
	r = choose(g, &names, e);
	if (r < 0) {
		from_free(&g->base);
		return r;
	}
	char text[OCI_REFERENCE_MAX];
	g->base.reference = mem_strdup(oci_reference_format(&g->ref, text));
	g->base.repo = g->repo;
	*ret = &g->base;
	return 0;
}

struct to_registry {
	struct transport_to base;
	struct registry_repo *repo;
	struct oci_reference ref;
	struct transport_document root; /* put under the name at the end */
	bool has_root;
};

static int to_has(struct transport_to *t, const struct transport_put *put, struct err *e)
{
	struct to_registry *g = (struct to_registry *)t;
	int r = registry_blob_has(g->repo, put->d->digest, NULL, e);
	if (r)
		return r < 0 ? r : TRANSPORT_HAS;
	/* a registry that cannot, or will not, gets the bytes */
	return put->origin && registry_blob_mount_shared(
				      g->repo, put->d->digest, put->origin, NULL) > 0
		       ? TRANSPORT_HAS_MOUNTED
		       : TRANSPORT_HAS_NOT;
}

static ssize_t read_blob(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	return transport_blob_read(arg, offset, p, len, e);
}

static int to_put(struct transport_to *t, const struct transport_put *put, struct transport_blob *b,
	struct err *e)
{
	struct to_registry *g = (struct to_registry *)t;
	const struct registry_source src = {.read = read_blob, .arg = b};
	int r = registry_blob_put(g->repo, put->d->digest, put->d->size, &src, NULL, e);
	return r < 0 ? r : 0;
}

static int to_make(
	struct transport_to *t, const struct transport_put *put, struct squeeze *q, struct err *e)
{
	return squeeze_upload(q, ((struct to_registry *)t)->repo, e);
}

static int to_manifest(
	struct transport_to *t, const struct transport_document *doc, bool root, struct err *e)
{
	struct to_registry *g = (struct to_registry *)t;
	if (!root)
		return registry_manifest_put(g->repo, doc->digest, doc->media_type, doc->bytes.data,
			doc->bytes.len, NULL, e);
	g->has_root = true;
	return transport_document_make(
		&g->root, doc->bytes.data, doc->bytes.len, doc->media_type, e);
}

static int to_finish(struct transport_to *t, struct err *e)
{
	struct to_registry *g = (struct to_registry *)t;
	if (!g->has_root)
		return err_set(e, ERR_STATE, "nothing was put");
	if (*g->ref.digest && !str_eq(g->ref.digest, g->root.digest))
		return err_set(e, ERR_DIGEST, "what would be put is %s, the name says %s",
			g->root.digest, g->ref.digest);
	return registry_manifest_put(g->repo, wanted(&g->ref), g->root.media_type,
		g->root.bytes.data, g->root.bytes.len, NULL, e);
}

static void to_free(struct transport_to *t)
{
	struct to_registry *g = (struct to_registry *)t;
	registry_repo_free(g->repo);
	transport_document_release(&g->root);
	free(g);
}

int transport_to_registry(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e)
{
	static const struct transport_to_ops ops = {
		to_has, to_put, to_make, to_manifest, to_finish, to_free};
	struct oci_reference ref;
	if (!w->client)
		return no_client(e);
	int r = oci_reference_parse(p->path, &ref, e);
	if (r >= 0 && !*ref.domain) {
		r = err_set(e, ERR_USAGE, "the name has no registry");
		err_hint(e, "write the whole name, such as docker://registry.example.org/%s",
			p->path);
	}
	if (r < 0)
		return r;
	oci_reference_normalise_local(&ref);
	struct registry_open_options o = w->remote ? *w->remote : (struct registry_open_options){0};
	o.use = REGISTRY_PUSH;
	struct registry_repo *repo cleanup_registry_repo = NULL;
	r = registry_open(w->client, w->config, &ref, &o, &repo, e);
	if (r < 0)
		return r;
	struct to_registry *g = mem_alloc(sizeof(*g));
	g->base =
		(struct transport_to){.ops = &ops, .needs = TRANSPORT_TO_PACKED, .parallel = true};
	g->repo = g->base.repo = STEAL(repo);
	g->ref = ref;
	*ret = &g->base;
	return 0;
}
