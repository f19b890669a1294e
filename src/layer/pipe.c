/*
 * Bytes through concurrent stages; see the header. One ring of memory: the
 * producer writes behind `filled`, each stage has its own place up to which it
 * has taken them. Whoever waits says so, and nobody else is woken, nor before the
 * lock is free. Grains are small so that the stages overlap: with larger ones they
 * wait for each other in turn, which a busy machine makes them pay dearly.
 */
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
	pthread_cond_t more; /* bytes, or the end */
	bool running;
	bool waits;
	uint64_t taken; /* bytes done */
};

struct layer_pipe {
	pthread_mutex_t lock;
	pthread_cond_t room; /* for the producer */
	struct stage stages[PIPE_STAGES];
	size_t n_stages;
	uint8_t *ring;
	size_t size;
	uint64_t filled; /* bytes handed to the stages: whole PIPE_GRAINs until the end */
	bool full;       /* the producer waits for the slowest */
	bool closed;
	bool quit;
	int result; /* first failure of any stage */
	struct err error;
	/* the producer's own */
	size_t fill; /* bytes behind `filled` */
	uint64_t
		limit; /* it may write up to here: what the slowest had taken, and the ring's size */
	bool started;
};

struct layer_pipe *layer_pipe_new(const struct pipe_stage *stages, size_t n, size_t size)
{
	struct layer_pipe *p = mem_alloc(sizeof(*p));
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->room, NULL);
	p->n_stages = n;
	p->size = p->limit = size;
	for (size_t i = 0; i < n; i++) {
		p->stages[i] = (struct stage){.work = stages[i], .pipe = p};
		pthread_cond_init(&p->stages[i].more, NULL);
	}
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

/* With the lock held: everybody looks again. */
static void wake_all(struct layer_pipe *p)
{
	for (size_t i = 0; i < p->n_stages; i++)
		pthread_cond_signal(&p->stages[i].more);
	pthread_cond_signal(&p->room);
}

/* With the lock held */
static void note_failure(struct layer_pipe *p, int r, const struct err *e)
{
	if (p->result == 0) {
		p->result = r;
		p->error = *e;
	}
	wake_all(p);
}

void layer_pipe_stop(struct layer_pipe *p)
{
	if (!p)
		return;
	struct err e = ERR_INIT;
	int r = err_set(&e, ERR_INTERRUPTED, "stopped");
	pthread_mutex_lock(&p->lock);
	p->quit = true;
	note_failure(p, r, &e);
	pthread_mutex_unlock(&p->lock);
}

void layer_pipe_free(struct layer_pipe *p)
{
	if (!p)
		return;
	layer_pipe_stop(p);
	join(p);
	if (p->ring)
		munmap(p->ring, p->size);
	for (size_t i = 0; i < p->n_stages; i++)
		pthread_cond_destroy(&p->stages[i].more);
	pthread_mutex_destroy(&p->lock);
	pthread_cond_destroy(&p->room);
	free(p);
}

/* With the lock held */
static uint64_t slowest(const struct layer_pipe *p)
{
	uint64_t least = p->filled;
	for (size_t i = 0; i < p->n_stages; i++)
		least = MIN(least, p->stages[i].taken);
	return least;
}

static void *run_stage(void *arg)
{
	struct stage *s = arg;
	struct layer_pipe *p = s->pipe;
	pthread_mutex_lock(&p->lock);
	for (;;) {
		while (s->taken == p->filled && !p->closed && !p->quit && p->result == 0) {
			s->waits = true;
			pthread_cond_wait(&s->more, &p->lock);
		}
		if (p->quit || p->result < 0 || s->taken == p->filled)
			break;
		size_t at = s->taken % p->size;
		size_t n = MIN(MIN(p->filled - s->taken, p->size - at), s->work.most ?: PIPE_STEP);
		pthread_mutex_unlock(&p->lock);
		struct err e = ERR_INIT;
		int r = s->work.fn(s->work.ctx, p->ring + at, n, &e);
		pthread_mutex_lock(&p->lock);
		s->taken += n;
		if (r < 0) {
			note_failure(p, r, &e);
		} else if (p->full && slowest(p) + p->size > p->filled) {
			p->full = false;
			pthread_mutex_unlock(
				&p->lock); /* or it would wake up only to wait for it */
			pthread_cond_signal(&p->room);
			pthread_mutex_lock(&p->lock);
		}
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

static int failure(struct layer_pipe *p, struct err *e)
{
	if (e && !e->code)
		*e = p->error;
	return p->result;
}

/* The stages may have the next n bytes. */
static void publish(struct layer_pipe *p, size_t n)
{
	if (!p->started)
		start(p);
	bool wake[PIPE_STAGES] = {0};
	pthread_mutex_lock(&p->lock);
	p->filled += n;
	p->fill -= n;
	for (size_t i = 0; i < p->n_stages; i++) {
		wake[i] = p->stages[i].waits;
		p->stages[i].waits = false;
	}
	pthread_mutex_unlock(&p->lock);
	for (size_t i = 0; i < p->n_stages; i++)
		if (wake[i])
			pthread_cond_signal(&p->stages[i].more);
}

/* How far the producer may write. It waits only when there is no room at all; then all of the ring is
 * the stages': fill is 0. */
static int look(struct layer_pipe *p, uint64_t head, struct err *e)
{
	pthread_mutex_lock(&p->lock);
	p->limit = slowest(p) + p->size;
	while (p->limit == head && p->result == 0) {
		p->full = true;
		pthread_cond_wait(&p->room, &p->lock);
		p->limit = slowest(p) + p->size;
	}
	p->full = false;
	int r = p->result < 0 ? failure(p, e) : 0;
	pthread_mutex_unlock(&p->lock);
	return r;
}

int layer_pipe_room(struct layer_pipe *p, void **ret, size_t *ret_len, struct err *e)
{
	uint64_t head = p->filled + p->fill; /* only we write filled */
	if (p->started && p->limit - head < PIPE_STEP) {
		int r = look(p, head, e);
		if (r < 0)
			return r;
	}
	if (!p->ring) {
		void *m = mmap(
			NULL, p->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			return err_sys(e, "allocate a buffer");
		p->ring = m;
	}
	size_t at = head % p->size;
	*ret = p->ring + at;
	*ret_len = MIN(MIN(p->limit - head, p->size - at), PIPE_STEP);
	return 0;
}

void layer_pipe_filled(struct layer_pipe *p, size_t len)
{
	p->fill += len;
	if (p->fill >= (p->started ? PIPE_GRAIN : PIPE_ALONE))
		publish(p, p->fill - p->fill % PIPE_GRAIN);
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

/* All there ever was is less than PIPE_ALONE. */
static int run_inline(struct layer_pipe *p, struct err *e)
{
	for (size_t i = 0; i < p->n_stages; i++) {
		struct stage *s = &p->stages[i];
		int r = s->work.fn(s->work.ctx, p->ring, p->fill, e);
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
		publish(p, p->fill);
	pthread_mutex_lock(&p->lock);
	p->closed = true;
	wake_all(p);
	if (r == 0 && p->result < 0)
		r = failure(p, e);
	pthread_mutex_unlock(&p->lock);
	return r;
}

int layer_pipe_wait(struct layer_pipe *p, struct err *e)
{
	join(p);
	return p->result < 0 ? failure(p, e) : 0;
}
