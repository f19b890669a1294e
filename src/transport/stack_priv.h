/* The layers of an image, opened to be looked at without mounting. */
#pragma once

#include "base/strv.h"
#include "layer/tree.h"
#include "store/store.h"

struct transport_stack {
	struct layer_tree **v; /* lowest first */
	int **tars;            /* one descriptor each */
	int *indexes;
	size_t n;
};
void transport_stack_release(struct transport_stack *k);
#define cleanup_transport_stack cleanup(transport_stack_release)

/* diffids: lowest first. A layer of the dir driver, which has no index, gets one in memory. */
int transport_stack_open(
	struct store *s, const struct strv *diffids, struct transport_stack *ret, struct err *e);
/* One more on top; both descriptors are owned by the stack afterwards, also on failure. */
int transport_stack_push(struct transport_stack *k, int index, int tar, struct err *e);
/* A path of the merged view. 1: there, 0: not there. */
int transport_stack_find(
	struct transport_stack *k, const char *path, struct layer_tree_node *ret, struct err *e);
