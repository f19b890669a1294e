/* oci: and oci-archive: as destinations. A directory may hold other images already: blobs are added,
 * and index.json is replaced under a lock when the name is to appear. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/lock.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/root.h"
#include "base/str.h"
#include "oci/json.h"
#include "oci/layout.h"
#include "oci/manifest.h"
#include "transport/shelf_priv.h"
#include "transport/sink_priv.h"
#include "transport/source_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

struct to_layout {
	struct transport_to base;
	char *name; /* of the image in index.json; NULL: none */
	struct transport_document root;
	/* a directory */
	int dir, blobs;
	bool made; /* the directory is ours */
	char *path;
	struct transport_shelf shelf;
	struct buf marker; /* oci-layout */
	/* an archive */
	const char *tmp_dir;
	struct outfile out;
	struct transport_sink sink;
};

static int layout_has(struct transport_to *t, const struct transport_put *put, struct err *e)
{
	struct to_layout *g = (struct to_layout *)t;
	char name[TRANSPORT_BLOB_NAME];
	struct stat st;
	if (g->dir < 0)
		return transport_sink_has(&g->sink, transport_blob_name(put->d->digest, name));
	return fstatat(g->blobs, oci_digest_hex(put->d->digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == put->d->size;
}

static int put_blob(
	struct to_layout *g, const char *digest, struct transport_blob *b, struct err *e)
{
	char name[TRANSPORT_BLOB_NAME];
	if (g->dir < 0)
		return transport_sink_blob(&g->sink, transport_blob_name(digest, name), b, e);
	return transport_put_file(g->blobs, oci_digest_hex(digest), b, e);
}

static int layout_put(struct transport_to *t, const struct transport_put *put,
	struct transport_blob *b, struct err *e)
{
	return put_blob((struct to_layout *)t, put->d->digest, b, e);
}

static int layout_make(
	struct transport_to *t, const struct transport_put *put, struct squeeze *q, struct err *e)
{
	struct to_layout *g = (struct to_layout *)t;
	const struct transport_made_name n = {"blobs/sha256/", "", g->tmp_dir};
	return g->dir < 0 ? transport_sink_made(&g->sink, &n, q, e)
			  : transport_put_made(g->blobs, q, e);
}

static int layout_manifest(
	struct transport_to *t, const struct transport_document *doc, bool root, struct err *e)
{
	struct to_layout *g = (struct to_layout *)t;
	struct transport_blob *b cleanup_transport_blob =
		transport_blob_bytes(doc->bytes.data, doc->bytes.len);
	int r = put_blob(g, doc->digest, b, e);
	if (r >= 0 && root)
		r = transport_document_make(
			&g->root, doc->bytes.data, doc->bytes.len, doc->media_type, e);
	return r;
}

/* Takes out what has the name so far: one name, one image. */
static void forget_name(json_t *manifests, const char *name, const char *digest)
{
	for (size_t i = json_array_size(manifests); i-- > 0;) {
		json_t *m = json_array_get(manifests, i);
		const char *has = json_string_value(json_object_get(
			json_object_get(m, "annotations"), OCI_ANNOTATION_REF_NAME));
		const char *d = json_string_value(json_object_get(m, "digest"));
		if (name ? str_eq(has, name) : !has && str_eq(d, digest))
			json_array_remove(manifests, i);
	}
}

static void add_entry(struct to_layout *g, json_t *manifests)
{
	struct oci_descriptor d = {.media_type = g->root.media_type, .size = g->root.bytes.len};
	memcpy(d.digest, g->root.digest, sizeof(d.digest));
	if (g->name)
		strv_env_set(&d.annotations, OCI_ANNOTATION_REF_NAME, g->name);
	json_array_append_new(manifests, oci_descriptor_format(&d));
	strv_release(&d.annotations);
}

static json_t *new_index(void)
{
	json_t *doc = json_object();
	json_object_set_new(doc, "schemaVersion", json_integer(2));
	json_object_set_new(doc, "mediaType", json_string(OCI_TYPE_INDEX));
	json_object_set_new(doc, "manifests", json_array());
	return doc;
}

static int update_index(struct to_layout *g, struct err *e)
{
	json_t *doc cleanup_json = NULL;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST), out cleanup_buf = BUF_INIT;
	int r = root_read(g->dir, "index.json", &b, NULL);
	if (r < 0 && r != -ENOENT)
		return err_sysno(e, r, "read 'index.json'");
	if (r >= 0)
		r = oci_json_parse(b.data, b.len, b.max, "index.json", &doc, e);
	else
		doc = new_index();
	if (doc && !json_is_array(json_object_get(doc, "manifests")))
		return err_set(e, ERR_FORMAT, "index.json: no list 'manifests'");
	if (!doc)
		return r;
	forget_name(json_object_get(doc, "manifests"), g->name, g->root.digest);
	add_entry(g, json_object_get(doc, "manifests"));
	oci_json_format(doc, &out);
	return file_write(g->dir, "index.json", out.data, out.len, 0644, 0, e);
}

static int finish_dir(struct to_layout *g, struct err *e)
{
	if (flock(g->dir, LOCK_EX) < 0)
		return err_sys(e, "lock the layout");
	int r = transport_shelf_mark(&g->shelf, e);
	if (r >= 0)
		r = update_index(g, e);
	flock(g->dir, LOCK_UN);
	if (r < 0)
		return r;
	g->made = false; /* it stays */
	transport_shelf_sweep(&g->shelf);
	return 0;
}

static int finish_archive(struct to_layout *g, struct err *e)
{
	json_t *doc cleanup_json = new_index();
	struct buf b cleanup_buf = BUF_INIT;
	add_entry(g, json_object_get(doc, "manifests"));
	oci_json_format(doc, &b);
	int r = transport_sink_bytes(&g->sink, "index.json", b.data, b.len, e);
	if (r >= 0)
		r = transport_sink_finish(&g->sink, e);
	return r < 0 ? r : outfile_commit(&g->out, e);
}

static int layout_finish(struct transport_to *t, struct err *e)
{
	struct to_layout *g = (struct to_layout *)t;
	if (!g->root.media_type)
		return err_set(e, ERR_STATE, "nothing was put");
	return g->dir >= 0 ? finish_dir(g, e) : finish_archive(g, e);
}

static void layout_free(struct transport_to *t)
{
	struct to_layout *g = (struct to_layout *)t;
	/* somebody else may have put an image into the directory that we made */
	bool gone = g->made && g->dir >= 0 && !file_exists(g->dir, "index.json") &&
		    transport_shelf_empty(&g->shelf);
	if (g->blobs >= 0)
		close(g->blobs);
	if (g->dir >= 0)
		close(g->dir);
	if (gone)
		(void)file_remove_tree(AT_FDCWD, g->path, NULL);
	outfile_release(&g->out);
	transport_sink_release(&g->sink);
	transport_document_release(&g->root);
	buf_release(&g->marker);
	free(g->name);
	free(g->path);
	free(g);
}

static bool is_empty(int dir)
{
	return !file_exists(dir, "index.json") && !file_exists(dir, "blobs");
}

static int open_dir(struct to_layout *g, const char *path, struct err *e)
{
	g->path = mem_strdup(path);
	g->made = mkdir(path, 0777) == 0;
	if (!g->made && errno != EEXIST)
		return err_sys(e, "create '%s'", path);
	g->dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir < 0)
		return err_sys(e, "open '%s'", path);
	if (!g->made && !file_exists(g->dir, "oci-layout") && !is_empty(g->dir))
		return err_set(e, ERR_FORMAT, "it is no OCI layout");
	g->blobs = root_mkdirs(g->dir, "blobs/sha256", 0755, e);
	if (g->blobs < 0)
		return g->blobs;
	oci_layout_format(&g->marker);
	g->shelf = (struct transport_shelf){
		g->dir, g->blobs, "oci-layout", g->marker.data, g->marker.len};
	g->base.shelf = &g->shelf;
	return 0;
}

static int open_archive(struct to_layout *g, const char *path, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	int r = outfile_open(&g->out, path, e);
	if (r < 0)
		return r;
	g->sink = (struct transport_sink){.fd = g->out.fd};
	oci_layout_format(&b);
	r = transport_sink_bytes(&g->sink, "oci-layout", b.data, b.len, e);
	if (r >= 0)
		r = transport_sink_dir(&g->sink, "blobs", e);
	return r < 0 ? r : transport_sink_dir(&g->sink, "blobs/sha256", e);
}

int transport_to_layout(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e)
{
	static const struct transport_to_ops ops = {
		layout_has, layout_put, layout_make, layout_manifest, layout_finish, layout_free};
	struct transport_to *t cleanup_transport_to = NULL;
	struct to_layout *g = mem_alloc(sizeof(*g));
	bool dir = p->kind == TRANSPORT_KIND_OCI;
	*g = (struct to_layout){
		.base = {.ops = &ops,
			.needs = TRANSPORT_TO_OCI | TRANSPORT_TO_PACKED,
			.parallel = dir},
		.name = mem_strdup(p->name),
		.dir = -1,
		.blobs = -1,
		.out = {.fd = -1},
		.tmp_dir = w->tmp_dir,
	};
	t = &g->base;
	int r = dir ? open_dir(g, p->path, e) : open_archive(g, p->path, e);
	if (r < 0)
		return r;
	*ret = STEAL(t);
	return 0;
}
