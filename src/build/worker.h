/*
 * A child process that writes one layer. Its parent makes the layer's files in
 * the store before the fork and commits them afterwards: the database is the
 * parent's alone. The child reports through a pipe and dies with its parent.
 */
#pragma once

#include "store/layer.h"

struct build_worker;
struct err;
struct layer_writer;
struct layer_writer_options;

/* Fills the writer; runs in the child. 0: no layer after all; 1: a layer. */
typedef int (*build_worker_fn)(void *arg, struct layer_writer *w, struct err *e);

int build_worker_start(struct store *s, const struct layer_writer_options *opt, build_worker_fn fn,
	void *arg, struct build_worker **ret, struct err *e);
int build_worker_fd(const struct build_worker *w); /* readable: it has reported, or died */
/* Waits, commits and frees the worker in every case. 1 and the layer; 0: no layer. */
int build_worker_finish(struct build_worker *w, struct store_layer *ret, struct err *e);
/* Kills it; nothing is left. */
void build_worker_free(struct build_worker *w);
DEFINE_CLEANUP(struct build_worker *, build_worker_free)
#define cleanup_build_worker cleanup(build_worker_free_cleanup)
