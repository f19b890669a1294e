/*
 * struct transport_source: named things to load from, wherever they lie: a
 * directory, a tar that can seek, or what was kept of a tar that passed by once.
 */
#pragma once

#include "base/strv.h"
#include "layer/decompress.h"
#include "store/blob.h"
#include "store/store.h"

struct buf;
struct err;

enum transport_entry_kind {
	TRANSPORT_BYTES, /* at offset in fd */
	TRANSPORT_LINK,  /* another name of `target` */
	TRANSPORT_LAYER, /* has been stored while it passed */
	TRANSPORT_OTHER, /* passed by and was not kept: neither document nor tar */
};

/* A layer as it was stored */
struct transport_layer {
	char diffid[STORE_DIGEST_MAX];
	char blob_digest[STORE_DIGEST_MAX]; /* of the bytes as they came; "" when not known */
	uint64_t blob_size;
	enum layer_compression compression;
	bool kept; /* the compressed bytes are a blob of the store */
};

struct transport_entry {
	char *name;
	enum transport_entry_kind kind;
	uint64_t offset, size;
	char *target;
	struct transport_layer layer;
	size_t order; /* of several with one name the last counts */
};

struct transport_source {
	struct store *store;
	int dir; /* a directory, or -1 */
	int fd;  /* where TRANSPORT_BYTES are, or -1; owned when own_fd */
	bool own_fd;
	struct transport_entry *v; /* sorted by name after transport_source_ready */
	size_t n, cap;
	struct strv new_layers; /* diffIDs that this load has brought in */
	struct strv new_blobs;  /* compressed blobs likewise */
};

void transport_source_release(struct transport_source *src);
#define cleanup_transport_source cleanup(transport_source_release)

/* The entry is zeroed but for its name; borrowed until the next add. -ERR_LIMIT. */
int transport_source_add(struct transport_source *src, const char *name,
	struct transport_entry **ret, struct err *e);
void transport_source_ready(struct transport_source *src);

/* Fills src from the headers of a tar in fd (borrowed), which must be plain and able to seek. */
int transport_source_scan(struct transport_source *src, int fd, struct err *e);
/* Reads a tar (plain or compressed) from fd to its end, storing layers as they pass. */
int transport_source_stream(struct transport_source *src, int fd, struct err *e);

bool transport_source_has(struct transport_source *src, const char *name);
/* A whole document; b->max bounds it. -ERR_NOT_FOUND. */
int transport_source_read(
	struct transport_source *src, const char *name, struct buf *b, struct err *e);

/* Where a file's bytes are: *ret_fd, which *ret_own says to close, from *ret_offset on. */
int transport_source_open(struct transport_source *src, const char *name, int *ret_fd,
	bool *ret_own, uint64_t *ret_offset, uint64_t *ret_size, struct err *e);

/* What is known of a layer before it is read; NULL and 0: unknown. */
struct transport_want {
	const char *diffid;
	const char *blob_digest;
	uint64_t blob_size;
};
/* Stores the layer that name is, unless it is there already, and checks it against want. */
int transport_source_layer(struct transport_source *src, const char *name,
	const struct transport_want *want, struct transport_layer *ret, struct err *e);

/* "blobs/sha256/HEX" of a digest; out has TRANSPORT_BLOB_NAME bytes; and back (false: it is no
 * such name). */
#define TRANSPORT_BLOB_NAME 80
char *transport_blob_name(const char *digest, char out[TRANSPORT_BLOB_NAME]);
bool transport_blob_digest(const char *name, char ret[STORE_DIGEST_MAX]);
