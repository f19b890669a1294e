/*
 * Incoming layers in one pass; see the header. Two pipes: the bytes as they come
 * go to a hash and to the decompressor, whose output goes to the second hash and
 * to the writer with the tar reader and the index. A plain tar skips the first.
 */
#include "layer/ingest.h"
#include "base/direct.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/index.h"
#include "layer/pipe_priv.h"
#include "layer/tar_read.h"
#include "layer/unpack.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	/* 2.25 MiB a layer; more would not make two cores faster */
	RING_IN = 3 * PIPE_ALONE,
	RING_OUT = 6 * PIPE_ALONE,
	RING_OUT_ALONE = 16 * PIPE_ALONE, /* the disk is not always as fast */
	WRITE_MOST = 3 * PIPE_ALONE, /* the disk likes long ones, half the ring can be waited for */
};

struct layer_ingest {
	struct layer_ingest_options opt;
	char *blob_digest;
	char *diffid;
	struct direct_file tar_file; /* fd -1: not kept */
	/* input */
	uint8_t head[LAYER_SNIFF]; /* until there is enough to know the compression */
	size_t n_head;
	bool known;
	enum layer_compression compression;
	uint64_t blob_size;
	struct layer_pipe *in; /* NULL for a plain tar */
	struct sha256 *blob_hash;
	struct layer_decompress *filter;
	/* output */
	struct layer_pipe *out;
	struct sha256 *tar_hash;
	uint64_t tar_size;
	struct layer_tar *tar;
	struct layer_index *index;
	struct layer_unpack *unpack;
};

static int entry_seen(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct layer_ingest *g = ctx;
	int r = g->index ? layer_index_add(g->index, entry, e) : 0;
	if (r == 0 && g->unpack)
		r = layer_unpack_ops.entry(g->unpack, entry, e);
	return r;
}

static int data_seen(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_ingest *g = ctx;
	return g->unpack ? layer_unpack_ops.data(g->unpack, p, len, e) : 0;
}

static int end_seen(void *ctx, struct err *e)
{
	struct layer_ingest *g = ctx;
	return g->unpack ? layer_unpack_ops.end(g->unpack, e) : 0;
}

static const struct layer_tar_ops tar_ops = {entry_seen, data_seen, end_seen};

/* The bytes as they come, when they are compressed */
static int take_blob(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_ingest *g = ctx;
	if (g->blob_hash)
		sha256_add(g->blob_hash, p, len);
	return g->opt.keep ? g->opt.keep(g->opt.keep_arg, p, len, e) : 0;
}

static int hash_tar(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_ingest *g = ctx;
	sha256_add(g->tar_hash, p, len);
	/* a plain tar has no other hash */
	bool keeps = g->compression == LAYER_PLAIN && g->opt.keep;
	return keeps ? g->opt.keep(g->opt.keep_arg, p, len, e) : 0;
}

static int write_tar(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_ingest *g = ctx;
	int r = layer_tar_push(g->tar, p, len, e);
	if (r < 0)
		return r;
	g->tar_size += len;
	if (g->tar_size > g->opt.limits.size)
		return err_set(e, ERR_LIMIT, "the layer is larger than %" PRIu64 " bytes",
			g->opt.limits.size);
	r = g->tar_file.fd >= 0 ? direct_write(&g->tar_file, p, len, g->tar_size - len) : 0;
	return r < 0 ? err_sysno(e, r, "write the layer") : 0;
}

/* The decompressor writes straight into the second pipe's buffers. */
static int inflate(void *ctx, const void *p, size_t len, struct err *e)
{
	struct layer_ingest *g = ctx;
	const uint8_t *in = p;
	for (;;) {
		void *room;
		size_t n;
		int r = layer_pipe_room(g->out, &room, &n, e);
		if (r < 0)
			return r;
		ssize_t got = layer_decompress_step(g->filter, &in, &len, room, n, e);
		if (got < 0)
			return (int)got;
		layer_pipe_filled(g->out, (size_t)got);
		if (len == 0 && (size_t)got < n)
			return 0;
	}
}

struct layer_ingest *layer_ingest_new(
	int tar_fd, int index_fd, const struct layer_ingest_options *opt)
{
	struct layer_ingest *g = mem_alloc(sizeof(*g));
	g->tar_file = DIRECT_FILE_INIT(tar_fd);
	if (opt)
		g->opt = *opt;
	if (!g->opt.limits.size)
		g->opt.limits.size = LIMIT_LAYER_SIZE;
	g->blob_digest = mem_strdup(g->opt.blob_digest);
	g->diffid = mem_strdup(g->opt.diffid);
	if (index_fd >= 0)
		g->index = layer_index_new(index_fd);
	if (g->opt.unpack)
		g->unpack = layer_unpack_new(g->opt.unpack_fd, 0);
	g->tar = layer_tar_new(&tar_ops, g);
	g->tar_hash = sha256_new();
	const struct pipe_stage stages[] = {{hash_tar, g, 0}, {write_tar, g, WRITE_MOST}};
	g->out = layer_pipe_new(
		stages, ARRAY_SIZE(stages), g->opt.alone ? RING_OUT_ALONE : RING_OUT);
	return g;
}

void layer_ingest_free(struct layer_ingest *g)
{
	if (!g)
		return;
	/* a stage of the first pipe may wait for room in the second: that one must give up first */
	layer_pipe_stop(g->out);
	layer_pipe_free(g->in);
	layer_pipe_free(g->out);
	layer_decompress_free(g->filter);
	layer_tar_free(g->tar);
	layer_index_free(g->index);
	layer_unpack_free(g->unpack);
	sha256_free(g->blob_hash);
	sha256_free(g->tar_hash);
	free(g->blob_digest);
	free(g->diffid);
	free(g);
}

/* Where input goes once the compression is known */
static struct layer_pipe *input(struct layer_ingest *g)
{
	return g->in ? g->in : g->out;
}

static int decide(struct layer_ingest *g, struct err *e)
{
	g->known = true;
	g->compression = layer_compression_sniff(g->head, g->n_head);
	if (g->compression != LAYER_PLAIN) {
		g->filter = layer_decompress_new(g->compression, e);
		if (!g->filter)
			return -ERR_UNSUPPORTED;
		layer_decompress_limit(g->filter, &g->opt.limits);
		struct pipe_stage stages[2];
		size_t n = 0;
		if (!g->opt.skip_blob_hash)
			g->blob_hash = sha256_new();
		if (g->blob_hash || g->opt.keep)
			stages[n++] = (struct pipe_stage){take_blob, g, 0};
		stages[n++] = (struct pipe_stage){inflate, g, 0};
		g->in = layer_pipe_new(stages, n, RING_IN);
	}
	return layer_pipe_put(input(g), g->head, g->n_head, e);
}

/* Takes the first bytes apart; returns how many. */
static ssize_t sniff(struct layer_ingest *g, const void *p, size_t len, struct err *e)
{
	size_t n = MIN(len, sizeof(g->head) - g->n_head);
	memcpy(g->head + g->n_head, p, n);
	g->n_head += n;
	int r = g->n_head == sizeof(g->head) ? decide(g, e) : 0;
	return r < 0 ? r : (ssize_t)n;
}

static int count(struct layer_ingest *g, size_t len, struct err *e)
{
	g->blob_size += len;
	if (g->opt.blob_size && g->blob_size > g->opt.blob_size)
		return err_set(e, ERR_DIGEST,
			"the layer has more than the %" PRIu64 " bytes that were announced",
			g->opt.blob_size);
	return 0;
}

int layer_ingest_push(struct layer_ingest *g, const void *p, size_t len, struct err *e)
{
	int r = count(g, len, e);
	if (r == 0 && !g->known) {
		ssize_t n = sniff(g, p, len, e);
		if (n < 0)
			return (int)n;
		p = (const char *)p + n;
		len -= (size_t)n;
	}
	return r < 0 ? r : layer_pipe_put(input(g), p, len, e);
}

/* All bytes are in: lets the pipes run empty. */
static int drain(struct layer_ingest *g, struct err *e)
{
	int r = g->known ? 0 : decide(g, e);
	if (r == 0 && g->in) {
		r = layer_pipe_close(g->in, e);
		if (r == 0)
			r = layer_pipe_wait(g->in, e);
		if (r == 0)
			r = layer_decompress_finish(g->filter, e);
	}
	if (r == 0)
		r = layer_pipe_close(g->out, e);
	if (r == 0)
		r = layer_pipe_wait(g->out, e);
	if (r == 0)
		direct_end(&g->tar_file);
	return r < 0 ? r : layer_tar_finish(g->tar, e);
}

void layer_ingest_stop(struct layer_ingest *g)
{
	if (!g->known && decide(g, NULL) < 0)
		return;
	(void)layer_pipe_close(input(g), NULL);
	(void)layer_pipe_wait(input(g), NULL);
}

static int compare(const char *what, const char *want, const char *have, struct err *e)
{
	if (!want || !*have || strcmp(want, have) == 0)
		return 0;
	return err_set(e, ERR_DIGEST, "the layer's %s is sha256:%s instead of sha256:%s", what,
		have, want);
}

static int verify(struct layer_ingest *g, struct layer_ingest_info *info, struct err *e)
{
	info->compression = g->compression;
	info->blob_size = g->blob_size;
	info->layer.tar_size = g->tar_size;
	info->layer.entries = layer_tar_entries(g->tar);
	info->layer.content = layer_tar_content(g->tar);
	sha256_end_hex(g->tar_hash, info->layer.diffid);
	if (g->blob_hash)
		sha256_end_hex(g->blob_hash, info->blob_digest);
	else if (!g->in)
		memcpy(info->blob_digest, info->layer.diffid, sizeof(info->blob_digest));
	if (g->opt.blob_size && g->blob_size != g->opt.blob_size)
		return err_set(e, ERR_DIGEST,
			"the layer has %" PRIu64 " bytes instead of %" PRIu64 ": it is truncated",
			g->blob_size, g->opt.blob_size);
	int r = compare("digest", g->blob_digest, info->blob_digest, e);
	return r < 0 ? r : compare("content (diffID)", g->diffid, info->layer.diffid, e);
}

int layer_ingest_finish(struct layer_ingest *g, struct layer_ingest_info *ret, struct err *e)
{
	struct layer_ingest_info info = {0};
	int r = drain(g, e);
	if (r < 0)
		return r;
	r = verify(g, &info, e);
	if (r == 0 && g->unpack)
		r = layer_unpack_finish(g->unpack, e);
	if (r == 0 && g->index)
		r = layer_index_finish(g->index, g->tar_size, &info.layer.index_size, e);
	if (r == 0)
		*ret = info;
	return r;
}

/* Reads straight into the pipe's buffers. Returns the bytes read, 0 at the end. */
static ssize_t read_some(struct layer_ingest *g, int fd, uint64_t most, struct err *e)
{
	void *room;
	size_t n;
	int r = layer_pipe_room(input(g), &room, &n, e);
	if (r < 0)
		return r;
	ssize_t got;
	do
		got = read(fd, room, (size_t)MIN((uint64_t)n, most));
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return err_sys(e, "read the layer");
	layer_pipe_filled(input(g), (size_t)got);
	r = count(g, (size_t)got, e);
	return r < 0 ? r : got;
}

int layer_ingest_fd(int in_fd, uint64_t len, int tar_fd, int index_fd,
	const struct layer_ingest_options *opt, struct layer_ingest_info *ret, struct err *e)
{
	struct layer_ingest *g cleanup_layer_ingest = layer_ingest_new(tar_fd, index_fd, opt);
	uint8_t head[LAYER_SNIFF];
	ssize_t n = io_read_full(in_fd, head, (size_t)MIN(len, sizeof(head)));
	if (n < 0)
		return err_sysno(e, (int)n, "read the layer");
	int r = layer_ingest_push(g, head, (size_t)n, e);
	uint64_t left = len - (uint64_t)n;
	while (r == 0 && g->known && left) {
		n = read_some(g, in_fd, left, e);
		if (n <= 0) {
			r = (int)n;
			break;
		}
		left -= len == UINT64_MAX ? 0 : (uint64_t)n;
	}
	if (r == 0 && left && len != UINT64_MAX)
		r = err_set(e, ERR_FORMAT, "the layer ends %" PRIu64 " bytes too early", left);
	return r < 0 ? r : layer_ingest_finish(g, ret, e);
}
