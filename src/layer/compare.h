/*
 * Compares two file systems, each a stack of layers (indexes with their tars),
 * as overlayfs would show them: what was added, changed, deleted. Content is
 * compared byte by byte where sizes agree, unless both sides take the file from
 * the same index. A directory's time alone is no difference.
 */
#pragma once

#include "layer/tree.h"

enum layer_change {
	LAYER_ADDED,
	LAYER_CHANGED,
	LAYER_DELETED,
};

struct layer_difference {
	enum layer_change change;
	const char *path;
	uint32_t mode;     /* of what is there now (deleted: was there) */
	uint64_t old_size; /* 0 when added */
	uint64_t new_size; /* 0 when deleted */
	bool content; /* changed: the bytes, the link's text or the device; else metadata only */
};

typedef int (*layer_compare_fn)(void *ctx, const struct layer_difference *d, struct err *e);

/* Stacks from the lowest layer to the topmost; either may be empty. Calls fn in path order; a
 * deleted or added directory is followed by what is in it. Non-zero from fn stops. */
int layer_compare(struct layer_tree *const *old, size_t n_old, struct layer_tree *const *now,
	size_t n_now, layer_compare_fn fn, void *ctx, struct err *e);

/* The merged view alone. node->opaque is false; layer: which of the stack it comes from. */
typedef int (*layer_stack_fn)(void *ctx, const char *path, const struct layer_tree_node *node,
	size_t layer, struct err *e);
int layer_stack_walk(
	struct layer_tree *const *stack, size_t n, layer_stack_fn fn, void *ctx, struct err *e);
/* One path of the merged view, links not followed; -ENOENT with e untouched. */
int layer_stack_lookup(struct layer_tree *const *stack, size_t n, const char *path,
	struct layer_tree_node *ret, size_t *ret_layer, struct err *e);
