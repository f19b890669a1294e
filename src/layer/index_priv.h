/*
 * The index under construction: a tree of nodes (one per name) in arrays that
 * refer to each other by number. index.c builds it, index_layout.c sorts it and
 * gives every inode its place, index_write.c writes the image.
 */
#pragma once

#include "layer/index.h"
#include "layer/spill_priv.h"

enum {
	NODE_WHITEOUT = 1 << 0, /* hides what lies below: written as a 0:0 device */
	NODE_OPAQUE = 1 << 1,   /* directory: hides what lies below it */
	NODE_LINK = 1 << 2,     /* a further name: `size` is the number of the first */
	NODE_TARGET = 1 << 3,   /* some NODE_LINK refers to this node */
	NODE_IMPLIED = 1 << 4,  /* directory that no entry has described */
	NODE_INLINE = 1 << 5,   /* layout: data (or its last block) follows the inode */
	NODE_WRITTEN = 1 << 6,
	NODE_GONE = 1 << 7, /* its name belongs to a newer node */
};

struct index_node {
	uint32_t parent;
	uint32_t next; /* sibling */
	uint32_t name; /* offset into names */
	uint32_t uid;
	uint32_t gid;
	uint32_t mtime_ns;
	int64_t mtime;
	uint64_t size;   /* file, symlink: bytes; directory: its first child; link: target */
	uint32_t block;  /* file: of the data in the tar; symlink: text's offset in names; device:
			 * its number */
	uint32_t xattrs; /* offset into names of a struct index_xattrs, 0: none */
	uint32_t nid;    /* layout: 0 as long as it has no place */
	uint32_t nlink;
	uint16_t mode;
	uint8_t name_len;
	uint8_t flags;
	uint16_t device; /* file: which tar, from 1 */
	uint16_t spare;
};

_Static_assert(sizeof(struct index_node) == 64, "memory per entry");

/* The attributes in their EROFS form, size bytes of entries */
struct index_xattrs {
	uint32_t size;
	uint8_t entries[];
};

#define INDEX_ROOT 1U

/* trusted.overlay.opaque = "y" in its EROFS form */
#define INDEX_OPAQUE_NAME "overlay.opaque"
#define INDEX_OPAQUE_SIZE 20U

struct index_slot {
	uint32_t hash;
	uint32_t node; /* 0: empty */
};

struct layer_index {
	int fd;
	struct spill_pool pool;
	struct spill nodes; /* struct index_node by number; 0 is unused */
	struct spill names; /* names, link texts, attributes; offset 0 is unused */
	struct index_slot *slots;
	size_t n_slots; /* a power of two */
	size_t n_used;
	uint64_t seed;
	uint32_t touched; /* work since the last trim */
	uint32_t touched_last;
	/* the most common time so far (majority vote): 32-byte inodes have it */
	int64_t epoch;
	uint64_t epoch_votes;
	/* the directory of the last entry: the next one is mostly there too */
	char *last_dir;
	uint32_t last_xattrs;
	uint32_t last_node;
	bool finished;
};

static inline struct index_node *index_node(const struct layer_index *x, uint32_t n)
{
	return (struct index_node *)x->nodes.base + n;
}

static inline const char *index_name(const struct layer_index *x, const struct index_node *n)
{
	return (const char *)x->names.base + n->name;
}

static inline struct index_xattrs *index_xattrs_at(const struct layer_index *x, uint32_t at)
{
	return (struct index_xattrs *)(x->names.base + at);
}

/* The node with the inode: the first name of a hard link, else n itself */
static inline uint32_t index_inode(const struct layer_index *x, uint32_t n)
{
	const struct index_node *node = index_node(x, n);
	return node->flags & NODE_LINK ? (uint32_t)node->size : n;
}

/* Node n is looked at: lets memory go from time to time, sooner when nodes far apart are wanted. */
void index_touch(struct layer_index *x, uint32_t n);

/* As layer_index_add for a file whose data lies in another tar than the first. */
int index_add_on(
	struct layer_index *x, const struct layer_entry *entry, uint16_t device, struct err *e);
int index_finish_on(struct layer_index *x, const uint64_t *tar_sizes, size_t n_tars,
	uint64_t *ret_index_size, struct err *e);

/* EROFS form of the attributes (those that have one); appended to names. 0 for none. */
int index_xattrs_add(
	struct layer_index *x, const struct layer_entry *entry, uint32_t *ret, struct err *e);

struct index_layout {
	uint32_t *dirs; /* node numbers, parents first; owned */
	size_t n_dirs;
	uint64_t inodes;
	uint64_t meta_end;   /* bytes: end of the inodes */
	uint64_t data_block; /* first block of directories and long links */
	uint64_t blocks;     /* of the whole image */
};

/* Sorts the children, counts links, places every inode and directory block. */
int index_layout_make(struct layer_index *x, size_t n_tars, struct index_layout *l, struct err *e);
uint32_t index_inode_size(const struct layer_index *x, const struct index_node *n);
uint32_t index_xattr_bytes(const struct layer_index *x, const struct index_node *n);

/* Walks a directory's entries ("." and ".." among them) in order, and says for each whether it
 * begins a new block. */
struct index_dir_walk {
	struct layer_index *x;
	uint32_t dir;
	uint32_t child;  /* next */
	unsigned dots;   /* how many of "." and ".." have been given */
	uint32_t used;   /* bytes of the current block */
	uint32_t blocks; /* begun so far */
	/* the entry */
	const char *name;
	uint32_t len;
	uint32_t node;
};
bool index_dir_next(struct index_dir_walk *w);

int index_write(struct layer_index *x, const struct index_layout *l, const uint64_t *tar_sizes,
	size_t n_tars, struct err *e);
