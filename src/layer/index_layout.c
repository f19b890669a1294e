/*
 * Gives every inode and directory block of an index its place. Inodes stand
 * behind the superblock in the order of their directories, so that listing a
 * directory reads one place; what does not fit beside an inode (long
 * directories, long links) follows in whole blocks.
 */
#include "base/err.h"
#include "base/mem.h"
#include "layer/erofs_priv.h"
#include "layer/index_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int compare_names(const void *pa, const void *pb, void *ctx)
{
	const struct layer_index *x = ctx;
	const struct index_node *a = index_node(x, *(const uint32_t *)pa);
	const struct index_node *b = index_node(x, *(const uint32_t *)pb);
	int r = memcmp(index_name(x, a), index_name(x, b), MIN(a->name_len, b->name_len));
	return r ? r : (int)a->name_len - (int)b->name_len;
}

struct id_list {
	uint32_t *v;
	size_t n;
	size_t cap;
};

static void list_add(struct id_list *l, uint32_t id)
{
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 256;
		l->v = mem_realloc(l->v, l->cap, sizeof(*l->v));
	}
	l->v[l->n++] = id;
}

/* Puts a directory's children in byte order, without those that are gone. */
static void sort_children(struct layer_index *x, uint32_t dir, struct id_list *ids)
{
	ids->n = 0;
	for (uint32_t c = (uint32_t)index_node(x, dir)->size; c; c = index_node(x, c)->next) {
		if (!(index_node(x, c)->flags & NODE_GONE))
			list_add(ids, c);
		index_touch(x, c);
	}
	/* newest first; archives are mostly sorted already */
	bool sorted = true;
	for (size_t i = 0; i < ids->n / 2; i++) {
		uint32_t t = ids->v[i];
		ids->v[i] = ids->v[ids->n - 1 - i];
		ids->v[ids->n - 1 - i] = t;
	}
	for (size_t i = 1; sorted && i < ids->n; i++)
		sorted = compare_names(&ids->v[i - 1], &ids->v[i], x) < 0;
	if (!sorted)
		qsort_r(ids->v, ids->n, sizeof(*ids->v), compare_names, x);
	uint32_t next = 0;
	for (size_t i = ids->n; i-- > 0;) {
		index_node(x, ids->v[i])->next = next;
		next = ids->v[i];
	}
	index_node(x, dir)->size = next;
}

/* Lists the directories, parents first, with sorted children and counted links. */
static void collect(struct layer_index *x, struct index_layout *l)
{
	struct id_list dirs = {0}, ids = {0};
	list_add(&dirs, INDEX_ROOT);
	for (size_t i = 0; i < dirs.n; i++) {
		struct index_node *dir = index_node(x, dirs.v[i]);
		dir->nlink = 2;
		sort_children(x, dirs.v[i], &ids);
		for (size_t k = 0; k < ids.n; k++) {
			struct index_node *child = index_node(x, index_inode(x, ids.v[k]));
			if (S_ISDIR(child->mode)) {
				dir->nlink++;
				list_add(&dirs, ids.v[k]);
			} else {
				child->nlink++;
			}
		}
	}
	free(ids.v);
	l->dirs = dirs.v;
	l->n_dirs = dirs.n;
}

static int name_order(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int r = memcmp(a, b, MIN(a_len, b_len));
	return r ? r : (int)a_len - (int)b_len;
}

bool index_dir_next(struct index_dir_walk *w)
{
	static const char dots[] = "..";
	const struct index_node *child = w->child ? index_node(w->x, w->child) : NULL;
	if (w->dots < 2 && (!child || name_order(dots, w->dots + 1, index_name(w->x, child),
					      child->name_len) < 0)) {
		w->name = dots;
		w->len = ++w->dots;
		w->node = w->dots == 1 ? w->dir : index_node(w->x, w->dir)->parent;
	} else if (child) {
		w->name = index_name(w->x, child);
		w->len = child->name_len;
		w->node = index_inode(w->x, w->child);
		index_touch(w->x, w->child);
		w->child = child->next;
	} else {
		return false;
	}
	uint32_t size = (uint32_t)sizeof(struct erofs_dirent) + w->len;
	if (w->blocks == 0 || w->used + size > EROFS_BLOCK) {
		w->blocks++;
		w->used = 0;
	}
	w->used += size;
	return true;
}

uint32_t index_inode_size(const struct layer_index *x, const struct index_node *n)
{
	bool large = S_ISREG(n->mode) && n->size > UINT32_MAX;
	bool compact = n->mtime == x->epoch && n->mtime_ns == 0 && n->uid <= UINT16_MAX &&
		       n->gid <= UINT16_MAX && n->nlink <= UINT16_MAX && !large;
	return compact ? sizeof(struct erofs_inode_compact) : sizeof(struct erofs_inode_extended);
}

uint32_t index_xattr_bytes(const struct layer_index *x, const struct index_node *n)
{
	uint32_t size = n->xattrs ? index_xattrs_at(x, n->xattrs)->size : 0;
	if (n->flags & NODE_OPAQUE)
		size += INDEX_OPAQUE_SIZE;
	return size ? size + (uint32_t)sizeof(struct erofs_xattr_header) : 0;
}

struct cursor {
	uint64_t offset; /* for the next inode */
	uint64_t blocks; /* of data given out */
	uint64_t inodes;
};

/*
 * Decides where the data of a directory or a link goes: beside the inode, or (its whole blocks)
 * into the data blocks, which are written in the same order. Returns the bytes beside the inode.
 */
static uint32_t place_data(
	struct index_node *n, struct cursor *c, uint32_t head, uint64_t blocks, uint64_t tail)
{
	if (head + tail > EROFS_BLOCK) {
		c->blocks += blocks;
		return 0;
	}
	n->flags |= NODE_INLINE;
	c->blocks += blocks - 1;
	return (uint32_t)tail;
}

static void place_inode(struct layer_index *x, uint32_t id, struct cursor *c)
{
	struct index_node *n = index_node(x, id);
	uint32_t head = index_inode_size(x, n) + index_xattr_bytes(x, n);
	uint32_t total = head;
	if (S_ISDIR(n->mode)) {
		struct index_dir_walk w = {.x = x, .dir = id, .child = (uint32_t)n->size};
		while (index_dir_next(&w))
			continue;
		total += place_data(n, c, head, w.blocks, w.used);
	} else if (S_ISLNK(n->mode)) {
		/* all of it or nothing: the kernel reads a link's text from one place */
		uint64_t blocks = (n->size + EROFS_BLOCK - 1) / EROFS_BLOCK;
		total += place_data(n, c, head, blocks, n->size);
	} else if (S_ISREG(n->mode) && n->size) {
		total = ((head + 7) & ~7U) + (uint32_t)sizeof(struct erofs_chunk);
	}
	/* what is inline must not cross a block; with the inode in the same block, old kernels find
	 * a link's text too */
	if ((n->flags & NODE_INLINE) && c->offset % EROFS_BLOCK + total > EROFS_BLOCK)
		c->offset = (c->offset + EROFS_BLOCK - 1) & ~(uint64_t)(EROFS_BLOCK - 1);
	n->nid = (uint32_t)(c->offset / EROFS_SLOT);
	c->offset = (c->offset + total + EROFS_SLOT - 1) & ~(uint64_t)(EROFS_SLOT - 1);
	c->inodes++;
}

int index_layout_make(struct layer_index *x, size_t n_tars, struct index_layout *l, struct err *e)
{
	collect(x, l);
	struct cursor c = {.offset = EROFS_SUPER_OFFSET + sizeof(struct erofs_super) +
				     n_tars * sizeof(struct erofs_device)};
	place_inode(x, INDEX_ROOT, &c);
	for (size_t i = 0; i < l->n_dirs; i++) {
		uint32_t child = (uint32_t)index_node(x, l->dirs[i])->size;
		for (; child; child = index_node(x, child)->next) {
			uint32_t id = index_inode(x, child);
			if (!index_node(x, id)->nid)
				place_inode(x, id, &c);
			index_touch(x, child);
		}
	}
	l->inodes = c.inodes;
	l->meta_end = c.offset;
	l->data_block = (c.offset + EROFS_BLOCK - 1) / EROFS_BLOCK;
	/* whole pages: the image can also be a loop device */
	l->blocks = (l->data_block + c.blocks + 7) & ~(uint64_t)7;
	if (l->blocks > UINT32_MAX)
		return err_set(e, ERR_LIMIT, "the index would be larger than 2 TiB");
	return 0;
}
