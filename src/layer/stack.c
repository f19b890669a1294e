/* The merged view of a stack of layers; see the header. */
#include "layer/stack_priv.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/compare.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

void stack_entry_release(struct stack_entry *entry)
{
	free(entry->name);
	free(entry->parts);
	*entry = (struct stack_entry){0};
}

void stack_list_release(struct stack_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		stack_entry_release(&l->v[i]);
	free(l->v);
	*l = (struct stack_list){0};
}

int stack_root(struct layer_tree *const *stack, size_t n, struct stack_entry *ret, struct err *e)
{
	struct stack_entry root = {.parts = mem_array(n, sizeof(*root.parts))};
	for (size_t i = n; i-- > 0 && !root.opaque;) {
		struct stack_part *p = &root.parts[root.n_parts++];
		p->layer = i;
		int r = layer_tree_root(stack[i], &p->node, e);
		if (r < 0) {
			stack_entry_release(&root);
			return r;
		}
		root.opaque = p->node.opaque;
	}
	*ret = root;
	return 0;
}

/* All children of all parts, as they are found */
struct found {
	struct found_name {
		char *name;
		struct stack_part part;
	} * v;
	size_t n;
	size_t cap;
	size_t layer;
};

static int add_found(void *ctx, const char *name, const struct layer_tree_node *n, struct err *e)
{
	struct found *f = ctx;
	if (f->n == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 64;
		f->v = mem_realloc(f->v, f->cap, sizeof(*f->v));
	}
	f->v[f->n++] = (struct found_name){mem_strdup(name), {f->layer, *n}};
	return 0;
}

static int by_name_topmost_first(const void *pa, const void *pb)
{
	const struct found_name *a = pa, *b = pb;
	int r = strcmp(a->name, b->name);
	return r ? r : (a->part.layer < b->part.layer) - (a->part.layer > b->part.layer);
}

/* One name in n layers, the topmost first: what is shown of it. False: nothing. */
static bool resolve(struct found_name *f, size_t n, bool keep_whiteouts, struct stack_entry *ret)
{
	bool white = layer_tree_is_whiteout(&f->part.node);
	if (white && !keep_whiteouts)
		return false;
	struct stack_entry entry = {.parts = mem_array(n, sizeof(*entry.parts)), .whiteout = white};
	for (size_t i = 0; i < n; i++) {
		bool dir = S_ISDIR(f[i].part.node.mode);
		if (i > 0 && !dir) {
			/* a file or a whiteout below a directory: what is still lower is hidden */
			entry.opaque = true;
			break;
		}
		entry.parts[entry.n_parts++] = f[i].part;
		entry.opaque = dir && f[i].part.node.opaque;
		if (!dir || entry.opaque)
			break;
	}
	entry.name = STEAL(f->name);
	*ret = entry;
	return true;
}

int stack_list_dir(struct layer_tree *const *stack, const struct stack_entry *dir,
	bool keep_whiteouts, struct stack_list *ret, struct err *e)
{
	struct found f = {0};
	struct stack_list list = {0};
	int r = 0;
	for (size_t i = 0; r == 0 && i < dir->n_parts; i++) {
		f.layer = dir->parts[i].layer;
		r = layer_tree_list(stack[f.layer], &dir->parts[i].node, add_found, &f, e);
	}
	if (r == 0 && f.n) {
		if (dir->n_parts > 1)
			qsort(f.v, f.n, sizeof(*f.v), by_name_topmost_first);
		list.v = mem_array(f.n, sizeof(*list.v));
		for (size_t i = 0, next; i < f.n; i = next) {
			next = i + 1;
			while (next < f.n && strcmp(f.v[i].name, f.v[next].name) == 0)
				next++;
			list.n += resolve(&f.v[i], next - i, keep_whiteouts, &list.v[list.n]);
		}
	}
	for (size_t i = 0; i < f.n; i++)
		free(f.v[i].name);
	free(f.v);
	*ret = list;
	return r;
}

struct walk {
	struct layer_tree *const *stack;
	layer_stack_fn fn;
	void *ctx;
	uint64_t seen;
};

static int walk(struct walk *w, const struct stack_entry *dir, const char *path, struct err *e)
{
	struct stack_list list;
	int r = stack_list_dir(w->stack, dir, false, &list, e);
	for (size_t i = 0; r == 0 && i < list.n; i++) {
		struct stack_entry *c = &list.v[i];
		cleanup_free char *child = mem_printf("%s%s%s", path, *path ? "/" : "", c->name);
		if (strlen(child) > LIMIT_TAR_PATH || ++w->seen > 2ULL * LIMIT_LAYER_ENTRIES) {
			r = err_set(e, ERR_FORMAT, "the layer's index is damaged: it has no end");
			break;
		}
		c->parts[0].node.opaque = false;
		r = w->fn(w->ctx, child, &c->parts[0].node, c->parts[0].layer, e);
		if (r == 0 && S_ISDIR(c->parts[0].node.mode))
			r = walk(w, c, child, e);
		stack_entry_release(c); /* what is done need not be kept */
	}
	stack_list_release(&list);
	return r;
}

int layer_stack_walk(
	struct layer_tree *const *stack, size_t n, layer_stack_fn fn, void *ctx, struct err *e)
{
	struct stack_entry root;
	struct walk w = {stack, fn, ctx, 0};
	if (n == 0)
		return 0;
	int r = stack_root(stack, n, &root, e);
	if (r < 0)
		return r;
	root.parts[0].node.opaque = false;
	r = fn(ctx, "", &root.parts[0].node, root.parts[0].layer, e);
	if (r == 0)
		r = walk(&w, &root, "", e);
	stack_entry_release(&root);
	return r;
}

/* What one layer says about path: 1: shown or deleted here (*ret), 0: nothing here, look lower;
 * *ret_hidden: nothing lower can show. */
static int look(struct layer_tree *t, const char *path, struct layer_tree_node *ret,
	bool *ret_hidden, struct err *e)
{
	char part[LIMIT_TAR_PATH + 1];
	*ret_hidden = false;
	for (const char *p = path;; p++) {
		p += strcspn(p, "/");
		size_t len = (size_t)(p - path);
		if (len >= sizeof(part))
			return err_set(e, ERR_LIMIT, "path '%.200s...' is too long", path);
		memcpy(part, path, len);
		part[len] = 0;
		int r = layer_tree_lookup(t, part, ret, e);
		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return r;
		if (!*p)
			return 1;
		/* an opaque parent, or something else in its place, hides what lower layers have */
		if (!S_ISDIR(ret->mode)) {
			*ret_hidden = true;
			return 0;
		}
		*ret_hidden |= ret->opaque;
	}
}

int layer_stack_lookup(struct layer_tree *const *stack, size_t n, const char *path,
	struct layer_tree_node *ret, size_t *ret_layer, struct err *e)
{
	bool hidden = false;
	for (size_t i = n; i-- > 0 && !hidden;) {
		struct layer_tree_node node, root;
		int r = layer_tree_root(stack[i], &root, e);
		if (r == 0)
			r = look(stack[i], path, &node, &hidden, e);
		if (r < 0)
			return r;
		hidden |= root.opaque;
		if (r == 0)
			continue;
		if (layer_tree_is_whiteout(&node))
			return -ENOENT;
		node.opaque = false;
		*ret = node;
		*ret_layer = i;
		return 0;
	}
	return -ENOENT;
}
