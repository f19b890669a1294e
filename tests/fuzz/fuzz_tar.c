/* Archives: the tar reader, the index made of what it gives, and that index read back. Headers are
 * given a right checksum first, or hardly anything would get past it. */
#include "base/defs.h"
#include "layer/index.h"
#include "layer/tar_format_priv.h"
#include "layer/tar_read.h"
#include "layer/tree.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void need(bool fine)
{
	if (!fine)
		abort();
}

static int see_entry(void *ctx, const struct layer_entry *entry, struct err *e)
{
	need(layer_path_is_clean(entry->path));
	need((entry->mode & ~07777U) == 0 && entry->mtime_ns < 1000000000U);
	need(entry->type != LAYER_HARDLINK || layer_path_is_clean(entry->linkname));
	need(entry->type == LAYER_FILE || entry->size == 0);
	need(*entry->path || entry->type == LAYER_DIR);
	return layer_index_add(ctx, entry, e);
}

static int see_node(void *ctx, const char *path, const struct layer_tree_node *n, struct err *e)
{
	struct layer_tree_node again;
	need(layer_tree_lookup(ctx, path, &again, e) == 0 && again.nid == n->nid);
	return 0;
}

static void fix_checksums(uint8_t *p, size_t size)
{
	for (size_t at = 0; at + 512 <= size; at += 512) {
		struct tar_block b;
		memcpy(&b, p + at, sizeof(b));
		if (memcmp(b.magic, "ustar", 5) != 0)
			continue;
		snprintf(b.checksum, sizeof(b.checksum), "%06o", tar_block_sum(&b));
		memcpy(p + at, &b, sizeof(b));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct layer_tar_ops ops = {.entry = see_entry};
	if (size < 1)
		return 0;
	size_t step = data[0] + 1U;
	uint8_t *copy = malloc(size);
	int fd = memfd_create("index", MFD_CLOEXEC);
	need(copy && fd >= 0);
	size--;
	memcpy(copy, data + 1, size);
	fix_checksums(copy, size);
	struct layer_index *x = layer_index_new(fd);
	struct layer_tar *t = layer_tar_new(&ops, x);
	int r = 0;
	for (size_t at = 0; r == 0 && at < size; at += step)
		r = layer_tar_push(t, copy + at, MIN(step, size - at), NULL);
	if (r == 0)
		r = layer_tar_finish(t, NULL);
	if (r == 0 && layer_index_finish(x, size, NULL, NULL) == 0) {
		struct layer_tree *tree = layer_tree_open(fd, NULL, 0, NULL);
		need(tree && layer_tree_walk(tree, see_node, tree, NULL) == 0);
		layer_tree_free(tree);
	}
	layer_tar_free(t);
	layer_index_free(x);
	close(fd);
	free(copy);
	return 0;
}
