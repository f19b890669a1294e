/* The reader of indexes over bytes in memory, for fuzzing and for layer/compare.c. */
#pragma once

#include "layer/tree.h"

/* As layer_tree_open for an image that is in memory, which is borrowed. */
struct layer_tree *layer_tree_open_memory(const void *p, size_t len, struct err *e);
/* Whether both read the same bytes of the same image. */
bool layer_tree_same(const struct layer_tree *a, const struct layer_tree *b);
/* Size of its first tar as the index has it, in bytes (a multiple of 512). */
uint64_t layer_tree_tar_size(const struct layer_tree *t);
