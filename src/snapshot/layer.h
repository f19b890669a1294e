/*
 * Making a layer in the store: a temporary directory of the store, filled by the
 * layer module (tar and index as one stream), and named when its digest is known.
 * What comes from outside as a stream goes through snapshot/ingest.h.
 *
 *	snapshot_layer_begin
 *	layer_writer_add(snapshot_layer_writer(l), ...)	any number
 *	snapshot_layer_finish		diffID, committed
 *	snapshot_layer_free		in every case
 */
#pragma once

#include "store/layer.h"

struct layer_info;
struct layer_writer;
struct layer_writer_options;
struct snapshot_layer;

/* opt (layer/writer.h) may be NULL. */
int snapshot_layer_begin(struct store *s, const struct layer_writer_options *opt,
	struct snapshot_layer **ret, struct err *e);
/* Borrowed; ended by snapshot_layer_finish. */
struct layer_writer *snapshot_layer_writer(struct snapshot_layer *l);
/* Ends the writer, commits. durable: fsync now. ret (may be NULL): the layer as stored. */
int snapshot_layer_finish(
	struct snapshot_layer *l, bool durable, struct store_layer *ret, struct err *e);
/* Finish in two halves, for a writer that works in a child made by fork after begin: the child adds
 * and seals (it must not touch the store), its parent commits with what the child reports. */
int snapshot_layer_seal(struct snapshot_layer *l, struct layer_info *ret, struct err *e);
int snapshot_layer_commit(struct snapshot_layer *l, const struct layer_info *info, bool durable,
	struct store_layer *ret, struct err *e);
void snapshot_layer_free(struct snapshot_layer *l);
DEFINE_CLEANUP(struct snapshot_layer *, snapshot_layer_free)
#define cleanup_snapshot_layer cleanup(snapshot_layer_free_cleanup)
