/*
 * struct store: everything that kist keeps (design section 3): a directory of
 * content and one SQLite database of names.
 *
 *	blobs/sha256/HEX       manifests, configs, layers as they travel   store/blob.h
 *	blobs/partial/HEX      what has come of a blob that is being fetched  store/partial.h
 *	layers/HEX/tar         an uncompressed layer, named by its diffID  store/layer.h
 *	layers/HEX/index.erofs (or tree/ for the dir driver)
 *	containers/ID/         store/container.h; the engine decides what is inside
 *	volumes/ cache/        the engine's, the builder's
 *	tmp/                   what is being made; swept when its owner is gone
 *	kist.db                images, tags, layers, containers, build cache, leases
 *
 * Life cycle: store_open, store_close. Opening creates what is missing and costs
 * well under a millisecond: the database is opened by the first call that needs
 * it. Any number of processes may work on one store at once.
 *
 * A store must not be used in a child after fork (SQLite's rule): the child works
 * with paths and descriptors that were prepared before.
 *
 * Durable when named: store_image_put, store_tag_set and store_container_add
 * return when all that they name, and the row itself, is on disk. Everything else
 * may be lost by a crash of the machine (never by a crash of a process); a layer
 * row that survived its data is marked suspect, see struct store_layer.
 *
 * Digests, diffIDs and image ids are strings "sha256:<64 lower-case digits>" of
 * STORE_DIGEST_MAX bytes with the 0; a function that gets another form answers
 * -EINVAL. Times are wall-clock nanoseconds (base/clock.h).
 */
#pragma once

#include "base/defs.h"

struct err;
struct store;

#define STORE_DIGEST_MAX 72 /* "sha256:", 64 digits, 0 */

struct store_options {
	const char *root;    /* required, absolute: what stays */
	const char *runroot; /* required, absolute: what a reboot may take */
	bool readonly;       /* nothing is created, swept or changed */
	/* Verifies a suspect layer (snapshot_layer_verify, here or in another process) when
	 * store_layer_require meets one. NULL: suspect layers are refused. */
	int (*verify)(struct store *s, const char *diffid, struct err *e);
	/* The command removes things: on a full disk the store's reserve is given up for it. */
	bool makes_room;
};

int store_open(const struct store_options *o, struct store **ret, struct err *e);
void store_close(struct store *s);
DEFINE_CLEANUP(struct store *, store_close)
#define cleanup_store cleanup(store_close_cleanup)

/* Absolute; borrowed until store_close. */
const char *store_path(const struct store *s);
const char *store_run_path(const struct store *s);

enum store_dir {
	STORE_DIR_ROOT,
	STORE_DIR_BLOBS,   /* blobs/sha256 */
	STORE_DIR_PARTIAL, /* blobs/partial */
	STORE_DIR_LAYERS,
	STORE_DIR_CONTAINERS,
	STORE_DIR_VOLUMES,
	STORE_DIR_CACHE,
	STORE_DIR_TMP,
	STORE_DIR_RUN, /* runroot */
	STORE_DIR_COUNT,
};
/* A directory descriptor, opened once; borrowed until store_close. Negative: error. */
int store_dir(struct store *s, enum store_dir d, struct err *e);

/*
 * A new directory in tmp/ that belongs to this process: it is locked (flock) as long as the
 * returned descriptor or a copy of it is open, and swept by the next store_open of any process
 * afterwards. name (at least STORE_TMP_NAME bytes, may be NULL) gets its name below tmp/.
 * store_tmp_remove removes it at once and closes the descriptor.
 */
#define STORE_TMP_NAME 40
int store_tmp_dir(struct store *s, char *name, struct err *e);
int store_tmp_remove(struct store *s, const char *name, int fd, struct err *e);
/* Removes what dead processes left in tmp/; store_open has done it already. */
int store_tmp_sweep(struct store *s, struct err *e);

/* Facts about the store itself ("driver"): 0 and a copy in *ret, -ENOENT (e untouched). */
int store_fact_get(struct store *s, const char *name, char **ret, struct err *e);
/* value NULL: forgets it; absent is fine. */
int store_fact_set(struct store *s, const char *name, const char *value, struct err *e);

/* Several changes as one: all visible at once, or none. May be nested. Nothing slow inside. */
int store_begin(struct store *s, struct err *e);
int store_commit(struct store *s, struct err *e);
void store_rollback(struct store *s);

/* Whether a digest has the one form that this store knows; and its 64 digits, or NULL. */
bool store_digest_valid(const char *digest);
const char *store_digest_hex(const char *digest);
/* This boot: /proc/sys/kernel/random/boot_id; borrowed until store_close. */
const char *store_boot(struct store *s);
