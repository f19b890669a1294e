/* Buffers through concurrent stages; see the header. */
#include "layer/pipe_priv.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct stage {
	struct pipe_stage work;
	struct layer_pipe *pipe;
	pthread_t thread;
	bool running;
	uint64_t taken; /* buffers done */
};

struct layer_pipe {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct stage stages[PIPE_STAGES];
	size_t n_stages;
	size_t depth;
	uint8_t **buffers;
	size_t *lengths;
	uint64_t filled; /* buffers handed to the stages */
	size_t fill;     /* bytes in the current buffer */
	bool started;
	bool closed;
	bool quit;
	int result; /* first failure of any stage */
	struct err error;
};

struct layer_pipe *layer_pipe_new(const struct pipe_stage *stages, size_t n, size_t depth)
{
	struct layer_pipe *p = mem_alloc(sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->changed, NULL);
	p->n_stages = n;
	p->depth = depth;
	p->buffers = mem_array(depth, sizeof(*p->buffers));
	p->lengths = mem_array(depth, sizeof(*p->lengths));
	for (size_t i = 0; i < n; i++)
		p->stages[i] = (struct stage){.work = stages[i], .pipe = p};
	return p;
}

static void join(struct layer_pipe *p)
{
	for (size_t i = 0; i < p->n_stages; i++) {
		if (p->stages[i].running)
			pthread_join(p->stages[i].thread, NULL);
		p->stages[i].running = false;
	}
}

void layer_pipe_stop(struct layer_pipe *p)
{
	if (!p)
		return;
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	if (p->result == 0)
		p->result = err_set(&p->error, ERR_INTERRUPTED, "stopped");
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
}

void layer_pipe_free(struct layer_pipe *p)
{
	if (!p)
		return;
	layer_pipe_stop(p);
	join(p);
	for (size_t i = 0; i < p->depth; i++)
		if (p->buffers[i])
			munmap(p->buffers[i], PIPE_BUFFER);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->changed);
	free(p->buffers);
	free(p->lengths);
	free(p);
}

/* With the lock held */
static void note_failure(struct layer_pipe *p, int r, const struct err *e)
{
	if (p->result == 0) {
		p->result = r;
		p->error = *e;
	}
	pthread_cond_broadcast(&p->changed);
}

static void *run_stage(void *arg)
{
	struct stage *s = arg;
	struct layer_pipe *p = s->pipe;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (s->taken == p->filled && !p->closed && !p->quit && p->result == 0)
			pthread_cond_wait(&p->changed, &p->lock);
		if (p->quit || p->result < 0 || s->taken == p->filled)
			break;
		size_t i = s->taken % p->depth;
		pthread_mutex_unlock(&p->lock);
		struct err e = ERR_INIT;
		int r = s->work.fn(s->work.ctx, p->buffers[i], p->lengths[i], &e);
		pthread_mutex_lock(&p->lock);
		s->taken++;
		if (r < 0)
			note_failure(p, r, &e);
		pthread_cond_broadcast(&p->changed);
	}
	pthread_mutex_unlock(&p->lock);
	return NULL;
}

/* Signals are for the main thread. */
static void start(struct layer_pipe *p)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	for (size_t i = 0; i < p->n_stages; i++) {
		struct stage *s = &p->stages[i];
		int r = pthread_create(&s->thread, NULL, run_stage, s);
		s->running = r == 0;
		if (r != 0) {
			struct err e = ERR_INIT;
			err_sysno(&e, r, "start a thread");
			pthread_mutex_lock(&p->lock);
			note_failure(p, -r, &e);
			pthread_mutex_unlock(&p->lock);
			break;
		}
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	p->started = true;
}

static uint64_t slowest(const struct layer_pipe *p)
{
	uint64_t least = p->filled;
	for (size_t i = 0; i < p->n_stages; i++)
		least = MIN(least, p->stages[i].taken);
	return least;
}

static int failure(struct layer_pipe *p, struct err *e)
{
	if (e && !e->code)
		*e = p->error;
	return p->result;
}

/* The current buffer is full or the last: the stages may have it. */
static int submit(struct layer_pipe *p, struct err *e)
{
	if (!p->started)
		start(p);
	pthread_mutex_lock(&p->lock);
	p->lengths[p->filled % p->depth] = p->fill;
	p->filled++;
	p->fill = 0;
	pthread_cond_broadcast(&p->changed);
	int r = p->result;
	pthread_mutex_unlock(&p->lock);
	return r < 0 ? failure(p, e) : 0;
}

int layer_pipe_room(struct layer_pipe *p, void **ret, size_t *ret_len, struct err *e)
{
	if (p->fill == PIPE_BUFFER) {
		int r = submit(p, e);
		if (r < 0)
			return r;
	}
	if (p->fill == 0 && p->started) {
		pthread_mutex_lock(&p->lock);
		while (p->filled - slowest(p) >= p->depth && p->result == 0)
			pthread_cond_wait(&p->changed, &p->lock);
		int r = p->result;
		pthread_mutex_unlock(&p->lock);
		if (r < 0)
			return failure(p, e);
	}
	uint8_t **b = &p->buffers[p->filled % p->depth];
	if (!*b) {
		void *m = mmap(NULL, PIPE_BUFFER, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			return err_sys(e, "allocate a buffer");
		*b = m;
	}
	*ret = *b + p->fill;
	*ret_len = PIPE_BUFFER - p->fill;
	return 0;
}

void layer_pipe_filled(struct layer_pipe *p, size_t len)
{
	p->fill += len;
}

int layer_pipe_put(struct layer_pipe *p, const void *data, size_t len, struct err *e)
{
	const uint8_t *c = data;
	while (len) {
		void *room;
		size_t n;
		int r = layer_pipe_room(p, &room, &n, e);
		if (r < 0)
			return r;
		n = MIN(n, len);
		memcpy(room, c, n);
		layer_pipe_filled(p, n);
		c += n;
		len -= n;
	}
	return 0;
}

/* All there ever was fits one buffer: no thread is needed. */
static int run_inline(struct layer_pipe *p, struct err *e)
{
	for (size_t i = 0; i < p->n_stages; i++) {
		struct stage *s = &p->stages[i];
		int r = s->work.fn(s->work.ctx, p->buffers[0], p->fill, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int layer_pipe_close(struct layer_pipe *p, struct err *e)
{
	int r = 0;
	if (p->fill && !p->started)
		r = run_inline(p, e);
	else if (p->fill)
		r = submit(p, e);
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	pthread_cond_broadcast(&p->changed);
	pthread_mutex_unlock(&p->lock);
	return r;
}

int layer_pipe_wait(struct layer_pipe *p, struct err *e)
{
	join(p);
	return p->result < 0 ? failure(p, e) : 0;
}
