/*
 * Bytes on their way through several stages at once: the producer fills a ring of
 * memory, each stage (hash, write, inflate) sees all bytes in order, in a thread of
 * its own and in pieces that begin at multiples of PIPE_GRAIN: the more has
 * gathered, the larger the piece. The threads start when PIPE_ALONE bytes are there:
 * less goes through the stages in the producer's thread, when the pipe is
 * closed. Pipes may be chained: a stage may be the producer of another pipe.
 */
#pragma once

#include "base/defs.h"

struct err;

enum {
	PIPE_GRAIN =
		64 * 1024, /* the stages are told of so many bytes: often, so that they overlap */
	PIPE_STEP =
		4 *
		PIPE_GRAIN, /* most that a stage gets if it names no other, or the producer fills, at once */
	PIPE_ALONE = 4 * PIPE_GRAIN, /* less in all needs no thread */
	PIPE_STAGES = 3,
};

struct pipe_stage {
	int (*fn)(void *ctx, const void *p, size_t len, struct err *e);
	void *ctx;
	size_t most; /* bytes at once, when so many have gathered; 0: PIPE_STEP */
};

struct layer_pipe;

/* size: of the ring, a multiple of PIPE_ALONE; pages that are never needed take no memory */
struct layer_pipe *layer_pipe_new(const struct pipe_stage *stages, size_t n, size_t size);
/* Lets nobody wait any more: stages end, the producer gets an error. NULL is fine. */
void layer_pipe_stop(struct layer_pipe *p);
/* Joins the threads; what has not been taken yet is dropped. */
void layer_pipe_free(struct layer_pipe *p);
DEFINE_CLEANUP(struct layer_pipe *, layer_pipe_free)
#define cleanup_layer_pipe cleanup(layer_pipe_free_cleanup)

/* Room for the next bytes, at least one; waits when there is none. After filling some of it:
 * layer_pipe_filled. A stage's failure is told here, and by close and wait. */
int layer_pipe_room(struct layer_pipe *p, void **ret, size_t *ret_len, struct err *e);
void layer_pipe_filled(struct layer_pipe *p, size_t len);
/* Copies bytes in. */
int layer_pipe_put(struct layer_pipe *p, const void *data, size_t len, struct err *e);
/* No more bytes will come; does not wait. */
int layer_pipe_close(struct layer_pipe *p, struct err *e);
/* After close: waits until every stage has taken all. The first stage's error is the result. */
int layer_pipe_wait(struct layer_pipe *p, struct err *e);
