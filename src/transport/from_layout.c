/* oci: and oci-archive: as sources. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "transport/source_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct from_layout {
	struct transport_from base;
	struct transport_source src;
	int fd; /* of the archive or the directory */
	struct oci_descriptor root;
};

static int read_verified(struct from_layout *g, const struct oci_descriptor *d,
	struct transport_document *ret, struct err *e)
{
	char name[TRANSPORT_BLOB_NAME];
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	int r = transport_source_read(&g->src, transport_blob_name(d->digest, name), &b, e);
	if (r >= 0)
		r = transport_document_make(ret, buf_str(&b), b.len, d->media_type, e);
	if (r >= 0 && !str_eq(ret->digest, d->digest))
		r = err_set(e, ERR_DIGEST, "'%s' has the digest %s", name, ret->digest);
	return r;
}

static int layout_manifest(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	struct from_layout *g = (struct from_layout *)f;
	if (!digest)
		return read_verified(g, &g->root, ret, e);
	struct oci_descriptor d = {.media_type = NULL};
	snprintf(d.digest, sizeof(d.digest), "%s", digest);
	return read_verified(g, &d, ret, e);
}

static int layout_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	struct from_layout *g = (struct from_layout *)f;
	char name[TRANSPORT_BLOB_NAME];
	int fd;
	bool own;
	uint64_t offset, size;
	int r = transport_source_open(
		&g->src, transport_blob_name(d->digest, name), &fd, &own, &offset, &size, e);
	if (r < 0)
		return r;
	*ret = transport_blob_verified(transport_blob_file(fd, own, offset, size), d->digest);
	return 0;
}

static void layout_free(struct transport_from *f)
{
	struct from_layout *g = (struct from_layout *)f;
	transport_source_release(&g->src);
	if (g->fd >= 0)
		close(g->fd);
	oci_descriptor_release(&g->root);
	free(g);
}

static bool is_entry(const struct oci_descriptor *d)
{
	enum oci_kind kind = oci_media_type_kind(d->media_type);
	return kind == OCI_KIND_MANIFEST || kind == OCI_KIND_INDEX;
}

static bool is_named(const struct transport_place *p, const struct oci_index *x, size_t i)
{
	const struct oci_descriptor *d = &x->manifests[i];
	if (p->by_index)
		return p->index == i;
	if (p->digest)
		return str_eq(p->digest, d->digest);
	if (!p->name)
		return is_entry(d);
	return str_eq(strv_env_get(&d->annotations, OCI_ANNOTATION_REF_NAME), p->name) ||
	       str_eq(strv_env_get(&d->annotations, OCI_ANNOTATION_IMAGE_NAME), p->name);
}

static int which(
	const struct transport_place *p, const struct oci_index *x, size_t found, struct err *e)
{
	struct buf list cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < x->nmanifests && list.len < 400; i++) {
		const struct oci_descriptor *d = &x->manifests[i];
		const char *name = strv_env_get(&d->annotations, OCI_ANNOTATION_REF_NAME);
		buf_printf(&list, "%s@%zu%s%.100s", i ? ", " : "", i, name ? " " : "",
			name ? name : "");
	}
	if (found)
		err_set(e, ERR_USAGE, "the layout has %zu images%s: name one", found,
			p->name ? " of this name" : "");
	else
		err_set(e, ERR_NOT_FOUND, "the layout has no such image");
	err_hint(e, "it has %s", list.len ? buf_str(&list) : "none");
	return found ? -ERR_USAGE : -ERR_NOT_FOUND;
}

static int read_index(struct from_layout *g, const struct transport_place *p, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_index x cleanup_oci_index = {0};
	int r = transport_source_read(&g->src, "oci-layout", &b, e);
	if (r >= 0)
		r = oci_layout_parse(buf_str(&b), b.len, e);
	buf_clear(&b);
	if (r >= 0)
		r = transport_source_read(&g->src, "index.json", &b, e);
	if (r >= 0)
		r = oci_index_parse(buf_str(&b), b.len, &x, e);
	if (r < 0)
		return r;
	const struct oci_descriptor *root = NULL;
	size_t found = 0;
	for (size_t i = 0; i < x.nmanifests; i++) {
		const struct oci_descriptor *d = &x.manifests[i];
		if (!is_named(p, &x, i) || (root && str_eq(root->digest, d->digest)))
			continue;
		root = d;
		found++;
	}
	if (found != 1)
		return which(p, &x, found, e);
	oci_descriptor_copy(&g->root, root);
	const char *name = strv_env_get(&root->annotations, OCI_ANNOTATION_IMAGE_NAME);
	struct oci_reference ref;
	if (name && oci_reference_parse(name, &ref, NULL) >= 0 && *ref.domain)
		g->base.reference = mem_strdup(name);
	return 0;
}

int transport_from_layout(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const struct transport_from_ops ops = {
		layout_manifest, layout_blob, NULL, NULL, layout_free};
	struct transport_from *f cleanup_transport_from = NULL;
	struct from_layout *g = mem_alloc(sizeof(*g));
	*g = (struct from_layout){
		.base = {.ops = &ops, .parallel = true}, .src = {.dir = -1, .fd = -1}, .fd = -1};
	f = &g->base;
	int r = 0;
	if (p->kind == TRANSPORT_KIND_OCI) {
		g->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (g->fd < 0)
			return err_sys(e, "open directory '%s'", p->path);
		g->src.dir = g->fd;
	} else {
		r = transport_open_archive(p->path, w, &g->fd, e);
		if (r >= 0)
			r = transport_source_scan(&g->src, g->fd, e);
	}
	if (r >= 0)
		r = read_index(g, p, e);
	if (r < 0)
		return r;
	*ret = STEAL(f);
	return 0;
}
