/* Damaged indexes: nothing that the reader finds in one may lead it outside. */
#include "base/buf.h"
#include "base/defs.h"
#include "layer/erofs_priv.h"
#include "layer/tree_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct walk {
	struct layer_tree *t;
	int left; /* a directory that contains itself is long */
};

static int see_xattr(void *ctx, const struct layer_xattr *x, struct err *e)
{
	volatile size_t sum = strlen(x->name);
	for (size_t i = 0; i < x->len; i++)
		sum += ((const uint8_t *)x->value)[i];
	return 0;
}

static int see_node(void *ctx, const char *path, const struct layer_tree_node *n, struct err *e)
{
	struct walk *w = ctx;
	struct layer_tree_node found;
	struct buf text cleanup_buf = BUF_INIT;
	(void)!layer_tree_lookup(w->t, path, &found, e);
	(void)!layer_tree_xattrs(w->t, n, see_xattr, NULL, e);
	if (S_ISLNK(n->mode))
		(void)!layer_tree_link(w->t, n, &text, e);
	return --w->left <= 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (size >= EROFS_SUPER_OFFSET + EROFS_BLOCK) {
		uint32_t crc = 0;
		uint8_t *p = copy + EROFS_SUPER_OFFSET;
		memcpy(p + offsetof(struct erofs_super, checksum), &crc, sizeof(crc));
		crc = erofs_crc32c(p, EROFS_BLOCK);
		memcpy(p + offsetof(struct erofs_super, checksum), &crc, sizeof(crc));
	}
	struct walk w = {layer_tree_open_memory(copy, size, NULL), 100};
	if (w.t)
		(void)!layer_tree_walk(w.t, see_node, &w, NULL);
	layer_tree_free(w.t);
	free(copy);
	return 0;
}
