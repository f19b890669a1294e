/* How much there is, for `kist info`. Counted from the database, but for blobs. */
#pragma once

#include "store/store.h"

struct store_usage {
	uint64_t images, tags, layers, containers, cache_entries, blobs;
	uint64_t layer_bytes; /* tars and indexes */
	uint64_t blob_bytes;
	uint64_t cache_bytes; /* layers that only the build cache needs */
	uint64_t disk_free;   /* of the file system that holds the root */
	uint64_t disk_size;
};
int store_usage_get(struct store *s, struct store_usage *ret, struct err *e);
