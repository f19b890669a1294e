/*
 * Bytes on their way through several stages at once: the producer fills buffers,
 * each stage (hash, write, inflate) sees every buffer in order, in a thread of
 * its own. The threads start when the first buffer is full: less than one
 * buffer goes through the stages in the producer's thread, when the pipe is
 * closed. Pipes may be chained: a stage may be the producer of another pipe.
 */
#pragma once

#include "base/defs.h"

struct err;

enum {
	PIPE_BUFFER = 256 * 1024,
	PIPE_STAGES = 3,
};

struct pipe_stage {
	int (*fn)(void *ctx, const void *p, size_t len, struct err *e);
	void *ctx;
};

struct layer_pipe;

/* depth: how many buffers there are */
struct layer_pipe *layer_pipe_new(const struct pipe_stage *stages, size_t n, size_t depth);
/* Lets nobody wait any more: stages end, the producer gets an error. NULL is fine. */
void layer_pipe_stop(struct layer_pipe *p);
/* Joins the threads; what has not been taken yet is dropped. */
void layer_pipe_free(struct layer_pipe *p);
DEFINE_CLEANUP(struct layer_pipe *, layer_pipe_free)
#define cleanup_layer_pipe cleanup(layer_pipe_free_cleanup)

/* The room in the current buffer, at least one byte; waits for a buffer when there is none. After
 * filling some of it: layer_pipe_filled. */
int layer_pipe_room(struct layer_pipe *p, void **ret, size_t *ret_len, struct err *e);
void layer_pipe_filled(struct layer_pipe *p, size_t len);
/* Copies bytes in. */
int layer_pipe_put(struct layer_pipe *p, const void *data, size_t len, struct err *e);
/* No more bytes will come; does not wait. */
int layer_pipe_close(struct layer_pipe *p, struct err *e);
/* After close: waits until every stage has taken all. The first stage's error is the result. */
int layer_pipe_wait(struct layer_pipe *p, struct err *e);
