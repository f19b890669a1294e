/* dir: as source: skopeo's layout of one image: manifest.json, HEX.manifest.json for those of an
 * index, blobs as HEX. */
#include "transport/endpoint_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "transport/source_priv.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

struct from_dir {
	struct transport_from base;
	struct transport_source src;
	int fd;
};

static int dir_manifest(
	struct transport_from *f, const char *digest, struct transport_document *ret, struct err *e)
{
	struct from_dir *g = (struct from_dir *)f;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_MANIFEST);
	char *name cleanup_free =
		digest ? mem_printf("%s.manifest.json", oci_digest_hex(digest)) : NULL;
	int r = transport_source_read(&g->src, name ? name : "manifest.json", &b, e);
	return r < 0 ? r : transport_document_make(ret, buf_str(&b), b.len, NULL, e);
}

static int dir_blob(struct transport_from *f, const struct oci_descriptor *d,
	struct transport_blob **ret, struct err *e)
{
	struct from_dir *g = (struct from_dir *)f;
	int fd;
	bool own;
	uint64_t offset, size;
	int r = transport_source_open(
		&g->src, oci_digest_hex(d->digest), &fd, &own, &offset, &size, e);
	if (r < 0)
		return r;
	*ret = transport_blob_verified(transport_blob_file(fd, own, offset, size), d->digest);
	return 0;
}

static void dir_free(struct transport_from *f)
{
	struct from_dir *g = (struct from_dir *)f;
	transport_source_release(&g->src);
	close(g->fd);
	free(g);
}

int transport_from_dir(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e)
{
	static const struct transport_from_ops ops = {dir_manifest, dir_blob, dir_free};
	int fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open directory '%s'", p->path);
	struct from_dir *g = mem_alloc(sizeof(*g));
	*g = (struct from_dir){
		.base = {.ops = &ops, .parallel = true}, .src = {.dir = fd, .fd = -1}, .fd = fd};
	*ret = &g->base;
	return 0;
}
