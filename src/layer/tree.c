/*
 * Reads indexes in user space; see the header. The image is mapped; every offset
 * that comes from it is checked before it is used, so that a damaged image gives
 * errors. Only what our builder writes is understood, not all of EROFS.
 */
#include "layer/tree.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "layer/erofs_priv.h"
#include "layer/tree_priv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

struct layer_tree {
	const uint8_t *image;
	uint64_t size;
	bool mapped;
	uint64_t root;
	int64_t epoch;
	uint32_t epoch_ns;
	uint64_t meta; /* offset of inode number 0 */
	uint64_t tar_size;
	uint64_t dev; /* of the index file: to know two trees for the same */
	uint64_t ino;
	const int *tars;
	size_t n_tars;
};

/* An inode's place and form */
struct inode {
	unsigned layout;
	uint32_t data;
	uint64_t xattrs; /* offset in the image */
	uint32_t xattr_size;
	uint64_t end; /* offset behind inode and attributes */
};

static int damaged(struct err *e, const char *what)
{
	return err_set(e, ERR_FORMAT, "the layer's index is damaged: %s", what);
}

/* len bytes at offset, or NULL when the image does not have them. */
static const void *bytes(const struct layer_tree *t, uint64_t offset, uint64_t len)
{
	if (offset > t->size || len > t->size - offset)
		return NULL;
	return t->image + offset;
}

static int check_super(struct layer_tree *t, struct err *e)
{
	struct erofs_super s;
	const uint8_t *p = bytes(t, EROFS_SUPER_OFFSET, EROFS_BLOCK);
	if (!p)
		return damaged(e, "too short");
	memcpy(&s, p, sizeof(s));
	if (s.magic != EROFS_MAGIC)
		return err_set(e, ERR_FORMAT, "not an EROFS image");
	if (s.block_bits != EROFS_BLOCK_BITS || s.dir_block_bits != 0 || s.ext_slots != 0 ||
		(s.feature_incompat & ~(EROFS_INCOMPAT_CHUNKED | EROFS_INCOMPAT_DEVICES)))
		return err_set(e, ERR_UNSUPPORTED, "an EROFS image that was not made for a layer");
	uint8_t block[EROFS_BLOCK];
	memcpy(block, p, sizeof(block));
	memset(block + offsetof(struct erofs_super, checksum), 0, sizeof(s.checksum));
	if (erofs_crc32c(block, sizeof(block)) != s.checksum)
		return damaged(e, "wrong checksum");
	struct erofs_device d;
	const void *slot = bytes(t, (uint64_t)s.device_slot * sizeof(d), sizeof(d));
	if (s.extra_devices && slot) {
		memcpy(&d, slot, sizeof(d));
		t->tar_size = (uint64_t)d.blocks * EROFS_BLOCK;
	}
	t->root = s.root_nid;
	t->epoch = (int64_t)s.epoch;
	t->epoch_ns = s.fixed_nsec;
	t->meta = (uint64_t)s.meta_block * EROFS_BLOCK;
	return 0;
}

struct layer_tree *layer_tree_open_memory(const void *p, size_t len, struct err *e)
{
	struct layer_tree *t = mem_alloc(sizeof(*t));
	t->image = p;
	t->size = len;
	if (check_super(t, e) < 0) {
		free(t);
		return NULL;
	}
	return t;
}

struct layer_tree *layer_tree_open(int index_fd, const int *tar_fds, size_t n_tars, struct err *e)
{
	struct stat st;
	if (fstat(index_fd, &st) < 0) {
		err_sys(e, "stat the layer's index");
		return NULL;
	}
	if (st.st_size < EROFS_SUPER_OFFSET) {
		damaged(e, "too short");
		return NULL;
	}
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, index_fd, 0);
	if (p == MAP_FAILED) {
		err_sys(e, "map the layer's index");
		return NULL;
	}
	struct layer_tree *t = layer_tree_open_memory(p, (size_t)st.st_size, e);
	if (!t) {
		munmap(p, (size_t)st.st_size);
		return NULL;
	}
	t->mapped = true;
	t->dev = st.st_dev;
	t->ino = st.st_ino;
	t->tars = tar_fds;
	t->n_tars = n_tars;
	return t;
}

void layer_tree_free(struct layer_tree *t)
{
	if (!t)
		return;
	if (t->mapped)
		munmap((void *)t->image, t->size);
	free(t);
}

bool layer_tree_same(const struct layer_tree *a, const struct layer_tree *b)
{
	return a == b || (a->mapped && b->mapped && a->dev == b->dev && a->ino == b->ino);
}

uint64_t layer_tree_tar_size(const struct layer_tree *t)
{
	return t->tar_size;
}

static void from_compact(
	const struct layer_tree *t, const void *p, struct layer_tree_node *n, struct inode *in)
{
	struct erofs_inode_compact c;
	memcpy(&c, p, sizeof(c));
	n->mode = c.mode;
	n->uid = c.uid;
	n->gid = c.gid;
	n->nlink = c.nlink;
	n->size = c.size;
	n->mtime = t->epoch;
	n->mtime_ns = t->epoch_ns;
	in->data = c.data;
	in->xattr_size = erofs_xattr_size(c.xattr_count);
}

static void from_extended(const void *p, struct layer_tree_node *n, struct inode *in)
{
	struct erofs_inode_extended x;
	memcpy(&x, p, sizeof(x));
	n->mode = x.mode;
	n->uid = x.uid;
	n->gid = x.gid;
	n->nlink = x.nlink;
	n->size = x.size;
	n->mtime = (int64_t)x.mtime;
	n->mtime_ns = x.mtime_nsec;
	in->data = x.data;
	in->xattr_size = erofs_xattr_size(x.xattr_count);
}

/* Where a regular file's data is: one chunk on one device. */
static int read_chunk(const struct layer_tree *t, struct layer_tree_node *n, const struct inode *in,
	struct err *e)
{
	if (n->size == 0)
		return 0;
	uint32_t bits = (in->data & EROFS_CHUNK_BITS_MASK) + EROFS_BLOCK_BITS;
	if (in->layout != EROFS_CHUNKED || !(in->data & EROFS_CHUNK_INDEXES) ||
		n->size > 1ULL << bits)
		return damaged(e, "a file in more than one chunk");
	const void *p = bytes(t, (in->end + 7) & ~7ULL, sizeof(struct erofs_chunk));
	struct erofs_chunk c;
	if (!p)
		return damaged(e, "a chunk outside of it");
	memcpy(&c, p, sizeof(c));
	if (c.device == 0)
		return damaged(e, "a chunk without a device");
	n->device = c.device;
	n->offset = (uint64_t)c.block * EROFS_BLOCK;
	return 0;
}

typedef int (*raw_xattr_fn)(void *ctx, const struct erofs_xattr_entry *head, const char *name,
	const char *value, struct err *e);

static int each_xattr(const struct layer_tree *t, const struct inode *in, raw_xattr_fn fn,
	void *ctx, struct err *e)
{
	if (in->xattr_size == 0)
		return 0;
	struct erofs_xattr_header head;
	const char *p = bytes(t, in->xattrs, in->xattr_size);
	if (!p)
		return damaged(e, "attributes outside of it");
	memcpy(&head, p, sizeof(head));
	size_t at = sizeof(head);
	if (head.shared_count)
		return damaged(e, "shared attributes");
	while (at + sizeof(struct erofs_xattr_entry) <= in->xattr_size) {
		struct erofs_xattr_entry a;
		memcpy(&a, p + at, sizeof(a));
		const char *name = p + at + sizeof(a);
		size_t len = sizeof(a) + a.name_len + a.value_size;
		if (len > in->xattr_size - at)
			return damaged(e, "an attribute beyond its end");
		int r = fn(ctx, &a, name, name + a.name_len, e);
		if (r != 0)
			return r;
		at += (len + 3) & ~(size_t)3;
	}
	return 0;
}

static int see_opaque(void *ctx, const struct erofs_xattr_entry *a, const char *name,
	const char *value, struct err *e)
{
	static const char opaque[] = "overlay.opaque";
	bool *ret = ctx;
	if (a->name_index == EROFS_XATTR_TRUSTED && a->name_len == sizeof(opaque) - 1 &&
		memcmp(name, opaque, sizeof(opaque) - 1) == 0 && a->value_size == 1 &&
		*value == 'y')
		*ret = true;
	return 0;
}

static int read_inode(const struct layer_tree *t, uint64_t nid, struct layer_tree_node *n,
	struct inode *in, struct err *e)
{
	if (nid > t->size / EROFS_SLOT)
		return damaged(e, "an inode outside of it");
	uint64_t at = t->meta + nid * EROFS_SLOT;
	const uint8_t *p = bytes(t, at, sizeof(struct erofs_inode_compact));
	if (!p)
		return damaged(e, "an inode outside of it");
	uint16_t format;
	memcpy(&format, p, sizeof(format));
	*n = (struct layer_tree_node){.nid = nid};
	uint32_t size = sizeof(struct erofs_inode_compact);
	if (format & EROFS_FORMAT_EXTENDED) {
		size = sizeof(struct erofs_inode_extended);
		p = bytes(t, at, size);
		if (!p)
			return damaged(e, "an inode outside of it");
		from_extended(p, n, in);
	} else {
		from_compact(t, p, n, in);
	}
	in->layout = format >> 1 & 7;
	in->xattrs = at + size;
	in->end = at + size + in->xattr_size;
	if (S_ISREG(n->mode))
		return read_chunk(t, n, in, e);
	if (S_ISCHR(n->mode) || S_ISBLK(n->mode)) {
		n->rdev_major = in->data >> 8 & 0xfff;
		n->rdev_minor = (in->data & 0xff) | (in->data >> 12 & ~0xffU);
	} else if (S_ISDIR(n->mode)) {
		return each_xattr(t, in, see_opaque, &n->opaque, e);
	} else if (!S_ISLNK(n->mode) && !S_ISFIFO(n->mode)) {
		return damaged(e, "an inode of no known type");
	}
	return 0;
}

/* The bytes of block i of a directory or link, and how many of them count. NULL: damaged. */
static const char *data_block(const struct layer_tree *t, const struct layer_tree_node *n,
	const struct inode *in, uint64_t i, uint32_t *ret_len)
{
	uint64_t blocks = (n->size + EROFS_BLOCK - 1) / EROFS_BLOCK;
	uint32_t len = (uint32_t)MIN(n->size - i * EROFS_BLOCK, (uint64_t)EROFS_BLOCK);
	*ret_len = len;
	if (in->layout == EROFS_INLINE && i == blocks - 1)
		return bytes(t, in->end, len);
	if (in->layout != EROFS_INLINE && in->layout != EROFS_PLAIN)
		return NULL;
	return bytes(t, ((uint64_t)in->data + i) * EROFS_BLOCK, len);
}

int layer_tree_root(struct layer_tree *t, struct layer_tree_node *ret, struct err *e)
{
	struct inode in;
	int r = read_inode(t, t->root, ret, &in, e);
	if (r == 0 && !S_ISDIR(ret->mode))
		return damaged(e, "its root is not a directory");
	return r;
}

/* One entry of a directory block. */
struct dirent_view {
	uint64_t nid;
	const char *name;
	size_t len;
};

/* Entry i of a block; the number of entries in all is returned, or 0 when it is damaged. */
static size_t block_entry(const char *block, uint32_t len, size_t i, struct dirent_view *ret)
{
	struct erofs_dirent d, first;
	if (len < sizeof(d))
		return 0;
	memcpy(&first, block, sizeof(first));
	size_t n = first.name_offset / sizeof(d);
	if (n == 0 || first.name_offset % sizeof(d) || first.name_offset > len || i >= n)
		return 0;
	memcpy(&d, block + i * sizeof(d), sizeof(d));
	uint32_t end = len;
	if (i + 1 < n) {
		struct erofs_dirent next;
		memcpy(&next, block + (i + 1) * sizeof(d), sizeof(next));
		end = next.name_offset;
	}
	if (d.name_offset < first.name_offset || end > len || d.name_offset >= end)
		return 0;
	ret->nid = d.nid;
	ret->name = block + d.name_offset;
	ret->len = strnlen(ret->name, end - d.name_offset);
	if (ret->len == 0 || ret->len > LIMIT_TAR_COMPONENT || memchr(ret->name, '/', ret->len))
		return 0;
	return n;
}

static int order(const char *a, size_t a_len, const char *b, size_t b_len)
{
	int r = memcmp(a, b, MIN(a_len, b_len));
	return r ? r : (a_len > b_len) - (a_len < b_len);
}

/* The inode number of name in a directory; -ENOENT without words. */
static int find(struct layer_tree *t, const struct layer_tree_node *dir, const char *name,
	size_t len, uint64_t *ret_nid, struct err *e)
{
	struct layer_tree_node n;
	struct inode in;
	struct dirent_view v;
	uint32_t size;
	int r = read_inode(t, dir->nid, &n, &in, e);
	if (r < 0)
		return r;
	/* the last block that begins with no more than name */
	uint64_t low = 0, high = (n.size + EROFS_BLOCK - 1) / EROFS_BLOCK;
	while (low + 1 < high) {
		uint64_t mid = low + (high - low) / 2;
		const char *block = data_block(t, &n, &in, mid, &size);
		if (!block || !block_entry(block, size, 0, &v))
			return damaged(e, "a directory block");
		if (order(v.name, v.len, name, len) <= 0)
			low = mid;
		else
			high = mid;
	}
	const char *block = n.size ? data_block(t, &n, &in, low, &size) : NULL;
	if (!block)
		return damaged(e, "a directory without blocks");
	size_t count = block_entry(block, size, 0, &v);
	if (!count)
		return damaged(e, "a directory block");
	for (size_t i = 0; i < count; i++) {
		if (!block_entry(block, size, i, &v))
			return damaged(e, "a directory entry");
		if (v.len == len && memcmp(v.name, name, len) == 0) {
			*ret_nid = v.nid;
			return 0;
		}
	}
	return -ENOENT;
}

int layer_tree_lookup(
	struct layer_tree *t, const char *path, struct layer_tree_node *ret, struct err *e)
{
	struct layer_tree_node n;
	struct inode in;
	int r = layer_tree_root(t, &n, e);
	for (const char *p = path; r == 0 && *p;) {
		size_t len = strcspn(p, "/");
		uint64_t nid = 0;
		if (!S_ISDIR(n.mode))
			return -ENOTDIR;
		r = find(t, &n, p, len, &nid, e);
		if (r == 0)
			r = read_inode(t, nid, &n, &in, e);
		p += len + (p[len] == '/');
	}
	if (r == 0)
		*ret = n;
	return r;
}

static bool is_dots(const struct dirent_view *v)
{
	return v->name[0] == '.' && (v->len == 1 || (v->len == 2 && v->name[1] == '.'));
}

int layer_tree_list(struct layer_tree *t, const struct layer_tree_node *dir, layer_tree_fn fn,
	void *ctx, struct err *e)
{
	struct layer_tree_node n, child;
	struct inode in, child_in;
	int r = read_inode(t, dir->nid, &n, &in, e);
	if (r == 0 && !S_ISDIR(n.mode))
		return damaged(e, "a directory that is none");
	for (uint64_t at = 0; r == 0 && at < n.size; at += EROFS_BLOCK) {
		uint32_t size;
		struct dirent_view v;
		const char *block = data_block(t, &n, &in, at / EROFS_BLOCK, &size);
		size_t count = block ? block_entry(block, size, 0, &v) : 0;
		if (!count)
			return damaged(e, "a directory block");
		for (size_t i = 0; r == 0 && i < count; i++) {
			char name[LIMIT_TAR_COMPONENT + 1];
			if (!block_entry(block, size, i, &v))
				return damaged(e, "a directory entry");
			if (is_dots(&v))
				continue;
			memcpy(name, v.name, v.len);
			name[v.len] = 0;
			r = read_inode(t, v.nid, &child, &child_in, e);
			if (r == 0)
				r = fn(ctx, name, &child, e);
		}
	}
	return r;
}

struct walk {
	struct layer_tree *t;
	layer_tree_fn fn;
	void *ctx;
	uint64_t seen;
	size_t len;
	char path[LIMIT_TAR_PATH + 1];
};

/* Depth is bounded by the length of the path, numbers by the limit for layers: a directory that
 * contains itself ends here. */
static int walk_one(void *ctx, const char *name, const struct layer_tree_node *n, struct err *e)
{
	struct walk *w = ctx;
	size_t len = strlen(name), before = w->len;
	if (w->len + len + 2 > sizeof(w->path) || ++w->seen > 2ULL * LIMIT_LAYER_ENTRIES)
		return damaged(e, "it has no end");
	if (w->len)
		w->path[w->len++] = '/';
	memcpy(w->path + w->len, name, len + 1);
	w->len += len;
	int r = w->fn(w->ctx, w->path, n, e);
	if (r == 0 && S_ISDIR(n->mode))
		r = layer_tree_list(w->t, n, walk_one, w, e);
	w->len = before;
	w->path[before] = 0;
	return r;
}

int layer_tree_walk(struct layer_tree *t, layer_tree_fn fn, void *ctx, struct err *e)
{
	struct layer_tree_node root;
	int r = layer_tree_root(t, &root, e);
	if (r == 0)
		r = fn(ctx, "", &root, e);
	if (r != 0)
		return r;
	cleanup_free struct walk *w = mem_alloc(sizeof(*w));
	w->t = t;
	w->fn = fn;
	w->ctx = ctx;
	return layer_tree_list(t, &root, walk_one, w, e);
}

int layer_tree_link(
	struct layer_tree *t, const struct layer_tree_node *link, struct buf *text, struct err *e)
{
	struct layer_tree_node n;
	struct inode in;
	int r = read_inode(t, link->nid, &n, &in, e);
	if (r < 0)
		return r;
	if (!S_ISLNK(n.mode) || n.size == 0 || n.size >= LIMIT_TAR_PATH)
		return damaged(e, "a symbolic link");
	for (uint64_t at = 0; at < n.size; at += EROFS_BLOCK) {
		uint32_t len;
		const char *p = data_block(t, &n, &in, at / EROFS_BLOCK, &len);
		if (!p || memchr(p, 0, len))
			return damaged(e, "a symbolic link");
		r = buf_add(text, p, len);
		if (r < 0)
			return err_set(e, ERR_LIMIT, "a symbolic link is too long");
	}
	return 0;
}

ssize_t layer_tree_read(struct layer_tree *t, const struct layer_tree_node *n, void *p, size_t len,
	uint64_t offset, struct err *e)
{
	if (!S_ISREG(n->mode))
		return err_set(e, EINVAL, "not a regular file");
	if (offset >= n->size)
		return 0;
	len = (size_t)MIN((uint64_t)len, n->size - offset);
	if (n->device == 0 || n->device > t->n_tars)
		return err_set(e, ENODEV, "the layer's tar is not open");
	ssize_t got = io_pread_full(t->tars[n->device - 1], p, len, (off_t)(n->offset + offset));
	if (got < 0)
		return err_sysno(e, (int)got, "read the layer's tar");
	if ((size_t)got < len)
		return err_set(e, ERR_FORMAT, "the layer's tar is too short");
	return got;
}

struct xattr_call {
	layer_tree_xattr_fn fn;
	void *ctx;
};

static int give_xattr(void *ctx, const struct erofs_xattr_entry *a, const char *rest,
	const char *value, struct err *e)
{
	static const char *const prefixes[] = {
		[EROFS_XATTR_USER] = "user.",
		[EROFS_XATTR_ACL_ACCESS] = "system.posix_acl_access",
		[EROFS_XATTR_ACL_DEFAULT] = "system.posix_acl_default",
		[EROFS_XATTR_TRUSTED] = "trusted.",
		[EROFS_XATTR_SECURITY] = "security.",
	};
	struct xattr_call *call = ctx;
	char name[32 + UINT8_MAX];
	if (a->name_index >= ARRAY_SIZE(prefixes) || !prefixes[a->name_index] ||
		memchr(rest, 0, a->name_len))
		return damaged(e, "the name of an attribute");
	snprintf(name, sizeof(name), "%s%.*s", prefixes[a->name_index], (int)a->name_len, rest);
	struct layer_xattr x = {name, value, a->value_size};
	return call->fn(call->ctx, &x, e);
}

int layer_tree_xattrs(struct layer_tree *t, const struct layer_tree_node *node,
	layer_tree_xattr_fn fn, void *ctx, struct err *e)
{
	struct layer_tree_node n;
	struct inode in;
	struct xattr_call call = {fn, ctx};
	int r = read_inode(t, node->nid, &n, &in, e);
	return r < 0 ? r : each_xattr(t, &in, give_xattr, &call, e);
}
