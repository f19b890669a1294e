/* dir: as destination, as skopeo reads it: version, manifest.json, HEX, HEX.manifest.json. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "transport/shelf_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define VERSION "Directory Transport Version: 1.1\n"

struct to_dir {
	struct transport_to base;
	int dir;
	bool made;
	char *path;
	struct transport_document root;
	struct transport_shelf shelf;
};

static int dir_has(struct transport_to *t, const struct transport_put *put, struct err *e)
{
	struct to_dir *g = (struct to_dir *)t;
	struct stat st;
	return fstatat(g->dir, oci_digest_hex(put->d->digest), &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       S_ISREG(st.st_mode) && (uint64_t)st.st_size == put->d->size;
}

static int dir_put(struct transport_to *t, const struct transport_put *put,
	struct transport_blob *b, struct err *e)
{
	return transport_put_file(((struct to_dir *)t)->dir, oci_digest_hex(put->d->digest), b, e);
}

static int dir_make(
	struct transport_to *t, const struct transport_put *put, struct squeeze *q, struct err *e)
{
	return transport_put_made(((struct to_dir *)t)->dir, q, e);
}

static int dir_manifest(
	struct transport_to *t, const struct transport_document *doc, bool root, struct err *e)
{
	struct to_dir *g = (struct to_dir *)t;
	if (root)
		return transport_document_make(
			&g->root, doc->bytes.data, doc->bytes.len, doc->media_type, e);
	char *name cleanup_free = mem_printf("%s.manifest.json", oci_digest_hex(doc->digest));
	return file_write(g->dir, name, doc->bytes.data, doc->bytes.len, 0644, 0, e);
}

static int dir_finish(struct transport_to *t, struct err *e)
{
	struct to_dir *g = (struct to_dir *)t;
	if (!g->root.media_type)
		return err_set(e, ERR_STATE, "nothing was put");
	int r = file_write(g->dir, "version", VERSION, strlen(VERSION), 0644, 0, e);
	if (r >= 0)
		r = file_write(
			g->dir, "manifest.json", g->root.bytes.data, g->root.bytes.len, 0644, 0, e);
	if (r < 0)
		return r;
	g->made = false; /* it stays */
	transport_shelf_sweep(&g->shelf);
	return 0;
}

static void dir_free(struct transport_to *t)
{
	struct to_dir *g = (struct to_dir *)t;
	bool gone = g->made && g->dir >= 0 && !file_exists(g->dir, "manifest.json") &&
		    transport_shelf_empty(&g->shelf);
	if (g->dir >= 0)
		close(g->dir);
	if (gone)
		(void)file_remove_tree(AT_FDCWD, g->path, NULL);
	transport_document_release(&g->root);
	free(g->path);
	free(g);
}

/* Nothing but what we or skopeo have written may be there. */
static int check_empty(struct to_dir *g, struct err *e)
{
	if (file_exists(g->dir, "version"))
		return 0;
	DIR *d cleanup_dir = fdopendir(fcntl(g->dir, F_DUPFD_CLOEXEC, 3));
	if (!d)
		return err_sys(e, "read '%s'", g->path);
	struct dirent *entry;
	while ((entry = readdir(d)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			return err_set(e, ERR_EXISTS, "it is not empty, and no image of dir:");
	return 0;
}

int transport_to_dir(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e)
{
	static const struct transport_to_ops ops = {
		dir_has, dir_put, dir_make, dir_manifest, dir_finish, dir_free};
	struct transport_to *t cleanup_transport_to = NULL;
	struct to_dir *g = mem_alloc(sizeof(*g));
	*g = (struct to_dir){.base = {.ops = &ops, .parallel = true}, .dir = -1};
	t = &g->base;
	g->path = mem_strdup(p->path);
	g->made = mkdir(p->path, 0777) == 0;
	if (!g->made && errno != EEXIST)
		return err_sys(e, "create '%s'", p->path);
	g->dir = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (g->dir < 0)
		return err_sys(e, "open '%s'", p->path);
	int r = check_empty(g, e);
	if (r < 0)
		return r;
	g->shelf = (struct transport_shelf){g->dir, g->dir, "version", VERSION, strlen(VERSION)};
	g->base.shelf = &g->shelf;
	*ret = STEAL(t);
	return 0;
}
