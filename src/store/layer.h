/*
 * Layers: uncompressed tars named by their diffID, each with what makes it
 * mountable (snapshot/layer.h writes that). A layer is made in a temporary
 * directory and appears by a rename and a row, in this order.
 */
#pragma once

#include "store/store.h"

struct store_layer {
	char diffid[STORE_DIGEST_MAX];
	uint64_t tar_size;     /* bytes of the tar */
	uint64_t content_size; /* bytes in regular files: what docker calls the size */
	uint64_t entries;      /* entries in the tar */
	uint64_t index_size;   /* bytes of the index, or of the unpacked tree */
	int64_t created;       /* when it was stored */
	bool durable;          /* on disk for certain */
	/* Not durable and written before the last boot: its files may be torn. To be verified
	 * (store_layer_require) before use. */
	bool suspect;
};

/* A layer in progress: a directory that nobody else sees. */
struct store_layer_tmp;
int store_layer_begin(struct store *s, struct store_layer_tmp **ret, struct err *e);
/* The directory, for `tar`, `index.erofs`, `tree`; borrowed until commit or free. */
int store_layer_tmp_dir(const struct store_layer_tmp *t);
/* Its absolute path; borrowed. */
const char *store_layer_tmp_path(const struct store_layer_tmp *t);

struct store_layer_info {
	uint64_t tar_size, content_size, entries, index_size;
	bool durable; /* fsync files and directory now; else when something names the layer */
};
/*
 * Names the layer: rename into layers/, row. The caller vouches for diffid (it hashed the tar as
 * it wrote it). A layer that is there already stays, ours is dropped, and that is a success; of
 * two committers at once one wins and both succeed. Frees t in every case.
 */
int store_layer_commit(struct store_layer_tmp *t, const char *diffid,
	const struct store_layer_info *info, struct err *e);
void store_layer_tmp_free(struct store_layer_tmp *t);
DEFINE_CLEANUP(struct store_layer_tmp *, store_layer_tmp_free)
#define cleanup_store_layer_tmp cleanup(store_layer_tmp_free_cleanup)

/* 0; -ERR_NOT_FOUND. ret may be NULL. */
int store_layer_get(struct store *s, const char *diffid, struct store_layer *ret, struct err *e);
/* As store_layer_get, for whoever is about to use the layer: a suspect one is verified first (see
 * store_options), and refused with -ERR_STATE where it cannot be. Not inside a transaction. */
int store_layer_require(
	struct store *s, const char *diffid, struct store_layer *ret, struct err *e);
bool store_layer_has(struct store *s, const char *diffid);
/* Absolute path of layers/HEX, or of layers/HEX/NAME when name is not NULL. Need not exist. */
char *store_layer_path(struct store *s, const char *diffid, const char *name) must_check;
/* layers/HEX as a descriptor */
int store_layer_open(struct store *s, const char *diffid, struct err *e);
/* Makes layers durable: fsync of the files of those that are not yet, then the rows. */
int store_layer_sync(struct store *s, const char *const *diffids, size_t n, struct err *e);
/* A suspect layer was verified: it is as if written in this boot. */
int store_layer_trust(struct store *s, const char *diffid, struct err *e);
/* Removes files and rows, whoever refers to it: gc and verify call this, after their checks. */
int store_layer_delete(struct store *s, const char *diffid, struct err *e);

struct store_layers {
	struct store_layer *v;
	size_t n;
};
int store_layer_list(struct store *s, struct store_layers *ret, struct err *e); /* oldest first */
void store_layers_release(struct store_layers *l);
#define cleanup_store_layers cleanup(store_layers_release)

/* The compressed forms of a layer: those it came in, and those made for a push. */
struct store_layer_blob {
	char diffid[STORE_DIGEST_MAX];
	char digest[STORE_DIGEST_MAX];
	char media_type[128];
	char compressor[64]; /* "gzip isal-2 2.30", "zstd 3 1.5.4", "" when it came from outside */
	uint64_t size;
};
int store_layer_blob_add(struct store *s, const struct store_layer_blob *b, struct err *e);
/* The forms whose bytes are in blobs/ or, with absent_too, any ever seen (a registry may have it).
 * compressor NULL: any. The newest first form that fits; -ERR_NOT_FOUND. */
int store_layer_blob_get(struct store *s, const char *diffid, const char *compressor,
	bool absent_too, struct store_layer_blob *ret, struct err *e);
/* The layer that a compressed blob unpacks to, when both are known: no download, no ingest. */
int store_layer_by_blob(
	struct store *s, const char *digest, char ret_diffid[STORE_DIGEST_MAX], struct err *e);
