/*
 * One index for a stack of layers: what overlayfs would show of them, with each
 * file's chunk on the device (tar) of its layer. Mounted with one `device=` per
 * layer in the order of the stack; it costs one mount however many layers.
 */
#pragma once

#include "layer/tree.h"

/* layers: from the lowest to the topmost. out_fd: as index_fd in layer/index.h. keep_whiteouts is
 * for a merge that will itself be stacked on lower layers. */
int layer_merge(struct layer_tree *const *layers, size_t n, bool keep_whiteouts, int out_fd,
	uint64_t *ret_size, struct err *e);
