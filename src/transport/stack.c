/* Opening the layers of an image by their indexes. */
#include "transport/stack_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "layer/compare.h"
#include "layer/ingest.h"
#include "snapshot/ingest.h"
#include "store/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void transport_stack_release(struct transport_stack *k)
{
	for (size_t i = 0; i < k->n; i++) {
		layer_tree_free(k->v[i]);
		close(*k->tars[i]);
		free(k->tars[i]);
		close(k->indexes[i]);
	}
	free(k->v);
	free(k->tars);
	free(k->indexes);
	*k = (struct transport_stack){0};
}

int transport_stack_push(struct transport_stack *k, int index, int tar, struct err *e)
{
	int index_fd cleanup_fd = index, tar_fd cleanup_fd = tar;
	/* the tree borrows the array of descriptors, too: one that stays where it is */
	int *fds cleanup_free = mem_array(1, sizeof(*fds));
	fds[0] = tar_fd;
	struct layer_tree *t = layer_tree_open(index_fd, fds, 1, e);
	if (!t)
		return e && e->code ? -e->code : -ERR_FORMAT;
	k->v = mem_realloc(k->v, k->n + 1, sizeof(*k->v));
	k->tars = mem_realloc(k->tars, k->n + 1, sizeof(*k->tars));
	k->indexes = mem_realloc(k->indexes, k->n + 1, sizeof(*k->indexes));
	k->v[k->n] = t;
	k->tars[k->n] = STEAL(fds);
	(void)STEAL_FD(tar_fd);
	k->indexes[k->n++] = STEAL_FD(index_fd);
	return 0;
}

static int index_in_memory(int tar, struct err *e)
{
	int fd cleanup_fd = memfd_create("index", MFD_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "memfd_create");
	struct layer_ingest_options opt = {.skip_blob_hash = true};
	struct layer_ingest_info info;
	int r = layer_ingest_fd(tar, UINT64_MAX, -1, fd, &opt, &info, e);
	return r < 0 ? r : STEAL_FD(fd);
}

static int open_layer(struct store *s, const char *diffid, struct transport_stack *k, struct err *e)
{
	struct store_layer l;
	int r = store_layer_get(s, diffid, &l, e);
	if (r >= 0 && l.suspect)
		r = snapshot_layer_verify(s, diffid, e);
	if (r < 0)
		return r;
	int dir cleanup_fd = store_layer_open(s, diffid, e);
	if (dir < 0)
		return dir;
	int tar cleanup_fd = openat(dir, "tar", O_RDONLY | O_CLOEXEC);
	if (tar < 0)
		return err_sys(e, "open the tar of layer '%s'", diffid);
	int index cleanup_fd = openat(dir, "index.erofs", O_RDONLY | O_CLOEXEC);
	if (index < 0 && errno != ENOENT)
		return err_sys(e, "open the index of layer '%s'", diffid);
	if (index < 0) {
		index = index_in_memory(tar, e);
		if (index < 0)
			return index;
	}
	r = transport_stack_push(k, STEAL_FD(index), STEAL_FD(tar), e);
	return r < 0 ? err_wrap(e, r, "layer '%s'", diffid) : 0;
}

int transport_stack_open(
	struct store *s, const struct strv *diffids, struct transport_stack *ret, struct err *e)
{
	struct transport_stack k cleanup_transport_stack = {0};
	for (size_t i = 0; i < diffids->n; i++) {
		int r = open_layer(s, diffids->v[i], &k, e);
		if (r < 0)
			return r;
	}
	*ret = k;
	k = (struct transport_stack){0};
	return 0;
}

int transport_stack_find(
	struct transport_stack *k, const char *path, struct layer_tree_node *ret, struct err *e)
{
	size_t layer;
	int r = layer_stack_lookup(k->v, k->n, path, ret, &layer, e);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	return r < 0 ? r : 1;
}
