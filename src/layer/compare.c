/* Differences of two stacks of layers; see the header. Both merged views are walked together, a
 * directory at a time; what both take from the same layer is not looked at. */
#include "layer/compare.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "layer/stack_priv.h"
#include "layer/tree_priv.h"
#include "layer/xattr_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PIECE = 64 * 1024 };

struct comparison {
	struct layer_tree *const *old;
	struct layer_tree *const *now;
	layer_compare_fn fn;
	void *ctx;
	uint64_t seen;
	char *a; /* pieces of two files */
	char *b;
};

static struct layer_tree *tree_of(struct layer_tree *const *stack, const struct stack_entry *entry)
{
	return stack[entry->parts[0].layer];
}

/* 1: the bytes are the same */
static int same_bytes(struct comparison *c, struct layer_tree *ta, const struct layer_tree_node *a,
	struct layer_tree *tb, const struct layer_tree_node *b, struct err *e)
{
	if (a->size != b->size)
		return 0;
	if (!c->a) {
		c->a = mem_alloc(PIECE);
		c->b = mem_alloc(PIECE);
	}
	for (uint64_t at = 0; at < a->size; at += PIECE) {
		ssize_t n = layer_tree_read(ta, a, c->a, PIECE, at, e);
		ssize_t m = n < 0 ? n : layer_tree_read(tb, b, c->b, PIECE, at, e);
		if (m < 0)
			return (int)m;
		if (n != m || memcmp(c->a, c->b, (size_t)n) != 0)
			return 0;
	}
	return 1;
}

static int same_link(struct layer_tree *ta, const struct layer_tree_node *a, struct layer_tree *tb,
	const struct layer_tree_node *b, struct err *e)
{
	struct buf x cleanup_buf = BUF_INIT;
	struct buf y cleanup_buf = BUF_INIT;
	int r = layer_tree_link(ta, a, &x, e);
	if (r == 0)
		r = layer_tree_link(tb, b, &y, e);
	return r < 0 ? r : strcmp(buf_str(&x), buf_str(&y)) == 0;
}

/* Content alone: 1 the same, 0 not */
static int same_content(struct comparison *c, struct layer_tree *ta,
	const struct layer_tree_node *a, struct layer_tree *tb, const struct layer_tree_node *b,
	struct err *e)
{
	if ((a->mode ^ b->mode) & S_IFMT)
		return 0;
	switch (a->mode & S_IFMT) {
	case S_IFREG:
		return same_bytes(c, ta, a, tb, b, e);
	case S_IFLNK:
		return same_link(ta, a, tb, b, e);
	case S_IFCHR:
	case S_IFBLK:
		return a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor;
	default:
		return 1;
	}
}

/* "name=value in hexadecimal": to be sorted, since tars have attributes in any order */
static int add_xattr(void *ctx, const struct layer_xattr *x, struct err *e)
{
	struct strv *list = ctx;
	if (xattr_overlay_name(x->name))
		return 0;
	cleanup_free char *hex = mem_array(2 * x->len + 1, 1);
	str_hex(x->value, x->len, hex);
	strv_addf(list, "%s=%s", x->name, hex);
	return 0;
}

static int same_xattrs(struct layer_tree *ta, const struct layer_tree_node *a,
	struct layer_tree *tb, const struct layer_tree_node *b, struct err *e)
{
	struct strv x cleanup_strv = STRV_INIT;
	struct strv y cleanup_strv = STRV_INIT;
	int r = layer_tree_xattrs(ta, a, add_xattr, &x, e);
	if (r == 0)
		r = layer_tree_xattrs(tb, b, add_xattr, &y, e);
	if (r < 0)
		return r;
	strv_sort(&x);
	strv_sort(&y);
	return strv_equal(&x, &y);
}

static bool same_metadata(const struct layer_tree_node *a, const struct layer_tree_node *b)
{
	if (a->mode != b->mode || a->uid != b->uid || a->gid != b->gid)
		return false;
	/* a directory's time says only that something in it has changed */
	return S_ISDIR(a->mode) || (a->mtime == b->mtime && a->mtime_ns == b->mtime_ns);
}

static int tell(struct comparison *c, enum layer_change change, const char *path,
	const struct stack_entry *old, const struct stack_entry *now, bool content, struct err *e)
{
	const struct layer_tree_node *o = old ? &old->parts[0].node : NULL;
	const struct layer_tree_node *n = now ? &now->parts[0].node : NULL;
	const struct layer_difference d = {.change = change,
		.path = path,
		.mode = n ? n->mode : o->mode,
		.old_size = o && S_ISREG(o->mode) ? o->size : 0,
		.new_size = n && S_ISREG(n->mode) ? n->size : 0,
		.content = content};
	return c->fn(c->ctx, &d, e);
}

/* Both have the entry. */
static int compare_entry(struct comparison *c, const char *path, const struct stack_entry *old,
	const struct stack_entry *now, struct err *e)
{
	const struct layer_tree_node *a = &old->parts[0].node;
	const struct layer_tree_node *b = &now->parts[0].node;
	struct layer_tree *ta = tree_of(c->old, old), *tb = tree_of(c->now, now);
	if (layer_tree_same(ta, tb) && a->nid == b->nid)
		return 0;
	int content = same_content(c, ta, a, tb, b, e);
	if (content < 0)
		return content;
	int xattrs = same_xattrs(ta, a, tb, b, e);
	if (xattrs < 0)
		return xattrs;
	if (content && xattrs && same_metadata(a, b))
		return 0;
	return tell(c, LAYER_CHANGED, path, old, now, !content, e);
}

/* Both are made of the same directories of the same layers: nothing below can differ. */
static bool same_parts(
	const struct comparison *c, const struct stack_entry *old, const struct stack_entry *now)
{
	if (old->n_parts != now->n_parts)
		return false;
	for (size_t i = 0; i < old->n_parts; i++) {
		const struct stack_part *a = &old->parts[i], *b = &now->parts[i];
		if (a->node.nid != b->node.nid ||
			!layer_tree_same(c->old[a->layer], c->now[b->layer]))
			return false;
	}
	return true;
}

static bool is_dir(const struct stack_entry *entry)
{
	return entry && entry->n_parts && S_ISDIR(entry->parts[0].node.mode);
}

static int compare_dirs(struct comparison *c, const char *path, const struct stack_entry *old,
	const struct stack_entry *now, struct err *e);

/* old or now may be NULL: it is not there */
static int compare_one(struct comparison *c, const char *path, const struct stack_entry *old,
	const struct stack_entry *now, struct err *e)
{
	int r;
	if (strlen(path) > LIMIT_TAR_PATH || ++c->seen > 4ULL * LIMIT_LAYER_ENTRIES)
		return err_set(e, ERR_FORMAT, "the layer's index is damaged: it has no end");
	if (old && now)
		r = compare_entry(c, path, old, now, e);
	else
		r = tell(c, old ? LAYER_DELETED : LAYER_ADDED, path, old, now, true, e);
	if (r != 0)
		return r;
	old = is_dir(old) ? old : NULL;
	now = is_dir(now) ? now : NULL;
	return old || now ? compare_dirs(c, path, old, now, e) : 0;
}

static int merge_lists(struct comparison *c, const char *path, struct stack_list *old,
	struct stack_list *now, struct err *e)
{
	int r = 0;
	for (size_t i = 0, k = 0; r == 0 && (i < old->n || k < now->n);) {
		struct stack_entry *a = i < old->n ? &old->v[i] : NULL;
		struct stack_entry *b = k < now->n ? &now->v[k] : NULL;
		int order = !a ? 1 : !b ? -1 : strcmp(a->name, b->name);
		const char *name = order <= 0 ? a->name : b->name;
		cleanup_free char *child = mem_printf("%s%s%s", path, *path ? "/" : "", name);
		r = compare_one(c, child, order <= 0 ? a : NULL, order >= 0 ? b : NULL, e);
		i += order <= 0;
		k += order >= 0;
		if (order <= 0)
			stack_entry_release(a);
		if (order >= 0)
			stack_entry_release(b);
	}
	return r;
}

static int compare_dirs(struct comparison *c, const char *path, const struct stack_entry *old,
	const struct stack_entry *now, struct err *e)
{
	struct stack_list a = {0}, b = {0};
	int r = 0;
	if (old && now && same_parts(c, old, now))
		return 0;
	if (old)
		r = stack_list_dir(c->old, old, false, &a, e);
	if (r == 0 && now)
		r = stack_list_dir(c->now, now, false, &b, e);
	if (r == 0)
		r = merge_lists(c, path, &a, &b, e);
	stack_list_release(&a);
	stack_list_release(&b);
	return r;
}

int layer_compare(struct layer_tree *const *old, size_t n_old, struct layer_tree *const *now,
	size_t n_now, layer_compare_fn fn, void *ctx, struct err *e)
{
	struct comparison c = {.old = old, .now = now, .fn = fn, .ctx = ctx};
	struct stack_entry a, b;
	int r = stack_root(old, n_old, &a, e);
	if (r < 0)
		return r;
	r = stack_root(now, n_now, &b, e);
	if (r == 0) {
		if (n_old && n_now)
			r = compare_one(&c, "", &a, &b, e);
		else
			r = compare_dirs(&c, "", n_old ? &a : NULL, n_now ? &b : NULL, e);
		stack_entry_release(&b);
	}
	stack_entry_release(&a);
	free(c.a);
	free(c.b);
	return r;
}
