/*
 * Garbage collection in two halves: a plan that lists what would go, with sizes
 * and reasons, and its execution, which removes exactly that and, of it, only what
 * is still unused at that moment.
 */
#pragma once

#include "base/strv.h"
#include "store/store.h"

enum store_prune_kind {
	STORE_PRUNE_CONTAINER, /* named by the caller, who removes it: the store cannot know */
	STORE_PRUNE_TAG,
	STORE_PRUNE_IMAGE,
	STORE_PRUNE_CACHE,
	STORE_PRUNE_LAYER,
	STORE_PRUNE_BLOB,
	STORE_PRUNE_PARTIAL,  /* what a fetch that was cut has left (store/partial.h) */
	STORE_PRUNE_LEFTOVER, /* files that no row knows */
};

struct store_prune_item {
	enum store_prune_kind kind;
	char *id;       /* digest, key, container id, or a path below the root */
	char *name;     /* what a person knows it by; never NULL */
	char *reason;   /* "no tag and no container", ... */
	uint64_t bytes; /* what the disk gets back by this item */
};

struct store_prune_plan {
	struct store_prune_item *v;
	size_t n;
	uint64_t bytes;
	int64_t made; /* what was used since is kept */
	char *by;     /* who asked; goes into tombstones */
};
void store_prune_plan_release(struct store_prune_plan *p);
#define cleanup_store_prune_plan cleanup(store_prune_plan_release)

struct store_prune_options {
	bool images;       /* images without a tag */
	bool all_images;   /* ... and tagged ones that no container uses */
	bool cache;        /* build cache entries */
	bool leftovers;    /* files without a row, blobs without an owner, old partial blobs */
	bool all_partials; /* ... and partial blobs whose lease has not ended */
	int64_t before;    /* only what was made and last used before this time; 0: all */
	const struct strv
		*containers; /* ids that the caller will remove: as if gone; may be NULL */
	const char *by;      /* "kist prune" */
};
int store_prune_plan(struct store *s, const struct store_prune_options *o,
	struct store_prune_plan *ret, struct err *e);
/* Containers of the plan must be gone already. ret_bytes: what was freed. */
int store_prune_apply(
	struct store *s, const struct store_prune_plan *plan, uint64_t *ret_bytes, struct err *e);
/* Removes layers of the list that nothing needs any more; what went is appended to ret (may be
 * NULL). */
int store_collect_layers(
	struct store *s, const struct strv *diffids, struct strv *ret, struct err *e);
