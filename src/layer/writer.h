/*
 * Makes a new layer in one pass: the tar, its digest and its index. Bytes are
 * read straight into the buffers that are hashed and written, both in threads
 * that start only when a layer outgrows the first buffers and have ended when
 * finish or free returns. Deterministic: the same calls give the same bytes.
 *
 * Life cycle: new, any number of adds, finish, free. After an error only free.
 */
#pragma once

#include "base/sha256.h"
#include "layer/entry.h"

struct err;
struct layer_writer;

struct layer_info {
	char diffid[SHA256_HEX]; /* hexadecimal, without "sha256:" */
	uint64_t tar_size;
	uint64_t index_size;
	uint64_t entries;
	uint64_t content; /* bytes of file data */
};

struct layer_writer_options {
	bool clamp;          /* times later than clamp_mtime become clamp_mtime */
	int64_t clamp_mtime; /* seconds; SOURCE_DATE_EPOCH */
	bool nanoseconds;    /* keep fractions of a second (pax); cut off otherwise */
};

/* tar_fd: where the tar goes, written from its current offset, which must be its beginning.
 * index_fd: see layer/index.h; -1: no index. Both borrowed. opt may be NULL. */
struct layer_writer *layer_writer_new(
	int tar_fd, int index_fd, const struct layer_writer_options *opt);
void layer_writer_free(struct layer_writer *w);
DEFINE_CLEANUP(struct layer_writer *, layer_writer_free)
#define cleanup_layer_writer cleanup(layer_writer_free_cleanup)

/* Adds an entry; path and a hard link's linkname must be normalised. LAYER_FILE: entry->size bytes
 * are read from data_fd at its offset; fewer, or more after them, is an error ("changed while it
 * was read"). data_fd is -1 for everything else and for empty files. */
int layer_writer_add(
	struct layer_writer *w, const struct layer_entry *entry, int data_fd, struct err *e);
/* As above with a file's bytes from memory; entry->size must be len. */
int layer_writer_add_bytes(struct layer_writer *w, const struct layer_entry *entry, const void *p,
	size_t len, struct err *e);
/* A file whose bytes come in pieces: begin, data until entry->size is reached, then the next add.
 * For streams: archives, downloads. */
int layer_writer_begin(struct layer_writer *w, const struct layer_entry *entry, struct err *e);
int layer_writer_data(struct layer_writer *w, const void *p, size_t len, struct err *e);
/* path was deleted; directory path (which was or will be added) hides what lies below */
int layer_writer_whiteout(struct layer_writer *w, const char *path, struct err *e);
int layer_writer_opaque(struct layer_writer *w, const char *path, struct err *e);
/* Whether path has been added, and what it is. Without an index: always false. */
bool layer_writer_has(const struct layer_writer *w, const char *path, enum layer_type *ret_type);
/* Ends the tar, writes the index, joins the threads. Nothing is fsynced. */
int layer_writer_finish(struct layer_writer *w, struct layer_info *ret, struct err *e);
