/* Ingest into the store, and the verification of layers that a crash may have torn. */
#include "snapshot/ingest.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "snapshot/layer_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct snapshot_ingest {
	struct snapshot_layer *layer;
	struct layer_ingest *ingest;
	int tree; /* the dir driver's directory, or -1 */
	bool durable;
	bool drained;
	struct layer_ingest_info info; /* when drained */
};

void snapshot_ingest_free(struct snapshot_ingest *g)
{
	if (!g)
		return;
	layer_ingest_free(g->ingest);
	if (g->tree >= 0)
		close(g->tree);
	snapshot_layer_free(g->layer);
	free(g);
}

static int check_options(const struct snapshot_ingest_options *opt, struct err *e)
{
	const char *const digests[] = {opt->blob_digest, opt->diffid};
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		if (digests[i] && !store_digest_valid(digests[i]))
			return err_set(e, EINVAL, "'%.100s' is not a sha256 digest", digests[i]);
	return 0;
}

int snapshot_ingest_begin(struct store *s, const struct snapshot_ingest_options *opt,
	struct snapshot_ingest **ret, struct err *e)
{
	static const struct snapshot_ingest_options none = {0};
	if (!opt)
		opt = &none;
	int r = check_options(opt, e);
	if (r < 0)
		return r;
	struct snapshot_ingest *g cleanup_snapshot_ingest = mem_alloc(sizeof(*g));
	g->tree = -1;
	g->durable = opt->durable;
	r = snapshot_layer_open(s, &g->layer, e);
	if (r < 0)
		return r;
	struct layer_ingest_options o = {
		.blob_digest = store_digest_hex(opt->blob_digest),
		.diffid = store_digest_hex(opt->diffid),
		.blob_size = opt->blob_size,
		.skip_blob_hash = opt->skip_blob_hash,
		.alone = opt->alone,
		.limits = opt->limits,
		.keep = opt->keep,
		.keep_arg = opt->keep_arg,
	};
	if (g->layer->driver == SNAPSHOT_DIR) {
		g->tree = snapshot_layer_tree(g->layer, e);
		if (g->tree < 0)
			return g->tree;
		o.unpack = true;
		o.unpack_fd = g->tree;
	}
	g->ingest = layer_ingest_new(g->layer->tar, g->layer->index, &o);
	*ret = STEAL(g);
	return 0;
}

int snapshot_ingest_push(struct snapshot_ingest *g, const void *p, size_t len, struct err *e)
{
	return layer_ingest_push(g->ingest, p, len, e);
}

int snapshot_ingest_drain(struct snapshot_ingest *g, struct err *e)
{
	int r = layer_ingest_finish(g->ingest, &g->info, e);
	g->drained = r >= 0;
	return r;
}

void snapshot_ingest_stop(struct snapshot_ingest *g)
{
	layer_ingest_stop(g->ingest);
}

int snapshot_ingest_finish(
	struct snapshot_ingest *g, struct snapshot_ingest_info *ret, struct err *e)
{
	int r = g->drained ? 0 : snapshot_ingest_drain(g, e);
	if (r < 0)
		return r;
	const struct layer_ingest_info info = g->info;
	struct store_layer layer;
	r = snapshot_layer_commit(g->layer, &info.layer, g->durable, &layer, e);
	if (r < 0 || !ret)
		return r;
	*ret = (struct snapshot_ingest_info){
		.layer = layer,
		.blob_size = info.blob_size,
		.compression = info.compression,
	};
	if (info.blob_digest[0])
		snprintf(ret->blob_digest, sizeof(ret->blob_digest), "sha256:%s", info.blob_digest);
	return 0;
}

int snapshot_ingest_fd(struct store *s, int fd, uint64_t len,
	const struct snapshot_ingest_options *opt, struct snapshot_ingest_info *ret, struct err *e)
{
	struct snapshot_ingest *g cleanup_snapshot_ingest = NULL;
	int r = snapshot_ingest_begin(s, opt, &g, e);
	if (r < 0)
		return r;
	const size_t piece = 256 * 1024;
	char *p cleanup_free = mem_alloc(piece);
	while (len > 0) {
		ssize_t n = io_read_full(fd, p, MIN(piece, len));
		if (n < 0)
			return err_sysno(e, n, "read a layer");
		if (n == 0)
			break;
		r = snapshot_ingest_push(g, p, n, e);
		if (r < 0)
			return r;
		len -= n;
	}
	return snapshot_ingest_finish(g, ret, e);
}

int snapshot_layer_verify(struct store *s, const char *diffid, struct err *e)
{
	struct store_layer l;
	int r = store_layer_get(s, diffid, &l, e);
	if (r < 0 || !l.suspect)
		return r;
	char *path cleanup_free = store_layer_path(s, diffid, "tar");
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC);
	/* The commit replaces a suspect layer by the one that was just made from its tar. */
	struct snapshot_ingest_options opt = {
		.diffid = diffid, .skip_blob_hash = true, .durable = true};
	struct err why = ERR_INIT;
	r = fd < 0 ? err_sys(&why, "open '%s'", path)
		   : snapshot_ingest_fd(s, fd, UINT64_MAX, &opt, NULL, &why);
	if (r >= 0)
		return 0;
	if (r == -ENOSPC || r == -EIO || r == -EMFILE) {
		if (e)
			*e = why;
		return r;
	}
	r = store_layer_delete(s, diffid, e);
	return r < 0 ? r
		     : err_set(e, ERR_DIGEST,
			       "layer '%s' was torn when the machine stopped and is removed: %s",
			       diffid, why.msg);
}
