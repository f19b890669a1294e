/*
 * Making a layer in the store: a temporary directory of the store, filled by the
 * layer module (tar and index as one stream), and named when its digest is known.
 *
 *	snapshot_layer_begin
 *	  writer = snapshot_layer_writer(l): add entries (layer/writer.h), or
 *	  snapshot_layer_ingest(l, ...): a tar stream from outside
 *	snapshot_layer_finish: diffID, committed
 *	snapshot_layer_free in every case
 */
#pragma once

#include "store/layer.h"

struct layer_writer;
struct layer_source;
struct snapshot_layer;

int snapshot_layer_begin(struct store *s, struct snapshot_layer **ret, struct err *e);
/* Borrowed; ended by snapshot_layer_finish. */
struct layer_writer *snapshot_layer_writer(struct snapshot_layer *l);
/* Ends the writer, commits. durable: fsync now. ret (may be NULL): the layer as stored. */
int snapshot_layer_finish(
	struct snapshot_layer *l, bool durable, struct store_layer *ret, struct err *e);
void snapshot_layer_free(struct snapshot_layer *l);
DEFINE_CLEANUP(struct snapshot_layer *, snapshot_layer_free)
#define cleanup_snapshot_layer cleanup(snapshot_layer_free_cleanup)

/* A suspect layer (store/layer.h): its tar is read again, its index made anew; the row is trusted
 * afterwards, or the layer deleted and -ERR_DIGEST returned. 0 for a layer that is not suspect. */
int snapshot_layer_verify(struct store *s, const char *diffid, struct err *e);
