/*
 * Layers on their way into the store: which files the driver wants, who fills
 * them, and the commit.
 */
#include "snapshot/layer.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "layer/tar_read.h"
#include "layer/unpack.h"
#include "layer/writer.h"
#include "snapshot/layer_priv.h"
#include "snapshot/usage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define UNPACK_PIECE (256 * 1024)

static int open_files(struct snapshot_layer *l, struct err *e)
{
	int dir = store_layer_tmp_dir(l->tmp);
	l->tar = openat(dir, "tar", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (l->tar < 0)
		return err_sys(e, "create a layer in '%s'", store_path(l->store));
	if (l->driver == SNAPSHOT_DIR)
		return 0;
	l->index = openat(dir, "index.erofs", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return l->index < 0 ? err_sys(e, "create a layer in '%s'", store_path(l->store)) : 0;
}

int snapshot_layer_open(struct store *s, struct snapshot_layer **ret, struct err *e)
{
	struct snapshot_layer *l cleanup_snapshot_layer = mem_alloc(sizeof(*l));
	l->store = s;
	l->tar = l->index = -1;
	int r = snapshot_driver_get(s, NULL, &l->driver, e);
	if (r >= 0)
		r = store_layer_begin(s, &l->tmp, e);
	if (r >= 0)
		r = open_files(l, e);
	if (r < 0)
		return r;
	*ret = STEAL(l);
	return 0;
}

int snapshot_layer_begin(struct store *s, const struct layer_writer_options *opt,
	struct snapshot_layer **ret, struct err *e)
{
	int r = snapshot_layer_open(s, ret, e);
	if (r >= 0)
		(*ret)->writer = layer_writer_new((*ret)->tar, (*ret)->index, opt);
	return r;
}

struct layer_writer *snapshot_layer_writer(struct snapshot_layer *l)
{
	return l->writer;
}

void snapshot_layer_free(struct snapshot_layer *l)
{
	if (!l)
		return;
	layer_writer_free(l->writer);
	if (l->tar >= 0)
		close(l->tar);
	if (l->index >= 0)
		close(l->index);
	store_layer_tmp_free(l->tmp);
	free(l);
}

int snapshot_layer_tree(struct snapshot_layer *l, struct err *e)
{
	int dir = store_layer_tmp_dir(l->tmp);
	if (mkdirat(dir, "tree", 0755) < 0)
		return err_sys(e, "create a layer in '%s'", store_path(l->store));
	int tree = openat(dir, "tree", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return tree < 0 ? err_sys(e, "open a layer in '%s'", store_path(l->store)) : tree;
}

/* The dir driver's tree, from the finished tar. */
static int unpack_tar(struct snapshot_layer *l, struct err *e)
{
	int tree cleanup_fd = snapshot_layer_tree(l, e);
	if (tree < 0)
		return tree;
	if (lseek(l->tar, 0, SEEK_SET) < 0)
		return err_sys(e, "read a layer in '%s'", store_path(l->store));
	struct layer_unpack *u cleanup_layer_unpack = layer_unpack_new(tree, 0);
	struct layer_tar *t cleanup_layer_tar = layer_tar_new(&layer_unpack_ops, u);
	char *p cleanup_free = mem_alloc(UNPACK_PIECE);
	ssize_t n;
	while ((n = io_read_full(l->tar, p, UNPACK_PIECE)) > 0) {
		int r = layer_tar_push(t, p, n, e);
		if (r < 0)
			return r;
	}
	if (n < 0)
		return err_sysno(e, n, "read a layer in '%s'", store_path(l->store));
	int r = layer_tar_finish(t, e);
	return r < 0 ? r : layer_unpack_finish(u, e);
}

int snapshot_layer_commit(struct snapshot_layer *l, const struct layer_info *info, bool durable,
	struct store_layer *ret, struct err *e)
{
	struct store_layer_info row = {
		.tar_size = info->tar_size,
		.content_size = info->content,
		.entries = info->entries,
		.index_size = info->index_size,
		.durable = durable,
	};
	if (l->driver == SNAPSHOT_DIR) {
		char *tree cleanup_free = mem_printf("%s/tree", store_layer_tmp_path(l->tmp));
		struct snapshot_usage u;
		int r = snapshot_usage_get(tree, &u, e);
		if (r < 0)
			return r;
		row.index_size = u.bytes;
	}
	char diffid[STORE_DIGEST_MAX];
	snprintf(diffid, sizeof(diffid), "sha256:%s", info->diffid);
	int r = store_layer_commit(STEAL(l->tmp), diffid, &row, e);
	return r < 0 || !ret ? r : store_layer_get(l->store, diffid, ret, e);
}

int snapshot_layer_seal(struct snapshot_layer *l, struct layer_info *ret, struct err *e)
{
	int r = layer_writer_finish(l->writer, ret, e);
	return r >= 0 && l->driver == SNAPSHOT_DIR ? unpack_tar(l, e) : r;
}

int snapshot_layer_finish(
	struct snapshot_layer *l, bool durable, struct store_layer *ret, struct err *e)
{
	struct layer_info info;
	int r = snapshot_layer_seal(l, &info, e);
	return r < 0 ? r : snapshot_layer_commit(l, &info, durable, ret, e);
}
