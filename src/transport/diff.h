/* What differs between two images, or from layer to layer of one. */
#pragma once

#include "base/strv.h"
#include "layer/compare.h"
#include "store/store.h"

struct transport_difference {
	enum layer_change change;
	const char *path; /* absolute */
	uint32_t mode;
	uint64_t old_size, new_size;
	size_t layer; /* of transport_diff_layers: which, from 0 */
};
typedef int (*transport_diff_fn)(void *ctx, const struct transport_difference *d, struct err *e);

/* Lists of diffIDs, lowest first. In order of paths. */
int transport_diff_images(struct store *s, const struct strv *old, const struct strv *now,
	transport_diff_fn fn, void *ctx, struct err *e);
/* Each layer against those below it. */
int transport_diff_layers(struct store *s, const struct strv *diffids, transport_diff_fn fn,
	void *ctx, struct err *e);
