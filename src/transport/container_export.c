/* A container's file system as one tar: its changes become a layer in unnamed files, and the stack
 * with it is written out as it is merged. */
#include "transport/container_priv.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "layer/compare.h"
#include "layer/tar_write.h"
#include "layer/upper.h"
#include "layer/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A file with more than one name: the first that was written */
struct linked {
	size_t layer;
	uint64_t nid;
	char *path;
};

struct export
{
	struct transport_stack *stack;
	int out;
	struct linked *links; /* a table with open addressing, cap a power of two */
	size_t n_links, cap;
};

static void export_release(struct export *x)
{
	for (size_t i = 0; i < x->cap; i++)
		free(x->links[i].path);
	free(x->links);
}

static struct linked *find_slot(struct linked *v, size_t cap, size_t layer, uint64_t nid)
{
	size_t at = (size_t)((nid ^ (uint64_t)layer << 48) * 0x9e3779b97f4a7c15ULL) & (cap - 1);
	while (v[at].path && (v[at].layer != layer || v[at].nid != nid))
		at = (at + 1) & (cap - 1);
	return &v[at];
}

static void grow(struct export *x)
{
	size_t cap = x->cap ? 2 * x->cap : 64;
	struct linked *v = mem_array(cap, sizeof(*v));
	for (size_t i = 0; i < x->cap; i++)
		if (x->links[i].path)
			*find_slot(v, cap, x->links[i].layer, x->links[i].nid) = x->links[i];
	free(x->links);
	x->links = v;
	x->cap = cap;
}

/* The name under which this file was written already, or NULL and it is remembered. */
static const char *earlier_name(
	struct export *x, size_t layer, const struct layer_tree_node *node, const char *path)
{
	if (node->nlink < 2 || S_ISDIR(node->mode))
		return NULL;
	if (2 * x->n_links >= x->cap)
		grow(x);
	struct linked *slot = find_slot(x->links, x->cap, layer, node->nid);
	if (slot->path)
		return slot->path;
	*slot = (struct linked){layer, node->nid, mem_strdup(path)};
	x->n_links++;
	return NULL;
}

struct xattrs {
	struct layer_xattr *v;
	size_t n;
};

static void xattrs_release(struct xattrs *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free((char *)l->v[i].name);
		free((void *)l->v[i].value);
	}
	free(l->v);
}

static int add_xattr(void *ctx, const struct layer_xattr *a, struct err *e)
{
	struct xattrs *l = ctx;
	if (str_starts(a->name, "trusted.overlay."))
		return 0;
	l->v = mem_realloc(l->v, l->n + 1, sizeof(*l->v));
	l->v[l->n++] = (struct layer_xattr){
		.name = mem_strdup(a->name), .value = mem_dup(a->value, a->len), .len = a->len};
	return 0;
}

static int entry_type(const struct layer_tree_node *node, enum layer_type *ret)
{
	switch (node->mode & S_IFMT) {
	case S_IFREG:
		*ret = LAYER_FILE;
		return 1;
	case S_IFDIR:
		*ret = LAYER_DIR;
		return 1;
	case S_IFLNK:
		*ret = LAYER_SYMLINK;
		return 1;
	case S_IFCHR:
		*ret = LAYER_CHAR;
		return 1;
	case S_IFBLK:
		*ret = LAYER_BLOCK;
		return 1;
	case S_IFIFO:
		*ret = LAYER_FIFO;
		return 1;
	default:
		return 0; /* a socket has no tar form */
	}
}

static int write_out(struct export *x, const void *p, size_t len, struct err *e)
{
	int r = io_write_all(x->out, p, len);
	return r < 0 ? err_sysno(e, r, "write the archive") : 0;
}

/* A file's bytes stand together in its layer's tar. */
static int write_data(
	struct export *x, size_t layer, const struct layer_tree_node *node, struct err *e)
{
	int tar = *x->stack->tars[layer];
	if (lseek(tar, (off_t)node->offset, SEEK_SET) < 0)
		return err_sys(e, "read a layer");
	int64_t n = io_copy(tar, x->out, node->size);
	if (n < 0)
		return err_sysno(e, (int)n, "write the archive");
	if ((uint64_t)n < node->size)
		return err_set(e, ERR_DIGEST, "a layer's tar is shorter than its index says");
	static const char zero[LAYER_TAR_BLOCK];
	return write_out(x, zero, layer_tar_padding(node->size), e);
}

static int write_entry(void *ctx, const char *path, const struct layer_tree_node *node,
	size_t layer, struct err *e)
{
	struct export *x = ctx;
	struct layer_tree *tree = x->stack->v[layer];
	struct layer_entry entry = {.path = path,
		.mode = node->mode & 07777,
		.uid = node->uid,
		.gid = node->gid,
		.mtime = node->mtime,
		.mtime_ns = node->mtime_ns,
		.rdev_major = node->rdev_major,
		.rdev_minor = node->rdev_minor};
	if (!*path || !entry_type(node, &entry.type))
		return 0;
	struct buf text cleanup_buf = BUF_INIT, header cleanup_buf = BUF_INIT;
	struct xattrs attrs cleanup(xattrs_release) = {0};
	int r = layer_tree_xattrs(tree, node, add_xattr, &attrs, e);
	entry.xattrs = attrs.v;
	entry.n_xattrs = attrs.n;
	if (r >= 0 && entry.type == LAYER_SYMLINK) {
		r = layer_tree_link(tree, node, &text, e);
		entry.linkname = buf_str(&text);
	}
	const char *first = earlier_name(x, layer, node, path);
	if (first) {
		entry.type = LAYER_HARDLINK;
		entry.linkname = first;
	}
	entry.size = entry.type == LAYER_FILE ? node->size : 0;
	if (r >= 0)
		r = layer_tar_header(&header, &entry, LAYER_TAR_NANOSECONDS, e);
	if (r >= 0)
		r = write_out(x, header.data, header.len, e);
	if (r >= 0 && entry.size)
		r = write_data(x, layer, node, e);
	return r < 0 ? err_wrap(e, r, "'/%s'", path) : 0;
}

/* The changes as one more layer on the stack, in files without a name. */
static int push_changes(struct store *s, const struct transport_container *c, int upper,
	struct transport_stack *k, struct err *e)
{
	struct strv stubs cleanup_strv = STRV_INIT;
	int tmp = store_dir(s, STORE_DIR_TMP, e);
	int tar cleanup_fd = file_open_unnamed(tmp, ".", e);
	int index cleanup_fd = file_open_unnamed(tmp, ".", e);
	if (tar < 0 || index < 0)
		return tar < 0 ? tar : index;
	int r = transport_container_stubs(c, upper, k, &stubs, e);
	if (r < 0)
		return r;
	struct layer_writer_options wo = {.nanoseconds = true};
	struct layer_upper_options uo = {.exclude = &stubs};
	struct layer_writer *w cleanup_layer_writer = layer_writer_new(tar, index, &wo);
	int64_t n = layer_upper_write(upper, w, &uo, e);
	if (n <= 0)
		return (int)n;
	struct layer_info info;
	r = layer_writer_finish(w, &info, e);
	return r < 0 ? r : transport_stack_push(k, STEAL_FD(index), STEAL_FD(tar), e);
}

int transport_container_export(
	struct store *s, const struct transport_container *c, int fd, struct err *e)
{
	struct transport_stack k cleanup_transport_stack = {0};
	int r = transport_stack_open(s, &c->layers, &k, e);
	if (r < 0)
		return r;
	int upper cleanup_fd = transport_container_upper(c, e);
	if (upper >= 0)
		r = push_changes(s, c, upper, &k, e);
	else if (upper != -ENOENT)
		r = upper;
	struct export x cleanup(export_release) = {.stack = &k, .out = fd};
	if (r >= 0)
		r = layer_stack_walk(k.v, k.n, write_entry, &x, e);
	static const char end[LAYER_TAR_END];
	return r < 0 ? r : write_out(&x, end, sizeof(end), e);
}
