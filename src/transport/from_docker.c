/* docker-archive: as source. Its manifest.json names no digests: a manifest is made over the config
 * and the plain layers, whose digests are those that the config gives. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "transport/source_priv.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct from_docker {
	struct transport_from base;
	struct transport_source src;
	int fd;
	struct transport_document doc;
	struct buf config;
	char config_digest[OCI_DIGEST_MAX];
	/* by layer: its digest and the entry that has it */
	struct strv digests, names;
};

static int docker_manifest(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	struct from_docker *g = (struct from_docker *)f;
	if (digest && !str_eq(digest, g->doc.digest))
		return err_set(e, ERR_NOT_FOUND, "manifest %s is not there", digest);
	return transport_document_make(
		ret, g->doc.bytes.data, g->doc.bytes.len, g->doc.media_type, e);
}

static int docker_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	struct from_docker *g = (struct from_docker *)f;
	if (str_eq(d->digest, g->config_digest)) {
		*ret = transport_blob_bytes(g->config.data, g->config.len);
		return 0;
	}
	size_t i = 0;
	while (i < g->digests.n && !str_eq(g->digests.v[i], d->digest))
		i++;
	if (i == g->digests.n)
		return err_set(e, ERR_NOT_FOUND, "it is not there");
	int fd;
	bool own;
	uint64_t offset, size;
	int r = transport_source_open(&g->src, g->names.v[i], &fd, &own, &offset, &size, e);
	if (r < 0)
		return r;
	*ret = transport_blob_verified(transport_blob_file(fd, own, offset, size), d->digest);
	return 0;
}

static void docker_free(struct transport_from *f)
{
	struct from_docker *g = (struct from_docker *)f;
	transport_source_release(&g->src);
	if (g->fd >= 0)
		close(g->fd);
	transport_document_release(&g->doc);
	buf_release(&g->config);
	strv_release(&g->digests);
	strv_release(&g->names);
	free(g);
}

/* "app" and "app:latest" are one name, also "docker.io/library/app". */
static bool same_name(const char *a, const char *b)
{
	struct oci_reference x, y;
	char s[OCI_REFERENCE_MAX], t[OCI_REFERENCE_MAX];
	if (oci_reference_parse(a, &x, NULL) < 0 || oci_reference_parse(b, &y, NULL) < 0)
		return str_eq(a, b);
	oci_reference_normalise_docker(&x);
	oci_reference_normalise_docker(&y);
	return str_eq(oci_reference_format(&x, s), oci_reference_format(&y, t));
}

static int choose(const struct transport_place *p, const struct oci_archive *a,
	const struct oci_archive_image **ret, struct err *e)
{
	struct buf list cleanup_buf = BUF_INIT;
	size_t found = 0;
	for (size_t i = 0; i < a->n; i++) {
		bool hit = p->by_index ? p->index == i : !p->name;
		for (size_t k = 0; k < a->v[i].repo_tags.n; k++) {
			hit |= p->name && same_name(p->name, a->v[i].repo_tags.v[k]);
			if (list.len < 400)
				buf_printf(&list, "%s@%zu %.100s", list.len ? ", " : "", i,
					a->v[i].repo_tags.v[k]);
		}
		if (!hit)
			continue;
		*ret = &a->v[i];
		found++;
	}
	if (found == 1)
		return 0;
	if (found)
		err_set(e, ERR_USAGE, "the archive has %zu images: name one", found);
	else
		err_set(e, ERR_NOT_FOUND, "the archive has no such image");
	err_hint(e, "it has %s", list.len ? buf_str(&list) : "images without names: @0, @1 ...");
	return found ? -ERR_USAGE : -ERR_NOT_FOUND;
}

/* Layers of such an archive are plain tars; some writers compress them. The digest of a plain one is
 * its diffID, so that nobody needs to read it twice. */
static int add_layer(struct from_docker *g, struct oci_manifest *m, const char *name,
	const char *diffid, struct err *e)
{
	int fd, r;
	bool own;
	uint64_t offset, size;
	char head[LAYER_SNIFF];
	r = transport_source_open(&g->src, name, &fd, &own, &offset, &size, e);
	if (r < 0)
		return r;
	ssize_t n = io_pread_full(fd, head, sizeof(head), (off_t)offset);
	if (n < 0)
		return err_sysno(e, (int)n, "read '%.200s'", name);
	if (layer_compression_sniff(head, (size_t)n) != LAYER_PLAIN) {
		err_set(e, ERR_UNSUPPORTED,
			"layer '%.200s' is compressed: a docker-archive has plain layers", name);
		err_hint(e, "`kist load -i` takes it");
		return -ERR_UNSUPPORTED;
	}
	struct oci_descriptor d = {.media_type = (char *)OCI_TYPE_DOCKER_LAYER, .size = size};
	memcpy(d.digest, diffid, strlen(diffid) + 1);
	oci_manifest_add_layer(m, &d);
	strv_add(&g->digests, diffid);
	strv_add(&g->names, name);
	return 0;
}

static int make_manifest(struct from_docker *g, const struct oci_archive_image *img, struct err *e)
{
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct buf bytes cleanup_buf = BUF_INIT;
	g->config.max = LIMIT_CONFIG;
	int r = transport_source_read(&g->src, img->config, &g->config, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&g->config), g->config.len, &c, e);
	if (r < 0)
		return r;
	if (c.diff_ids.n != img->layers.n)
		return err_set(e, ERR_FORMAT, "manifest.json names %zu layers, the config %zu",
			img->layers.n, c.diff_ids.n);
	char hex[SHA256_HEX];
	sha256_hex(g->config.data, g->config.len, hex);
	oci_digest_from_hex(hex, g->config_digest);
	m.media_type = mem_strdup(OCI_TYPE_DOCKER_MANIFEST);
	m.config.media_type = mem_strdup(OCI_TYPE_DOCKER_CONFIG);
	m.config.size = g->config.len;
	memcpy(m.config.digest, g->config_digest, sizeof(m.config.digest));
	for (size_t i = 0; i < img->layers.n && r >= 0; i++)
		r = add_layer(g, &m, img->layers.v[i], c.diff_ids.v[i], e);
	if (r < 0)
		return r;
	oci_manifest_format(&m, &bytes);
	return transport_document_make(&g->doc, bytes.data, bytes.len, m.media_type, e);
}

int transport_from_docker(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const struct transport_from_ops ops = {
		docker_manifest, docker_blob, NULL, NULL, docker_free};
	struct transport_from *f cleanup_transport_from = NULL;
	struct from_docker *g = mem_alloc(sizeof(*g));
	*g = (struct from_docker){.base = {.ops = &ops, .parallel = true, .made_up = true},
		.src = {.dir = -1, .fd = -1},
		.fd = -1};
	f = &g->base;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	struct oci_archive a cleanup_oci_archive = {0};
	const struct oci_archive_image *img = NULL;
	int r = transport_open_archive(p->path, w, &g->fd, e);
	if (r >= 0)
		r = transport_source_scan(&g->src, g->fd, e);
	if (r >= 0)
		r = transport_source_read(&g->src, "manifest.json", &b, e);
	if (r >= 0)
		r = oci_archive_parse(buf_str(&b), b.len, &a, e);
	if (r >= 0)
		r = choose(p, &a, &img, e);
	if (r >= 0)
		r = make_manifest(g, img, e);
	if (r < 0)
		return r;
	*ret = STEAL(f);
	return 0;
}
