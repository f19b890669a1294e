/* docker-archive: as destination: what `docker load` reads. Layers are plain. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "oci/reference.h"
#include "transport/sink_priv.h"

#include <stdlib.h>

struct to_docker {
	struct transport_to base;
	struct outfile out;
	struct transport_sink sink;
	char *name; /* "app:1"; NULL: none */
	const char *tmp_dir;
	bool has_root;
};

static char *entry_name(const struct transport_put *put)
{
	return mem_printf("%s.%s", oci_digest_hex(put->d->digest), put->is_config ? "json" : "tar");
}

static int docker_has(struct transport_to *t, const struct transport_put *put, struct err *e)
{
	char *name cleanup_free = entry_name(put);
	return transport_sink_has(&((struct to_docker *)t)->sink, name);
}

static int docker_put(struct transport_to *t, const struct transport_put *put,
	struct transport_blob *b, struct err *e)
{
	char *name cleanup_free = entry_name(put);
	return transport_sink_blob(&((struct to_docker *)t)->sink, name, b, e);
}

static int docker_make(
	struct transport_to *t, const struct transport_put *put, struct squeeze *q, struct err *e)
{
	struct to_docker *g = (struct to_docker *)t;
	const struct transport_made_name n = {"", ".tar", g->tmp_dir};
	return transport_sink_made(&g->sink, &n, q, e);
}

static int docker_manifest(
	struct transport_to *t, const struct transport_document *doc, bool root, struct err *e)
{
	struct to_docker *g = (struct to_docker *)t;
	struct oci_manifest m cleanup_oci_manifest = {0};
	int r = oci_manifest_parse(doc->bytes.data, doc->bytes.len, &m, e);
	if (r < 0)
		return r;
	struct oci_archive a cleanup_oci_archive = {
		.v = mem_array(1, sizeof(struct oci_archive_image)), .n = 1};
	a.v[0].config = mem_printf("%s.json", oci_digest_hex(m.config.digest));
	for (size_t i = 0; i < m.nlayers; i++)
		strv_addf(&a.v[0].layers, "%s.tar", oci_digest_hex(m.layers[i].digest));
	if (g->name)
		strv_add(&a.v[0].repo_tags, g->name);
	struct buf b cleanup_buf = BUF_INIT;
	oci_archive_format(&a, &b);
	g->has_root = true;
	return transport_sink_bytes(&g->sink, "manifest.json", b.data, b.len, e);
}

static int docker_finish(struct transport_to *t, struct err *e)
{
	struct to_docker *g = (struct to_docker *)t;
	if (!g->has_root)
		return err_set(e, ERR_STATE, "nothing was put");
	int r = transport_sink_finish(&g->sink, e);
	return r < 0 ? r : outfile_commit(&g->out, e);
}

static void docker_free(struct transport_to *t)
{
	struct to_docker *g = (struct to_docker *)t;
	outfile_release(&g->out);
	transport_sink_release(&g->sink);
	free(g->name);
	free(g);
}

static int read_name(struct to_docker *g, const char *name, struct err *e)
{
	struct oci_reference ref;
	char text[OCI_REFERENCE_MAX], familiar[OCI_REFERENCE_MAX];
	int r = oci_reference_parse(name, &ref, e);
	if (r >= 0 && *ref.digest)
		return err_set(e, ERR_USAGE, "a name in an archive has no digest");
	if (r < 0)
		return r;
	oci_reference_normalise_docker(&ref);
	g->name = mem_strdup(oci_reference_familiar(oci_reference_format(&ref, text), familiar));
	return 0;
}

int transport_to_docker(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e)
{
	static const struct transport_to_ops ops = {
		docker_has, docker_put, docker_make, docker_manifest, docker_finish, docker_free};
	struct transport_to *t cleanup_transport_to = NULL;
	struct to_docker *g = mem_alloc(sizeof(*g));
	*g = (struct to_docker){
		.base = {.ops = &ops,
			.needs = TRANSPORT_TO_SINGLE | TRANSPORT_TO_PLAIN | TRANSPORT_TO_IMAGE},
		.out = {.fd = -1},
		.tmp_dir = w->tmp_dir,
	};
	t = &g->base;
	int r = p->name ? read_name(g, p->name, e) : 0;
	if (r >= 0)
		r = outfile_open(&g->out, p->path, e);
	if (r < 0)
		return r;
	g->sink.fd = g->out.fd;
	*ret = STEAL(t);
	return 0;
}
