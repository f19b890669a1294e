/*
 * Writes the image that index_layout.c has planned: inodes front to back, and the
 * data blocks of directories and long links behind them, in two streams.
 */
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "layer/erofs_priv.h"
#include "layer/index_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum {
	ZONE_BUFFER = 64 * 1024,
	/* entries of one block: at least 13 bytes each */
	BLOCK_ENTRIES = EROFS_BLOCK / 13,
};

/* One stream of the file: bytes are appended, the first error stays. */
struct zone {
	int fd;
	uint64_t start; /* offset in the file of bytes[0] */
	size_t len;
	int error;
	uint8_t bytes[ZONE_BUFFER];
};

struct image {
	struct layer_index *x;
	struct zone meta;
	struct zone data;
	uint32_t ino;
};

static void zone_flush(struct zone *z)
{
	if (!z->error)
		z->error = io_pwrite_all(z->fd, z->bytes, z->len, (off_t)z->start);
	z->start += z->len;
	z->len = 0;
}

static void zone_put(struct zone *z, const void *p, size_t len)
{
	const uint8_t *c = p;
	while (len) {
		size_t n = MIN(len, sizeof(z->bytes) - z->len);
		memcpy(z->bytes + z->len, c, n);
		z->len += n;
		c += n;
		len -= n;
		if (z->len == sizeof(z->bytes))
			zone_flush(z);
	}
}

/* Zeros up to an offset of the file */
static void zone_pad(struct zone *z, uint64_t offset)
{
	static const uint8_t zeros[EROFS_BLOCK];
	while (z->start + z->len < offset)
		zone_put(z, zeros, MIN(offset - z->start - z->len, sizeof(zeros)));
}

static uint64_t zone_offset(const struct zone *z)
{
	return z->start + z->len;
}

/* One directory block: entries first, their names behind them. */
struct dir_block {
	size_t n;
	struct {
		uint64_t nid;
		const char *name;
		uint32_t len;
		uint8_t type;
	} entries[BLOCK_ENTRIES];
};

/* Returns the length used; out is zero behind it. */
static uint32_t render_block(const struct dir_block *b, uint8_t out[EROFS_BLOCK])
{
	memset(out, 0, EROFS_BLOCK);
	size_t at = b->n * sizeof(struct erofs_dirent);
	for (size_t i = 0; i < b->n; i++) {
		struct erofs_dirent d = {.nid = b->entries[i].nid,
			.name_offset = (uint16_t)at,
			.type = b->entries[i].type};
		memcpy(out + i * sizeof(d), &d, sizeof(d));
		memcpy(out + at, b->entries[i].name, b->entries[i].len);
		at += b->entries[i].len;
	}
	return (uint32_t)at;
}

/* Writes all blocks of a directory but the last, which is left in last. Returns the size. */
static uint64_t put_blocks(struct image *im, uint32_t dir, uint8_t last[EROFS_BLOCK])
{
	struct index_dir_walk w = {
		.x = im->x, .dir = dir, .child = (uint32_t)index_node(im->x, dir)->size};
	struct dir_block b = {0};
	uint32_t blocks = 0;
	while (index_dir_next(&w)) {
		if (w.blocks > 1 && w.blocks != blocks) {
			render_block(&b, last);
			zone_put(&im->data, last, EROFS_BLOCK);
			b.n = 0;
		}
		blocks = w.blocks;
		const struct index_node *n = index_node(im->x, w.node);
		b.entries[b.n].nid = n->nid;
		b.entries[b.n].name = w.name;
		b.entries[b.n].len = w.len;
		b.entries[b.n].type = erofs_dirent_type(n->mode);
		b.n++;
	}
	return (uint64_t)(blocks - 1) * EROFS_BLOCK + render_block(&b, last);
}

static uint16_t xattr_count(uint32_t bytes)
{
	return bytes ? (uint16_t)((bytes - sizeof(struct erofs_xattr_header)) / 4 + 1) : 0;
}

static void put_inode(
	struct image *im, const struct index_node *n, unsigned layout, uint64_t size, uint32_t data)
{
	uint16_t count = xattr_count(index_xattr_bytes(im->x, n));
	uint32_t ino = ++im->ino;
	if (index_inode_size(im->x, n) == sizeof(struct erofs_inode_compact)) {
		struct erofs_inode_compact c = {.format = (uint16_t)(layout << 1),
			.xattr_count = count,
			.mode = n->mode,
			.nlink = (uint16_t)n->nlink,
			.size = (uint32_t)size,
			.data = data,
			.ino = ino,
			.uid = (uint16_t)n->uid,
			.gid = (uint16_t)n->gid};
		zone_put(&im->meta, &c, sizeof(c));
		return;
	}
	struct erofs_inode_extended x = {.format = (uint16_t)(layout << 1 | EROFS_FORMAT_EXTENDED),
		.xattr_count = count,
		.mode = n->mode,
		.size = size,
		.data = data,
		.ino = ino,
		.uid = n->uid,
		.gid = n->gid,
		.mtime = (uint64_t)n->mtime,
		.mtime_nsec = n->mtime_ns,
		.nlink = n->nlink};
	zone_put(&im->meta, &x, sizeof(x));
}

static void put_xattrs(struct image *im, const struct index_node *n)
{
	if (!index_xattr_bytes(im->x, n))
		return;
	struct erofs_xattr_header head = {0};
	zone_put(&im->meta, &head, sizeof(head));
	if (n->flags & NODE_OPAQUE) {
		struct erofs_xattr_entry a = {.name_len = sizeof(INDEX_OPAQUE_NAME) - 1,
			.name_index = EROFS_XATTR_TRUSTED,
			.value_size = 1};
		zone_put(&im->meta, &a, sizeof(a));
		zone_put(&im->meta, INDEX_OPAQUE_NAME "y\0", INDEX_OPAQUE_SIZE - sizeof(a));
	}
	if (n->xattrs) {
		const struct index_xattrs *xa = index_xattrs_at(im->x, n->xattrs);
		zone_put(&im->meta, xa->entries, xa->size);
	}
}

static void put_dir(struct image *im, const struct index_node *n, uint32_t id)
{
	uint8_t last[EROFS_BLOCK];
	uint32_t block = (uint32_t)(zone_offset(&im->data) / EROFS_BLOCK);
	uint64_t size = put_blocks(im, id, last);
	uint32_t tail = (uint32_t)(size - (size - 1) / EROFS_BLOCK * EROFS_BLOCK);
	bool beside = n->flags & NODE_INLINE;
	put_inode(im, n, beside ? EROFS_INLINE : EROFS_PLAIN, size, block);
	put_xattrs(im, n);
	if (beside)
		zone_put(&im->meta, last, tail);
	else
		zone_put(&im->data, last, EROFS_BLOCK);
}

static void put_symlink(struct image *im, const struct index_node *n)
{
	uint32_t block = (uint32_t)(zone_offset(&im->data) / EROFS_BLOCK);
	bool beside = n->flags & NODE_INLINE;
	const uint8_t *text = im->x->names.base + n->block;
	put_inode(im, n, beside ? EROFS_INLINE : EROFS_PLAIN, n->size, block);
	put_xattrs(im, n);
	zone_put(beside ? &im->meta : &im->data, text, n->size);
	if (!beside)
		zone_pad(&im->data,
			(zone_offset(&im->data) + EROFS_BLOCK - 1) / EROFS_BLOCK * EROFS_BLOCK);
}

/* A file is one chunk: the smallest power of two of blocks that holds it. */
static void put_file(struct image *im, const struct index_node *n)
{
	uint64_t blocks = (n->size + EROFS_BLOCK - 1) / EROFS_BLOCK;
	uint32_t bits = 0;
	while (1ULL << bits < blocks)
		bits++;
	put_inode(im, n, EROFS_CHUNKED, n->size, bits | EROFS_CHUNK_INDEXES);
	put_xattrs(im, n);
	struct erofs_chunk c = {.device = n->device, .block = n->block};
	zone_pad(&im->meta, (zone_offset(&im->meta) + 7) & ~7ULL);
	zone_put(&im->meta, &c, sizeof(c));
}

static void put(struct image *im, uint32_t id)
{
	struct index_node *n = index_node(im->x, id);
	zone_pad(&im->meta, (uint64_t)n->nid * EROFS_SLOT);
	n->flags |= NODE_WRITTEN;
	if (S_ISDIR(n->mode)) {
		put_dir(im, n, id);
	} else if (S_ISLNK(n->mode)) {
		put_symlink(im, n);
	} else if (S_ISREG(n->mode) && n->size) {
		put_file(im, n);
	} else {
		put_inode(im, n, EROFS_PLAIN, 0, S_ISREG(n->mode) ? 0 : n->block);
		put_xattrs(im, n);
	}
}

static void put_super(
	struct image *im, const struct index_layout *l, const uint64_t *tar_sizes, size_t n_tars)
{
	const struct index_node *root = index_node(im->x, INDEX_ROOT);
	struct erofs_super s = {.magic = EROFS_MAGIC,
		.feature_compat = EROFS_COMPAT_CHECKSUM | EROFS_COMPAT_MTIME,
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = (uint16_t)root->nid,
		.inodes = l->inodes,
		.epoch = (uint64_t)im->x->epoch,
		.blocks = (uint32_t)l->blocks,
		.feature_incompat = EROFS_INCOMPAT_CHUNKED | EROFS_INCOMPAT_DEVICES,
		.extra_devices = (uint16_t)n_tars,
		.device_slot = (EROFS_SUPER_OFFSET + sizeof(s)) / sizeof(struct erofs_device)};
	zone_pad(&im->meta, EROFS_SUPER_OFFSET);
	zone_put(&im->meta, &s, sizeof(s));
	uint64_t mapped = l->blocks;
	for (size_t i = 0; i < n_tars; i++) {
		uint64_t blocks = (tar_sizes[i] + EROFS_BLOCK - 1) / EROFS_BLOCK;
		struct erofs_device d = {.blocks = (uint32_t)blocks,
			.mapped_block = (uint32_t)(mapped + blocks <= UINT32_MAX ? mapped : 0)};
		zone_put(&im->meta, &d, sizeof(d));
		mapped += blocks;
	}
}

uint32_t erofs_crc32c(const void *p, size_t len)
{
	const uint8_t *c = p;
	uint32_t crc = ~0U;
	while (len--) {
		crc ^= *c++;
		for (int i = 0; i < 8; i++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78U : 0);
	}
	return crc;
}

/* The checksum covers one block from the superblock on, inodes included: it comes last. */
static int put_checksum(int fd)
{
	uint8_t block[EROFS_BLOCK];
	ssize_t n = io_pread_full(fd, block, sizeof(block), EROFS_SUPER_OFFSET);
	if (n != (ssize_t)sizeof(block))
		return n < 0 ? (int)n : -EIO;
	uint32_t crc = erofs_crc32c(block, sizeof(block));
	return io_pwrite_all(
		fd, &crc, sizeof(crc), EROFS_SUPER_OFFSET + offsetof(struct erofs_super, checksum));
}

int index_write(struct layer_index *x, const struct index_layout *l, const uint64_t *tar_sizes,
	size_t n_tars, struct err *e)
{
	cleanup_free struct image *im = mem_alloc(sizeof(*im));
	im->x = x;
	im->meta.fd = im->data.fd = x->fd;
	im->data.start = l->data_block * EROFS_BLOCK;
	put_super(im, l, tar_sizes, n_tars);
	put(im, INDEX_ROOT);
	for (size_t i = 0; i < l->n_dirs; i++) {
		uint32_t child = (uint32_t)index_node(x, l->dirs[i])->size;
		for (; child; child = index_node(x, child)->next) {
			uint32_t id = index_inode(x, child);
			if (!(index_node(x, id)->flags & NODE_WRITTEN))
				put(im, id);
			index_touch(x, child);
		}
	}
	zone_pad(&im->meta, l->data_block * EROFS_BLOCK);
	zone_pad(&im->data, l->blocks * EROFS_BLOCK);
	zone_flush(&im->meta);
	zone_flush(&im->data);
	int r = im->meta.error ? im->meta.error : im->data.error;
	if (r == 0)
		r = put_checksum(x->fd);
	return r < 0 ? err_sysno(e, r, "write the index") : 0;
}
