/*
 * A tar that passes by once: layers go into the store as they come, whatever the
 * documents that name them will say later; small documents are put aside in an
 * unnamed file. What is a layer shows in its first block.
 */
#include "transport/source_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/tar_read.h"
#include "snapshot/ingest.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEAD 512 /* of an entry: enough to recognise a tar */

enum mode {
	IN_HEAD, /* collecting the first block */
	TO_SPOOL,
	TO_LAYER,
	TO_NOTHING,
};

struct stream {
	struct transport_source *src;
	uint64_t spooled;
	/* the present entry: its place in src->v, since the list may move */
	size_t at;
	enum mode mode;
	char head[HEAD];
	size_t have;
	struct snapshot_ingest *ingest;
	struct store_blob_writer *blob;
	char expected[STORE_DIGEST_MAX]; /* digest that the name promises, or "" */
};

static struct transport_entry *present(struct stream *s)
{
	return &s->src->v[s->at];
}

static int entry_begins(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct stream *s = ctx;
	struct transport_entry *t;
	int r = transport_source_add(s->src, entry->path, &t, e);
	if (r < 0)
		return r;
	s->at = s->src->n - 1;
	s->have = 0;
	s->mode = TO_NOTHING;
	t->kind = TRANSPORT_OTHER;
	if (entry->type == LAYER_SYMLINK || entry->type == LAYER_HARDLINK) {
		t->kind = TRANSPORT_LINK;
		t->target = entry->type == LAYER_SYMLINK ? mem_strdup(entry->linkname)
							 : mem_printf("/%s", entry->linkname);
	} else if (entry->type == LAYER_FILE) {
		t->size = entry->size;
		s->mode = IN_HEAD;
	}
	return 0;
}

static bool is_tar_head(const char *p, size_t len)
{
	if (len < HEAD)
		return false;
	static const char zero[HEAD];
	return !memcmp(p + 257, "ustar", 5) || !memcmp(p, zero, HEAD);
}

static int begin_layer(struct stream *s, enum layer_compression c, struct err *e)
{
	struct transport_entry *t = present(s);
	bool is_blob = transport_blob_digest(t->name, s->expected);
	uint64_t known;
	if (!is_blob)
		s->expected[0] = 0;
	int r = 0;
	if (is_blob && c != LAYER_PLAIN && !store_blob_has(s->src->store, s->expected, &known))
		r = store_blob_writer_new(s->src->store, &s->blob, e);
	if (r < 0)
		return r;
	struct snapshot_ingest_options opt = {
		.blob_digest = is_blob ? s->expected : NULL,
		.blob_size = t->size,
		.skip_blob_hash = !is_blob,
	};
	s->mode = TO_LAYER;
	return snapshot_ingest_begin(s->src->store, &opt, &s->ingest, e);
}

static int to_spool(struct stream *s, const void *p, size_t len, struct err *e)
{
	int r = io_pwrite_all(s->src->fd, p, len, (off_t)s->spooled);
	if (r < 0)
		return err_sysno(e, r, "put a document aside");
	s->spooled += len;
	return 0;
}

static int to_layer(struct stream *s, const void *p, size_t len, struct err *e)
{
	if (s->blob) {
		int r = io_write_all(store_blob_writer_fd(s->blob), p, len);
		if (r < 0)
			return err_sysno(e, r, "write a blob");
	}
	return snapshot_ingest_push(s->ingest, p, len, e);
}

static int begin_spool(struct stream *s, struct err *e)
{
	struct transport_entry *t = present(s);
	if (t->size > LIMIT_CONFIG) {
		s->mode = TO_NOTHING; /* an error only when a document asks for it */
		return 0;
	}
	if (s->spooled + t->size > LIMIT_ARCHIVE_DOCUMENTS)
		return err_set(e, ERR_LIMIT, "the archive has more than %d MiB of documents",
			LIMIT_ARCHIVE_DOCUMENTS >> 20);
	s->mode = TO_SPOOL;
	t->kind = TRANSPORT_BYTES;
	t->offset = s->spooled;
	return 0;
}

/* The first block is complete, or the entry is shorter. */
static int decide(struct stream *s, struct err *e)
{
	enum layer_compression c = layer_compression_sniff(s->head, s->have);
	int r = c != LAYER_PLAIN || is_tar_head(s->head, s->have) ? begin_layer(s, c, e)
								  : begin_spool(s, e);
	if (r < 0)
		return r;
	if (s->mode == TO_LAYER)
		return to_layer(s, s->head, s->have, e);
	return s->mode == TO_SPOOL ? to_spool(s, s->head, s->have, e) : 0;
}

static int entry_data(void *ctx, const void *data, size_t len, struct err *e)
{
	struct stream *s = ctx;
	const char *p = data;
	if (s->mode == IN_HEAD) {
		size_t n = MIN(len, HEAD - s->have);
		memcpy(s->head + s->have, p, n);
		s->have += n;
		p += n;
		len -= n;
		if (s->have < HEAD)
			return 0;
		int r = decide(s, e);
		if (r < 0)
			return err_wrap(e, r, "'%.200s'", present(s)->name);
	}
	if (!len)
		return 0;
	int r = 0;
	if (s->mode == TO_LAYER)
		r = to_layer(s, p, len, e);
	else if (s->mode == TO_SPOOL)
		r = to_spool(s, p, len, e);
	return r < 0 ? err_wrap(e, r, "'%.200s'", present(s)->name) : 0;
}

static int end_layer(struct stream *s, struct err *e)
{
	struct transport_entry *t = present(s);
	struct snapshot_ingest_info info;
	int r = snapshot_ingest_finish(s->ingest, &info, e);
	snapshot_ingest_free(STEAL(s->ingest));
	if (r < 0)
		return r;
	t->kind = TRANSPORT_LAYER;
	t->layer = (struct transport_layer){
		.blob_size = t->size, .compression = info.compression, .kept = s->blob};
	memcpy(t->layer.diffid, info.layer.diffid, sizeof(t->layer.diffid));
	memcpy(t->layer.blob_digest, info.blob_digest, sizeof(t->layer.blob_digest));
	strv_add(&s->src->new_layers, t->layer.diffid);
	if (!s->blob)
		return 0;
	strv_add(&s->src->new_blobs, t->layer.blob_digest);
	return store_blob_writer_finish_hashed(STEAL(s->blob), s->expected, e);
}

static int entry_ends(void *ctx, struct err *e)
{
	struct stream *s = ctx;
	int r = 0;
	if (s->mode == IN_HEAD)
		r = decide(s, e);
	if (r >= 0 && s->mode == TO_LAYER)
		r = end_layer(s, e);
	s->mode = TO_NOTHING;
	return r < 0 ? err_wrap(e, r, "'%.200s'", present(s)->name) : 0;
}

/* From fd through an optional decompression into the tar reader. */
static int pump(int fd, struct layer_tar *t, struct err *e)
{
	const size_t piece = 256 * 1024;
	char *in cleanup_free = mem_alloc(piece);
	char *out cleanup_free = NULL;
	struct layer_decompress *d cleanup_layer_decompress = NULL;
	bool first = true;
	for (;;) {
		ssize_t n = io_read_full(fd, in, piece);
		if (n < 0)
			return err_sysno(e, (int)n, "read the archive");
		if (n == 0)
			break;
		enum layer_compression c =
			first ? layer_compression_sniff(in, (size_t)n) : LAYER_PLAIN;
		first = false;
		if (c != LAYER_PLAIN) {
			d = layer_decompress_new(c, e);
			if (!d)
				return -ERR_UNSUPPORTED;
			out = mem_alloc(piece);
		}
		if (!d) {
			int r = layer_tar_push(t, in, (size_t)n, e);
			if (r < 0)
				return r;
			continue;
		}
		const uint8_t *p = (const uint8_t *)in;
		size_t len = (size_t)n;
		for (;;) {
			ssize_t k = layer_decompress_step(d, &p, &len, (uint8_t *)out, piece, e);
			if (k < 0)
				return (int)k;
			if (k == 0 && !len)
				break;
			int r = layer_tar_push(t, out, (size_t)k, e);
			if (r < 0)
				return r;
		}
	}
	int r = d ? layer_decompress_finish(d, e) : 0;
	return r < 0 ? r : layer_tar_finish(t, e);
}

int transport_source_stream(struct transport_source *src, int fd, struct err *e)
{
	static const struct layer_tar_ops ops = {entry_begins, entry_data, entry_ends};
	src->fd = file_open_unnamed(store_dir(src->store, STORE_DIR_TMP, e), ".", e);
	if (src->fd < 0)
		return src->fd;
	src->own_fd = true;
	struct stream s = {.src = src, .mode = TO_NOTHING};
	struct layer_tar *t cleanup_layer_tar = layer_tar_new(&ops, &s);
	int r = pump(fd, t, e);
	snapshot_ingest_free(s.ingest);
	store_blob_writer_free(s.blob);
	if (r >= 0)
		transport_source_ready(src);
	return r;
}
