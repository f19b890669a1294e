/* One index for many layers; see the header. */
#include "layer/merge.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/index_priv.h"
#include "layer/stack_priv.h"
#include "layer/tree_priv.h"
#include "layer/xattr_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct first_name {
	uint64_t key; /* layer and inode; 0: empty */
	char *path;
};

struct merge {
	struct layer_tree *const *layers;
	struct layer_index *index;
	bool keep_whiteouts;
	uint64_t seen;
	/* first names of files with several */
	struct first_name *names;
	size_t n_slots;
	size_t n_names;
	struct xattr_list xattrs;
	struct buf link;
};

static struct first_name *name_slot(struct first_name *names, size_t n, uint64_t key)
{
	size_t at = (key * 0x9E3779B97F4A7C15ULL) >> 24 & (n - 1);
	while (names[at].key && names[at].key != key)
		at = (at + 1) & (n - 1);
	return &names[at];
}

static struct first_name *first_name(struct merge *m, uint64_t key)
{
	if (2 * (m->n_names + 1) > m->n_slots) {
		size_t n = m->n_slots ? 2 * m->n_slots : 64;
		struct first_name *names = mem_array(n, sizeof(*names));
		for (size_t i = 0; i < m->n_slots; i++)
			if (m->names[i].key)
				*name_slot(names, n, m->names[i].key) = m->names[i];
		free(m->names);
		m->names = names;
		m->n_slots = n;
	}
	return name_slot(m->names, m->n_slots, key);
}

/* Copies: what the tree gives is only lent for the call. */
static int take_xattr(void *ctx, const struct layer_xattr *x, struct err *e)
{
	struct xattr_list *l = ctx;
	if (xattr_overlay_name(x->name))
		return 0;
	if (l->n == l->cap) {
		l->cap = l->cap ? 2 * l->cap : 8;
		l->v = mem_realloc(l->v, l->cap, sizeof(*l->v));
	}
	/* the value stays where it is: in the mapped image */
	l->v[l->n++] = (struct layer_xattr){mem_strdup(x->name), x->value, x->len};
	return 0;
}

static void drop_xattrs(struct xattr_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free((char *)l->v[i].name);
	l->n = 0;
}

static enum layer_type type_of(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return LAYER_DIR;
	case S_IFLNK:
		return LAYER_SYMLINK;
	case S_IFCHR:
		return LAYER_CHAR;
	case S_IFBLK:
		return LAYER_BLOCK;
	case S_IFIFO:
		return LAYER_FIFO;
	default:
		return LAYER_FILE;
	}
}

/* entry, which has more than one name: 1 when it went in as a link to the first. */
static int add_as_link(
	struct merge *m, struct layer_entry *entry, const struct stack_part *part, struct err *e)
{
	uint64_t key = (part->node.nid << 10 | part->layer) + 1;
	struct first_name *first = first_name(m, key);
	if (!first->key) {
		first->key = key;
		first->path = mem_strdup(entry->path);
		m->n_names++;
		return 0;
	}
	struct layer_entry link = {
		.path = entry->path, .type = LAYER_HARDLINK, .linkname = first->path};
	int r = index_add_on(m->index, &link, 1, e);
	return r < 0 ? r : 1;
}

static int add(struct merge *m, const char *path, const struct stack_entry *from, struct err *e)
{
	const struct stack_part *part = &from->parts[0];
	const struct layer_tree_node *n = &part->node;
	struct layer_tree *t = m->layers[part->layer];
	struct layer_entry entry = {.path = path,
		.type = type_of(n->mode),
		.mode = n->mode & 07777,
		.uid = n->uid,
		.gid = n->gid,
		.mtime = n->mtime,
		.mtime_ns = n->mtime_ns,
		.rdev_major = n->rdev_major,
		.rdev_minor = n->rdev_minor,
		.size = S_ISREG(n->mode) ? n->size : 0,
		.offset = n->offset};
	if (!S_ISDIR(n->mode) && n->nlink > 1) {
		int r = add_as_link(m, &entry, part, e);
		if (r != 0)
			return MIN(r, 0);
	}
	buf_clear(&m->link);
	int r = layer_tree_xattrs(t, n, take_xattr, &m->xattrs, e);
	if (r == 0 && S_ISLNK(n->mode))
		r = layer_tree_link(t, n, &m->link, e);
	entry.linkname = buf_str(&m->link);
	entry.xattrs = m->xattrs.v;
	entry.n_xattrs = m->xattrs.n;
	if (r == 0)
		r = index_add_on(m->index, &entry, (uint16_t)(part->layer + 1), e);
	if (r == 0 && m->keep_whiteouts && from->opaque)
		r = layer_index_opaque(m->index, path, e);
	drop_xattrs(&m->xattrs);
	return r;
}

static int add_dir(struct merge *m, const char *path, const struct stack_entry *dir, struct err *e)
{
	struct stack_list list;
	int r = add(m, path, dir, e);
	if (r < 0)
		return r;
	r = stack_list_dir(m->layers, dir, m->keep_whiteouts, &list, e);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		struct stack_entry *c = &list.v[i];
		cleanup_free char *child = mem_printf("%s%s%s", path, *path ? "/" : "", c->name);
		if (strlen(child) > LIMIT_TAR_PATH || ++m->seen > 2ULL * LIMIT_LAYER_ENTRIES)
			r = err_set(e, ERR_FORMAT, "the layer's index is damaged: it has no end");
		else if (c->whiteout)
			r = layer_index_whiteout(m->index, child, e);
		else if (S_ISDIR(c->parts[0].node.mode))
			r = add_dir(m, child, c, e);
		else
			r = add(m, child, c, e);
		stack_entry_release(c);
	}
	stack_list_release(&list);
	return r;
}

int layer_merge(struct layer_tree *const *layers, size_t n, bool keep_whiteouts, int out_fd,
	uint64_t *ret_size, struct err *e)
{
	uint64_t sizes[LIMIT_LAYERS];
	struct stack_entry root;
	if (n == 0 || n > LIMIT_LAYERS)
		return err_set(e, ERR_LIMIT, "%zu layers cannot be merged", n);
	struct merge m = {.layers = layers, .keep_whiteouts = keep_whiteouts};
	for (size_t i = 0; i < n; i++)
		sizes[i] = layer_tree_tar_size(layers[i]);
	int r = stack_root(layers, n, &root, e);
	if (r < 0)
		return r;
	m.index = layer_index_new(out_fd);
	r = add_dir(&m, "", &root, e);
	if (r == 0)
		r = index_finish_on(m.index, sizes, n, ret_size, e);
	stack_entry_release(&root);
	layer_index_free(m.index);
	for (size_t i = 0; i < m.n_slots; i++)
		free(m.names[i].path);
	free(m.names);
	xattr_list_release(&m.xattrs);
	buf_release(&m.link);
	return r;
}
