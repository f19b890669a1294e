/* What is being loaded, and the order of things: lease, source, images, clean-up. */
#include "transport/load_priv.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/decompress.h"
#include "store/gc.h"
#include "store/lease.h"
#include "transport/trust.h"
#include "trust/policy.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int transport_load_tell(
	struct transport_load *l, const struct strv *tags, const char *id, struct err *e)
{
	l->images++;
	if (!l->o->loaded)
		return 0;
	int r = tags->n ? 0 : l->o->loaded(l->o->ctx, NULL, id);
	for (size_t i = 0; i < tags->n && r >= 0; i++)
		r = l->o->loaded(l->o->ctx, tags->v[i], id);
	return r;
}

int transport_load_ask(
	struct transport_load *l, const struct transport_load_asked *a, struct err *e)
{
	char *path cleanup_free = NULL;
	if (l->path)
		path = mem_printf("%s%s%s", l->path, a->name ? ":" : "", a->name ? a->name : "");
	const struct trust_image image = {
		.transport = a->transport,
		.path = path,
		.ref = a->ref,
		.digest = a->digest,
		.index_digest = a->index_digest,
	};
	return transport_trust_ask(l->o->trust, &image, e);
}

static int load_images(struct transport_load *l, struct err *e)
{
	if (transport_source_has(l->src, "manifest.json"))
		return transport_load_docker(l, e);
	if (transport_source_has(l->src, "index.json"))
		return transport_load_layout(l, e);
	int r = err_set(e, ERR_FORMAT,
		"neither a docker-archive (manifest.json) nor an OCI layout (index.json)");
	err_hint(e, "a root file system's tar comes in with `kist import`");
	return r;
}

/* What came in and belongs to no image: layers of other platforms, all of a failed image. */
static void drop_unused(struct transport_load *l, bool failed)
{
	if (l->src->new_layers.n)
		(void)store_collect_layers(l->store, &l->src->new_layers, NULL, NULL);
	if (!failed || l->images)
		return;
	for (size_t i = 0; i < l->src->new_blobs.n; i++)
		(void)store_blob_delete(l->store, l->src->new_blobs.v[i], NULL);
}

typedef int (*fill_fn)(struct transport_source *src, int fd, struct err *e);

static int load_from(struct store *s, int dir, int fd, fill_fn fill, const char *path,
	const struct transport_load_options *o, struct err *e)
{
	struct transport_source src cleanup_transport_source = {.store = s, .dir = dir, .fd = -1};
	struct transport_load l = {.store = s, .o = o, .src = &src, .path = path};
	struct store_lease *lease = NULL;
	int r = store_lease_begin(s, "load", &lease, e);
	if (r < 0)
		return r;
	if (fill)
		r = fill(&src, fd, e);
	if (r >= 0)
		r = load_images(&l, e);
	store_lease_end(lease);
	drop_unused(&l, r < 0);
	return r;
}

/* A plain tar that can seek needs no copy of its documents, and what is in the store already is
 * not even read. */
static fill_fn choose(int fd, struct err *e)
{
	struct stat st;
	char head[LAYER_SNIFF];
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || lseek(fd, 0, SEEK_CUR) != 0)
		return transport_source_stream;
	ssize_t n = io_pread_full(fd, head, sizeof(head), 0);
	if (n < 0 || layer_compression_sniff(head, (size_t)n) != LAYER_PLAIN)
		return transport_source_stream;
	return transport_source_scan;
}

int transport_load_fd(
	struct store *s, int fd, const struct transport_load_options *o, struct err *e)
{
	return load_from(s, -1, fd, choose(fd, e), NULL, o, e);
}

/* "/some/where/my-image.tar" to "my-image", for layouts that carry no name. */
static char *base_name(const char *path)
{
	char *copy cleanup_free = mem_strdup(path);
	size_t len = strlen(copy);
	while (len > 1 && copy[len - 1] == '/')
		copy[--len] = 0;
	const char *slash = strrchr(copy, '/');
	char *base = mem_strdup(slash ? slash + 1 : copy);
	static const char *const suffixes[] = {
		".gz", ".tgz", ".zst", ".xz", ".bz2", ".tar", ".oci"};
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (str_ends(base, suffixes[i]))
			base[strlen(base) - strlen(suffixes[i])] = 0;
	return base;
}

int transport_load_path(
	struct store *s, const char *path, const struct transport_load_options *o, struct err *e)
{
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s'", path);
	struct transport_load_options named = *o;
	char *base cleanup_free = base_name(path);
	if (!named.base)
		named.base = base;
	/* a policy's scopes are paths without links */
	char *real cleanup_free = realpath(path, NULL);
	int r = S_ISDIR(st.st_mode) ? load_from(s, fd, -1, NULL, real, &named, e)
				    : load_from(s, -1, fd, choose(fd, e), real, &named, e);
	return r < 0 ? err_wrap(e, r, "load '%s'", path) : r;
}
