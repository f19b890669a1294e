/* The index builder's tree: adding entries, whiteouts, hard links; see the header.
 * Layout and writing are in index_layout.c and index_write.c. */
#include "layer/index.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/random.h"
#include "layer/erofs_priv.h"
#include "layer/index_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

enum {
	FIRST_SLOTS = 4096,
	TRIM_EVERY = 16384,
	FAR = 4096,
};
#define NAMES_MOST ((size_t)3 << 30)

static uint32_t hash_of(const struct layer_index *x, uint32_t parent, const char *name, size_t len)
{
	uint64_t h = x->seed ^ (parent * 0x9E3779B97F4A7C15ULL);
	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 0x100000001B3ULL;
	h ^= h >> 29;
	h *= 0xBF58476D1CE4E5B9ULL;
	return (uint32_t)(h >> 32);
}

void index_touch(struct layer_index *x, uint32_t n)
{
	/* a fault maps a whole folio of the page cache, which may be as large as this distance */
	uint32_t distance = n > x->touched_last ? n - x->touched_last : x->touched_last - n;
	x->touched += distance < FAR ? 1 : TRIM_EVERY / 16;
	x->touched_last = n;
	if (x->touched < TRIM_EVERY)
		return;
	x->touched = 0;
	spill_trim(&x->nodes);
	spill_trim(&x->names);
}

static void slots_grow(struct layer_index *x)
{
	size_t n = x->n_slots ? 2 * x->n_slots : FIRST_SLOTS;
	struct index_slot *slots = mem_array(n, sizeof(*slots));
	for (size_t i = 0; i < x->n_slots; i++) {
		size_t at = x->slots[i].hash & (n - 1);
		if (!x->slots[i].node)
			continue;
		while (slots[at].node)
			at = (at + 1) & (n - 1);
		slots[at] = x->slots[i];
	}
	free(x->slots);
	x->slots = slots;
	x->n_slots = n;
}

/* The slot of (parent, name), or the empty one where it would go. */
static struct index_slot *slot_of(
	const struct layer_index *x, uint32_t parent, const char *name, size_t len, uint32_t hash)
{
	for (size_t at = hash & (x->n_slots - 1);; at = (at + 1) & (x->n_slots - 1)) {
		struct index_slot *s = &x->slots[at];
		if (!s->node)
			return s;
		if (s->hash != hash)
			continue;
		const struct index_node *n = index_node(x, s->node);
		if (n->parent == parent && n->name_len == len &&
			memcmp(index_name(x, n), name, len) == 0)
			return s;
	}
}

static uint32_t child_of(const struct layer_index *x, uint32_t parent, const char *name, size_t len)
{
	return slot_of(x, parent, name, len, hash_of(x, parent, name, len))->node;
}

static int names_add(struct layer_index *x, const void *p, size_t len, uint32_t *ret, struct err *e)
{
	size_t at;
	int r = spill_add(&x->names, len, &at, e);
	if (r < 0)
		return r;
	memcpy(x->names.base + at, p, len);
	*ret = (uint32_t)at;
	return 0;
}

static int node_new(struct layer_index *x, uint32_t *ret, struct err *e)
{
	size_t at;
	int r = spill_add(&x->nodes, sizeof(struct index_node), &at, e);
	if (r < 0)
		return r;
	*ret = (uint32_t)(at / sizeof(struct index_node));
	index_touch(x, *ret);
	return 0;
}

/* A new, empty node with a name in a directory. When the name is there already, the new node takes
 * its place and the old one is reached no more but by hard links. */
static int node_put(struct layer_index *x, uint32_t parent, const char *name, size_t len,
	uint32_t *ret, struct err *e)
{
	if (4 * (x->n_used + 1) > 3 * x->n_slots)
		slots_grow(x);
	uint32_t hash = hash_of(x, parent, name, len);
	struct index_slot *s = slot_of(x, parent, name, len, hash);
	uint32_t n, at;
	int r = node_new(x, &n, e);
	if (r < 0)
		return r;
	struct index_node *dir = index_node(x, parent);
	if (s->node) {
		at = index_node(x, s->node)->name;
		index_node(x, s->node)->flags |= NODE_GONE;
	} else {
		r = names_add(x, name, len, &at, e);
		if (r < 0)
			return r;
		x->n_used++;
		s->hash = hash;
	}
	index_node(x, n)->next = (uint32_t)dir->size;
	dir->size = n;
	s->node = n;
	struct index_node *node = index_node(x, n);
	node->parent = parent;
	node->name = at;
	node->name_len = (uint8_t)len;
	*ret = n;
	return 0;
}

static void make_implied(struct index_node *n)
{
	n->mode = S_IFDIR | 0755;
	n->flags |= NODE_IMPLIED;
}

struct layer_index *layer_index_new(int index_fd)
{
	struct layer_index *x = mem_alloc(sizeof(*x));
	x->fd = index_fd;
	random_bytes(&x->seed, sizeof(x->seed));
	spill_pool_init(&x->pool, index_fd);
	return x;
}

void layer_index_free(struct layer_index *x)
{
	if (!x)
		return;
	spill_release(&x->nodes);
	spill_release(&x->names);
	free(x->slots);
	free(x->last_dir);
	free(x);
}

/* The arrays, with the root; on the first use, so that new cannot fail. */
static int prepare(struct layer_index *x, struct err *e)
{
	size_t at;
	uint32_t n;
	if (x->finished)
		return err_set(e, EINVAL, "the index is finished");
	if (x->slots)
		return 0;
	int r = spill_init(&x->nodes, &x->pool,
		(size_t)2 * LIMIT_LAYER_ENTRIES * sizeof(struct index_node), e);
	if (r == 0)
		r = spill_init(&x->names, &x->pool, NAMES_MOST, e);
	if (r == 0)
		r = spill_add(&x->names, 8, &at, e);
	for (int i = 0; r == 0 && i < 2; i++) /* number 0, which means none, and the root */
		r = node_new(x, &n, e);
	if (r < 0)
		return r;
	make_implied(index_node(x, INDEX_ROOT));
	index_node(x, INDEX_ROOT)->parent = INDEX_ROOT;
	slots_grow(x);
	return 0;
}

/* The directory `name` in dir, made when it is missing. */
static int enter(struct layer_index *x, uint32_t dir, const char *name, size_t len, bool create,
	uint32_t *ret, struct err *e)
{
	uint32_t n = child_of(x, dir, name, len);
	if (n && !(index_node(x, n)->flags & NODE_WHITEOUT)) {
		*ret = index_inode(x, n);
		return 0;
	}
	if (!create)
		return -ENOENT;
	bool opaque = n != 0; /* deleted, then made again: what was below stays hidden */
	int r = node_put(x, dir, name, len, ret, e);
	if (r < 0)
		return r;
	make_implied(index_node(x, *ret));
	if (opaque)
		index_node(x, *ret)->flags |= NODE_OPAQUE;
	return 0;
}

/* path, with the symbolic link n in it (which ends at `rest`) replaced by its text, into work. */
static int substitute(struct layer_index *x, uint32_t n, size_t start, const char *rest, char *work,
	const char *path, struct err *e)
{
	const struct index_node *link = index_node(x, n);
	const char *text = (const char *)x->names.base + link->block;
	struct buf b cleanup_buf = BUF_INIT;
	if (text[0] != '/')
		buf_add(&b, work, start);
	buf_add(&b, text, link->size);
	buf_add_char(&b, '/');
	buf_add_str(&b, rest);
	int r = layer_path_clean(buf_str(&b), work, e);
	return r < 0 ? err_wrap(e, r, "'%.200s': through a symbolic link", path) : 0;
}

/*
 * The directory that holds path's last component, following links inside the layer, and that
 * component (in work, LIMIT_TAR_PATH + 1 bytes). create: missing directories are made; otherwise
 * -ENOENT without words.
 */
static int find_parent(struct layer_index *x, const char *path, bool create, char *work,
	uint32_t *ret_dir, const char **ret_name, struct err *e)
{
	int hops = 0;
	size_t path_len = strlen(path);
	memcpy(work, path, path_len + 1);
again:;
	uint32_t dir = INDEX_ROOT;
	char *p = work;
	for (;;) {
		size_t n = strcspn(p, "/");
		if (!p[n])
			break;
		uint32_t next;
		int r = enter(x, dir, p, n, create, &next, e);
		if (r < 0)
			return r;
		if (S_ISLNK(index_node(x, next)->mode)) {
			if (++hops > LIMIT_SYMLINK_HOPS)
				return err_set(e, ELOOP, "'%.200s': too many symbolic links", path);
			cleanup_free char *rest = mem_strdup(p + n + 1);
			r = substitute(x, next, (size_t)(p - work), rest, work, path, e);
			if (r < 0)
				return r;
			goto again;
		}
		if (!S_ISDIR(index_node(x, next)->mode))
			return err_set(e, ENOTDIR, "'%.200s': '%.*s' is not a directory", path,
				(int)(p + n - work), work);
		dir = next;
		p += n + 1;
	}
	*ret_dir = dir;
	*ret_name = p;
	return 0;
}

/* As find_parent with create, remembering the last directory. */
static int place(struct layer_index *x, const char *path, char *work, uint32_t *ret_dir,
	const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;
	if (x->last_dir && strlen(x->last_dir) == len && memcmp(x->last_dir, path, len) == 0) {
		*ret_dir = x->last_node;
		*ret_name = slash ? slash + 1 : path;
		return 0;
	}
	int r = find_parent(x, path, true, work, ret_dir, ret_name, e);
	if (r < 0)
		return r;
	free(x->last_dir);
	x->last_dir = mem_strndup(path, len);
	x->last_node = *ret_dir;
	return 0;
}

static void forget_last(struct layer_index *x)
{
	free(STEAL(x->last_dir));
}

static int find_target(
	struct layer_index *x, const struct layer_entry *entry, uint32_t *ret, struct err *e)
{
	char work[LIMIT_TAR_PATH + 1];
	uint32_t dir;
	const char *name;
	int r = find_parent(x, entry->linkname, false, work, &dir, &name, e);
	uint32_t n = r < 0 ? 0 : child_of(x, dir, name, strlen(name));
	if (r < 0 && r != -ENOENT)
		return r;
	if (!n || (index_node(x, n)->flags & NODE_WHITEOUT))
		return err_set(e, ERR_FORMAT,
			"'%.200s' is a hard link to '%.200s', which is not in "
			"this layer before it",
			entry->path, entry->linkname);
	n = index_inode(x, n);
	if (S_ISDIR(index_node(x, n)->mode))
		return err_set(e, ERR_FORMAT, "'%.200s' is a hard link to the directory '%.200s'",
			entry->path, entry->linkname);
	*ret = n;
	return 0;
}

/* Metadata of entry into a node that keeps its name and place. */
static int fill(struct layer_index *x, uint32_t n, const struct layer_entry *entry, uint16_t device,
	struct err *e)
{
	uint32_t xattrs = 0, text = 0;
	int r = index_xattrs_add(x, entry, &xattrs, e);
	if (r == 0 && entry->type == LAYER_SYMLINK)
		r = names_add(x, entry->linkname, strlen(entry->linkname) + 1, &text, e);
	if (r < 0)
		return r;
	if (entry->size && ((entry->offset | entry->size) >> 40 || entry->offset % EROFS_BLOCK))
		return err_set(e, ERR_LIMIT, "'%.200s': data at byte %llu cannot be indexed",
			entry->path, (unsigned long long)entry->offset);
	struct index_node *node = index_node(x, n);
	node->mode = (uint16_t)layer_entry_stat_mode(entry);
	node->uid = entry->uid;
	node->gid = entry->gid;
	node->mtime = entry->mtime;
	node->mtime_ns = entry->mtime_ns;
	node->xattrs = xattrs;
	node->flags &= (uint8_t)~NODE_IMPLIED;
	if (entry->type == LAYER_FILE) {
		node->size = entry->size;
		node->block = (uint32_t)(entry->offset / EROFS_BLOCK);
		node->device = device;
	} else if (entry->type == LAYER_SYMLINK) {
		node->size = strlen(entry->linkname);
		node->block = text;
	} else if (entry->type == LAYER_CHAR || entry->type == LAYER_BLOCK) {
		node->block = (entry->rdev_minor & 0xff) | entry->rdev_major << 8 |
			      (entry->rdev_minor & ~0xffU) << 12;
	}
	if (entry->mtime == x->epoch)
		x->epoch_votes++;
	else if (x->epoch_votes)
		x->epoch_votes--;
	else
		x->epoch = entry->mtime;
	return 0;
}

/* A directory entry: the node that is there when it is one, else a new one. */
static int put_dir(struct layer_index *x, uint32_t dir, const char *name, uint32_t old,
	uint32_t *ret, struct err *e)
{
	if (old && S_ISDIR(index_node(x, old)->mode)) {
		*ret = old;
		return 0;
	}
	bool opaque = old && (index_node(x, old)->flags & NODE_WHITEOUT);
	forget_last(x);
	int r = node_put(x, dir, name, strlen(name), ret, e);
	if (r == 0 && opaque)
		index_node(x, *ret)->flags |= NODE_OPAQUE;
	return r;
}

int index_add_on(
	struct layer_index *x, const struct layer_entry *entry, uint16_t device, struct err *e)
{
	char work[LIMIT_TAR_PATH + 1];
	uint32_t dir = 0, n = 0, target = 0;
	const char *name = NULL;
	int r = prepare(x, e);
	if (r < 0)
		return r;
	if (!*entry->path)
		return fill(x, INDEX_ROOT, entry, device, e);
	if (entry->type == LAYER_HARDLINK)
		r = find_target(x, entry, &target, e);
	if (r == 0)
		r = place(x, entry->path, work, &dir, &name, e);
	if (r < 0)
		return r;
	uint32_t old = child_of(x, dir, name, strlen(name));
	if (entry->type == LAYER_DIR) {
		r = put_dir(x, dir, name, old, &n, e);
		return r < 0 ? r : fill(x, n, entry, device, e);
	}
	if (target && target == old)
		return 0; /* a link to itself changes nothing */
	if (old)
		forget_last(x); /* it may lead through this name */
	if (old && !(index_node(x, old)->flags & NODE_TARGET) &&
		!S_ISDIR(index_node(x, old)->mode)) {
		n = old;
		index_node(x, n)->flags = 0;
		index_node(x, n)->size = 0;
		index_node(x, n)->block = 0;
	} else {
		r = node_put(x, dir, name, strlen(name), &n, e);
		if (r < 0)
			return r;
	}
	if (!target)
		return fill(x, n, entry, device, e);
	index_node(x, target)->flags |= NODE_TARGET;
	struct index_node *node = index_node(x, n);
	node->flags = NODE_LINK;
	node->mode = 0;
	node->xattrs = 0;
	node->size = target;
	return 0;
}

int layer_index_whiteout(struct layer_index *x, const char *path, struct err *e)
{
	char work[LIMIT_TAR_PATH + 1];
	uint32_t dir, n;
	const char *name;
	int r = prepare(x, e);
	if (r == 0)
		r = place(x, path, work, &dir, &name, e);
	if (r < 0)
		return r;
	size_t len = strlen(name);
	uint32_t old = child_of(x, dir, name, len);
	if (old) {
		/* the specification: a whiteout hides lower layers only, what this layer has stays */
		struct index_node *node = index_node(x, old);
		if (S_ISDIR(node->mode))
			node->flags |= NODE_OPAQUE;
		return 0;
	}
	r = node_put(x, dir, name, len, &n, e);
	if (r < 0)
		return r;
	index_node(x, n)->flags = NODE_WHITEOUT;
	index_node(x, n)->mode = S_IFCHR;
	return 0;
}

int layer_index_opaque(struct layer_index *x, const char *path, struct err *e)
{
	char work[LIMIT_TAR_PATH + 1];
	uint32_t dir, n = INDEX_ROOT;
	const char *name;
	int r = prepare(x, e);
	if (r < 0)
		return r;
	if (*path) {
		r = find_parent(x, path, true, work, &dir, &name, e);
		if (r == 0)
			r = enter(x, dir, name, strlen(name), true, &n, e);
		if (r < 0)
			return r;
		if (!S_ISDIR(index_node(x, n)->mode))
			return err_set(
				e, ERR_FORMAT, "'%.200s' is opaque, but not a directory", path);
	}
	index_node(x, n)->flags |= NODE_OPAQUE;
	return 0;
}

/* Whether a component of path begins as aufs's own files do. */
static bool is_meta(const char *path)
{
	size_t len = strlen(LAYER_WHITEOUT_META);
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (strncmp(p, LAYER_WHITEOUT_META, len) == 0)
			return true;
	}
	return false;
}

int layer_index_add(void *ctx, const struct layer_entry *entry, struct err *e)
{
	struct layer_index *x = ctx;
	const char *slash = strrchr(entry->path, '/');
	const char *name = slash ? slash + 1 : entry->path;
	bool meta = is_meta(entry->path);
	if (!meta && strncmp(name, LAYER_WHITEOUT_PREFIX, strlen(LAYER_WHITEOUT_PREFIX)) != 0)
		return index_add_on(x, entry, 1, e);
	char path[LIMIT_TAR_PATH + 1];
	size_t dir = (size_t)(name - entry->path);
	memcpy(path, entry->path, dir);
	path[dir] = 0;
	if (strcmp(name, LAYER_WHITEOUT_OPAQUE) == 0) {
		path[dir ? dir - 1 : 0] = 0;
		return layer_index_opaque(x, path, e);
	}
	/* what aufs kept for itself (".wh..wh.plnk/...") is of no use to anyone else */
	if (meta)
		return 0;
	name += strlen(LAYER_WHITEOUT_PREFIX);
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, ERR_FORMAT, "'%.200s' is a whiteout of nothing", entry->path);
	memcpy(path + dir, name, strlen(name) + 1);
	return layer_index_whiteout(x, path, e);
}

bool layer_index_has(const struct layer_index *x, const char *path, enum layer_type *ret_type)
{
	if (!x->slots)
		return false;
	uint32_t n = INDEX_ROOT;
	for (const char *p = path; *p;) {
		size_t len = strcspn(p, "/");
		n = child_of(x, n, p, len);
		if (!n)
			return false;
		p += len + (p[len] == '/');
	}
	const struct index_node *node = index_node(x, index_inode(x, n));
	if (node->flags & (NODE_WHITEOUT | NODE_IMPLIED))
		return false;
	if (ret_type) {
		static const enum layer_type types[16] = {[8] = LAYER_FILE,
			[4] = LAYER_DIR,
			[2] = LAYER_CHAR,
			[6] = LAYER_BLOCK,
			[1] = LAYER_FIFO,
			[10] = LAYER_SYMLINK};
		*ret_type = types[node->mode >> 12];
	}
	return true;
}

int layer_index_finish(
	struct layer_index *x, uint64_t tar_size, uint64_t *ret_index_size, struct err *e)
{
	return index_finish_on(x, &tar_size, 1, ret_index_size, e);
}

int index_finish_on(struct layer_index *x, const uint64_t *tar_sizes, size_t n_tars,
	uint64_t *ret_index_size, struct err *e)
{
	struct index_layout l = {0};
	int r = prepare(x, e);
	if (r < 0)
		return r;
	x->finished = true;
	free(STEAL(x->slots)); /* names are looked up no more */
	x->n_slots = 0;
	r = index_layout_make(x, n_tars, &l, e);
	if (r == 0)
		r = index_write(x, &l, tar_sizes, n_tars, e);
	free(l.dirs);
	if (r < 0)
		return r;
	/* also cuts off what was spilled */
	spill_release(&x->nodes);
	spill_release(&x->names);
	uint64_t size = l.blocks << 9;
	if (ftruncate(x->fd, (off_t)size) < 0)
		return err_sys(e, "cut the index");
	if (ret_index_size)
		*ret_index_size = size;
	return 0;
}
