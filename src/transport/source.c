/* Looking things up by name in whatever is being loaded, and bringing their layers into the store. */
#include "transport/source_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "layer/entry.h"
#include "oci/digest.h"
#include "oci/media_type.h"
#include "snapshot/ingest.h"
#include "store/lease.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define BLOB_FOLDER "blobs/sha256/"

void transport_source_release(struct transport_source *src)
{
	for (size_t i = 0; i < src->n; i++) {
		free(src->v[i].name);
		free(src->v[i].target);
	}
	free(src->v);
	if (src->own_fd && src->fd >= 0)
		close(src->fd);
	strv_release(&src->new_layers);
	strv_release(&src->new_blobs);
	*src = (struct transport_source){.dir = -1, .fd = -1};
}

int transport_source_add(
	struct transport_source *src, const char *name, struct transport_entry **ret, struct err *e)
{
	if (src->n >= LIMIT_ARCHIVE_ENTRIES)
		return err_set(e, ERR_LIMIT, "the archive has more than %d entries",
			LIMIT_ARCHIVE_ENTRIES);
	if (src->n == src->cap) {
		src->cap = src->cap ? 2 * src->cap : 64;
		src->v = mem_realloc(src->v, src->cap, sizeof(*src->v));
	}
	struct transport_entry *t = &src->v[src->n];
	*t = (struct transport_entry){.name = mem_strdup(name), .order = src->n};
	src->n++;
	*ret = t;
	return 0;
}

static int compare_entries(const void *a, const void *b)
{
	const struct transport_entry *x = a, *y = b;
	int r = strcmp(x->name, y->name);
	return r ? r : (x->order > y->order) - (x->order < y->order);
}

void transport_source_ready(struct transport_source *src)
{
	if (src->n)
		qsort(src->v, src->n, sizeof(*src->v), compare_entries);
}

/* The last entry of that name, as an unpacking would leave it. */
static struct transport_entry *find_name(struct transport_source *src, const char *name)
{
	size_t low = 0, high = src->n;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (strcmp(src->v[mid].name, name) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low && str_eq(src->v[low - 1].name, name) ? &src->v[low - 1] : NULL;
}

/* Follows links of the archive: docker and podman write a second layer with the same content so. */
static struct transport_entry *find_entry(struct transport_source *src, const char *name)
{
	char path[LIMIT_TAR_PATH + 1];
	if (layer_path_clean(name, path, NULL) < 0)
		return NULL;
	for (int hops = 0; hops < LIMIT_SYMLINK_HOPS; hops++) {
		struct transport_entry *t = find_name(src, path);
		if (!t || t->kind != TRANSPORT_LINK)
			return t;
		char *slash = strrchr(path, '/');
		char *next cleanup_free =
			t->target[0] == '/' || !slash
				? mem_strdup(t->target)
				: mem_printf("%.*s/%s", (int)(slash - path), path, t->target);
		if (layer_path_clean(next, path, NULL) < 0)
			return NULL;
	}
	return NULL;
}

static int not_found(struct err *e, const char *name)
{
	return err_set(e, ERR_NOT_FOUND, "'%.200s' is not there", name);
}

/* A regular file of the directory, links followed inside it only. */
static int open_in_dir(
	struct transport_source *src, const char *name, uint64_t *ret_size, struct err *e)
{
	int fd cleanup_fd = root_open(src->dir, name, O_RDONLY | O_NONBLOCK, 0, NULL);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return not_found(e, name);
	if (fd < 0)
		return err_sysno(e, fd, "open '%s'", name);
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FORMAT, "'%s' is not a file", name);
	*ret_size = (uint64_t)st.st_size;
	return STEAL_FD(fd);
}

bool transport_source_has(struct transport_source *src, const char *name)
{
	if (src->dir < 0)
		return find_entry(src, name) != NULL;
	uint64_t size;
	int fd cleanup_fd = open_in_dir(src, name, &size, NULL);
	return fd >= 0;
}

int transport_source_open(struct transport_source *src, const char *name, int *ret_fd,
	bool *ret_own, uint64_t *ret_offset, uint64_t *ret_size, struct err *e)
{
	*ret_own = src->dir >= 0;
	*ret_offset = 0;
	if (src->dir >= 0) {
		*ret_fd = open_in_dir(src, name, ret_size, e);
		return *ret_fd < 0 ? *ret_fd : 0;
	}
	struct transport_entry *t = find_entry(src, name);
	if (!t)
		return not_found(e, name);
	if (t->kind != TRANSPORT_BYTES)
		return err_set(e, ERR_FORMAT, "'%.200s' is not a document", name);
	*ret_fd = src->fd;
	*ret_offset = t->offset;
	*ret_size = t->size;
	return 0;
}

int transport_source_read(
	struct transport_source *src, const char *name, struct buf *b, struct err *e)
{
	int at, fd cleanup_fd = -1;
	bool own;
	uint64_t offset, size;
	int r = transport_source_open(src, name, &at, &own, &offset, &size, e);
	if (r < 0)
		return r;
	if (own)
		fd = at;
	if (b->max && size > b->max)
		return err_set(e, ERR_LIMIT,
			"'%.200s' has %" PRIu64 " bytes, more than the limit of %zu", name, size,
			b->max);
	r = buf_reserve(b, size);
	if (r < 0)
		return err_sysno(e, r, "read '%.200s'", name);
	ssize_t n = io_pread_full(at, b->data + b->len, size, (off_t)offset);
	if (n < 0)
		return err_sysno(e, (int)n, "read '%.200s'", name);
	if ((uint64_t)n < size)
		return err_set(e, ERR_FORMAT, "'%.200s' is truncated", name);
	b->len += size;
	b->data[b->len] = 0;
	return 0;
}

char *transport_blob_name(const char *digest, char out[TRANSPORT_BLOB_NAME])
{
	snprintf(out, TRANSPORT_BLOB_NAME, BLOB_FOLDER "%s", oci_digest_hex(digest));
	return out;
}

bool transport_blob_digest(const char *name, char ret[STORE_DIGEST_MAX])
{
	if (!str_starts(name, BLOB_FOLDER))
		return false;
	char digest[STORE_DIGEST_MAX];
	oci_digest_from_hex(name + strlen(BLOB_FOLDER), digest);
	if (!oci_digest_valid(digest) || strlen(name) != strlen(BLOB_FOLDER) + 64)
		return false;
	memcpy(ret, digest, STORE_DIGEST_MAX);
	return true;
}

static void note_layer(struct transport_source *src, const struct transport_layer *l)
{
	if (!strv_has(&src->new_layers, l->diffid))
		strv_add(&src->new_layers, l->diffid);
	if (l->kept && !strv_has(&src->new_blobs, l->blob_digest))
		strv_add(&src->new_blobs, l->blob_digest);
}

/* The store has it: nothing to read. A layer that a crash may have torn is looked at first. */
static bool have_layer(struct transport_source *src, const struct transport_want *want,
	struct transport_layer *ret)
{
	struct store_layer l;
	if (!want->diffid || store_lease_keep(src->store, want->diffid, NULL) < 0 ||
		store_layer_get(src->store, want->diffid, &l, NULL) < 0)
		return false;
	if (l.suspect && snapshot_layer_verify(src->store, want->diffid, NULL) < 0)
		return false;
	memcpy(ret->diffid, want->diffid, sizeof(ret->diffid));
	return true;
}

static enum layer_compression sniff(int fd, uint64_t offset)
{
	char head[LAYER_SNIFF];
	ssize_t n = io_pread_full(fd, head, sizeof(head), (off_t)offset);
	return n > 0 ? layer_compression_sniff(head, (size_t)n) : LAYER_PLAIN;
}

/* From the source into the ingest and, where the compressed form is kept, into a blob: the bytes
 * that are kept are those that are hashed, whatever happens to the source meanwhile. */
static int push_all(int fd, uint64_t offset, uint64_t size, struct snapshot_ingest *g,
	struct store_blob_writer *w, struct err *e)
{
	const size_t piece = 256 * 1024;
	char *p cleanup_free = mem_alloc(piece);
	while (size) {
		ssize_t n = io_pread_full(fd, p, MIN(piece, size), (off_t)offset);
		if (n < 0)
			return err_sysno(e, (int)n, "read a layer");
		if (n == 0)
			return err_set(e, ERR_FORMAT, "it is truncated");
		int r = snapshot_ingest_push(g, p, (size_t)n, e);
		if (r < 0)
			return r;
		r = w ? io_write_all(store_blob_writer_fd(w), p, (size_t)n) : 0;
		if (r < 0)
			return err_sysno(e, r, "write a blob");
		offset += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return 0;
}

static int ingest(struct transport_source *src, int fd, uint64_t offset, uint64_t size,
	const struct transport_want *want, struct transport_layer *ret, struct err *e)
{
	struct store_blob_writer *w cleanup_store_blob_writer = NULL;
	struct snapshot_ingest *g cleanup_snapshot_ingest = NULL;
	struct snapshot_ingest_options opt = {
		.blob_digest = want->blob_digest,
		.diffid = want->diffid,
		.blob_size = want->blob_size,
		/* nobody asks for the digest of these bytes */
		.skip_blob_hash = !want->blob_digest,
	};
	uint64_t known;
	int r = snapshot_ingest_begin(src->store, &opt, &g, e);
	if (r >= 0 && want->blob_digest && sniff(fd, offset) != LAYER_PLAIN &&
		!store_blob_has(src->store, want->blob_digest, &known))
		r = store_blob_writer_new(src->store, &w, e);
	if (r >= 0)
		r = push_all(fd, offset, size, g, w, e);
	struct snapshot_ingest_info info;
	if (r >= 0)
		r = snapshot_ingest_finish(g, &info, e);
	if (r < 0)
		return r;
	*ret = (struct transport_layer){
		.blob_size = size,
		.compression = info.compression,
		.kept = w,
	};
	memcpy(ret->diffid, info.layer.diffid, sizeof(ret->diffid));
	memcpy(ret->blob_digest, info.blob_digest, sizeof(ret->blob_digest));
	if (w)
		r = store_blob_writer_finish_hashed(STEAL(w), want->blob_digest, e);
	return r;
}

/* The media type is what the bytes are, whatever a manifest calls them. */
static int known_blob(struct transport_source *src, const struct transport_layer *l, struct err *e)
{
	bool gzip = l->compression == LAYER_GZIP, zstd = l->compression == LAYER_ZSTD;
	if (!l->kept || (!gzip && !zstd))
		return 0;
	struct store_layer_blob b = {.size = l->blob_size};
	memcpy(b.diffid, l->diffid, sizeof(b.diffid));
	memcpy(b.digest, l->blob_digest, sizeof(b.digest));
	snprintf(b.media_type, sizeof(b.media_type), "%s",
		oci_media_type_layer(gzip ? OCI_COMPRESSION_GZIP : OCI_COMPRESSION_ZSTD));
	return store_layer_blob_add(src->store, &b, e);
}

static int check_passed(
	const struct transport_layer *l, const struct transport_want *want, struct err *e)
{
	if (want->diffid && !str_eq(want->diffid, l->diffid))
		return err_set(e, ERR_DIGEST, "its content is %s, the config expects %s", l->diffid,
			want->diffid);
	if (want->blob_digest && !str_eq(want->blob_digest, l->blob_digest))
		return err_set(e, ERR_DIGEST, "its bytes are %s, the manifest expects %s",
			l->blob_digest, want->blob_digest);
	if (want->blob_size && want->blob_size != l->blob_size)
		return err_set(e, ERR_DIGEST,
			"it has %" PRIu64 " bytes, the manifest expects %" PRIu64, l->blob_size,
			want->blob_size);
	return 0;
}

static int take_layer(struct transport_source *src, const char *name,
	const struct transport_want *want, struct transport_layer *ret, struct err *e)
{
	int fd cleanup_fd = -1;
	struct transport_entry *t = NULL;
	uint64_t offset = 0, size;
	if (src->dir >= 0) {
		fd = open_in_dir(src, name, &size, e);
		if (fd < 0)
			return fd;
	} else {
		t = find_entry(src, name);
		if (!t)
			return not_found(e, name);
		if (t->kind == TRANSPORT_OTHER)
			return err_set(e, ERR_FORMAT, "it is no tar");
		offset = t->offset;
		size = t->size;
	}
	if (t && t->kind == TRANSPORT_LAYER) {
		*ret = t->layer;
		return check_passed(ret, want, e);
	}
	if (have_layer(src, want, ret))
		return 0;
	if (want->blob_size && want->blob_size != size)
		return err_set(e, ERR_DIGEST,
			"it has %" PRIu64 " bytes, the manifest expects %" PRIu64, size,
			want->blob_size);
	int r = ingest(src, fd >= 0 ? fd : src->fd, offset, size, want, ret, e);
	if (r < 0)
		return r;
	note_layer(src, ret);
	return 0;
}

int transport_source_layer(struct transport_source *src, const char *name,
	const struct transport_want *want, struct transport_layer *ret, struct err *e)
{
	*ret = (struct transport_layer){0};
	int r = take_layer(src, name, want, ret, e);
	if (r >= 0)
		r = known_blob(src, ret, e);
	return r < 0 ? err_wrap(e, r, "layer '%.200s'", name) : 0;
}
