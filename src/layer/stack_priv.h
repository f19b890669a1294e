/*
 * A stack of layers as overlayfs shows it, one directory at a time: for
 * layer/compare.c and layer/merge.c. A directory of the merged view has parts:
 * the directories of the layers that contribute to it, the topmost first.
 */
#pragma once

#include "layer/tree.h"

struct stack_part {
	size_t layer;
	struct layer_tree_node node;
};

struct stack_entry {
	char *name;
	struct stack_part *parts; /* of a directory: all; else one: what is shown */
	size_t n_parts;
	bool opaque;   /* a layer of the stack said so: nothing below the stack shows */
	bool whiteout; /* only with keep_whiteouts */
};

struct stack_list {
	struct stack_entry *v; /* in byte order */
	size_t n;
};

void stack_list_release(struct stack_list *l);
void stack_entry_release(struct stack_entry *entry);

/* The root of the merged view; an empty stack has no parts. */
int stack_root(struct layer_tree *const *stack, size_t n, struct stack_entry *ret, struct err *e);
/* The children of a directory. keep_whiteouts: names that the stack deletes are listed too. */
int stack_list_dir(struct layer_tree *const *stack, const struct stack_entry *dir,
	bool keep_whiteouts, struct stack_list *ret, struct err *e);
