/* What planning, applying and removing an image share: when something is still needed, as SQL. */
#pragma once

#include "store/gc.h"
#include "store/store_priv.h"

/* Objects that entered the store at or after this moment are covered by a lease. */
#define GC_LEASED_SINCE " coalesce((SELECT min(created) FROM lease), 9223372036854775807) "

/* l: an SQL expression for a diffID. No image, cache entry or lease needs this layer. */
#define GC_LAYER_UNUSED(l)                                                        \
	" NOT EXISTS(SELECT 1 FROM image_layer WHERE diffid=" l ")"               \
	" AND NOT EXISTS(SELECT 1 FROM cache WHERE diffid=" l " AND collected=0)" \
	" AND NOT EXISTS(SELECT 1 FROM lease_ref WHERE ref=" l ")"                \
	" AND coalesce((SELECT created FROM layer WHERE diffid=" l "), 0) <" GC_LEASED_SINCE

/* i: an SQL expression for an image's id. An index (all platforms of one name) names it beside an
 * image that has a tag. */
#define GC_INDEX_TAGGED(i)                                                            \
	" EXISTS(SELECT 1 FROM image_index a JOIN image_index b ON b.digest=a.digest" \
	" JOIN tag t ON t.image=b.image WHERE a.image=" i ")"

/* The bytes of a file may be this much older than the lease that covers it: file times come from
 * the kernel's tick. */
#define GC_MTIME_SLACK 1000000000LL

/* Whether image, layer or lease needs a blob: 1 or 0. mtime: of its file. */
int gc_blob_needed(struct store *s, const char *digest, int64_t mtime, struct err *e);
/* Rows of an image go: tags, layers' list, digests, the image. Its blobs are then not needed. */
int gc_image_rows_delete(struct store *s, const char *id, struct err *e);
/* Removes the layer when it is unused: files go to trash; its compressed blobs too when nothing
 * else needs them. 1: gone, 0: kept. */
int gc_layer_collect(struct store *s, const char *diffid, int trash, struct err *e);
