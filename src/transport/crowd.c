/* Threads that belong to one caller; see the header. */
#include "transport/crowd_priv.h"

#include "base/mem.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#define TICK_MS 100

void transport_crowd_init(struct transport_crowd *k)
{
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->changed, NULL);
}

void transport_crowd_release(struct transport_crowd *k)
{
	pthread_cond_destroy(&k->changed);
	pthread_mutex_destroy(&k->lock);
	free(k->tasks);
}

void transport_crowd_add(struct transport_crowd *k, struct transport_task *t, void *arg)
{
	k->tasks = mem_realloc(k->tasks, k->n + 1, sizeof(*k->tasks));
	k->tasks[k->n++] = t;
	t->crowd = k;
	t->arg = arg;
}

void transport_task_state(struct transport_task *t, enum transport_item_state state)
{
	pthread_mutex_lock(&t->crowd->lock);
	t->item.state = state;
	pthread_mutex_unlock(&t->crowd->lock);
}

void transport_task_advance(struct transport_task *t, uint64_t by, bool was_there)
{
	pthread_mutex_lock(&t->crowd->lock);
	t->item.done += by;
	if (was_there)
		t->item.from += by;
	pthread_mutex_unlock(&t->crowd->lock);
}

int transport_task_check(struct transport_task *t, struct err *e)
{
	struct transport_crowd *k = t->crowd;
	pthread_mutex_lock(&k->lock);
	bool quit = k->quit;
	pthread_mutex_unlock(&k->lock);
	if (quit || (k->stop && *k->stop))
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	return 0;
}

void transport_note(const struct transport_progress *p, const char *fmt, ...)
{
	if (!p || !p->note)
		return;
	va_list ap;
	va_start(ap, fmt);
	char *line cleanup_free = mem_vprintf(fmt, ap);
	va_end(ap);
	p->note(p->ctx, line);
}

static void show(struct transport_crowd *k)
{
	if (!k->progress)
		return;
	/* a copy: who prints must not hold up who works */
	struct transport_item *copy cleanup_free = mem_array(k->n + 1, sizeof(*copy));
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->n; i++)
		copy[i] = k->tasks[i]->item;
	pthread_mutex_unlock(&k->lock);
	k->progress->show(k->progress->ctx, copy, k->n);
}

static void *thread(void *arg)
{
	struct transport_task *t = arg;
	struct err e = ERR_INIT;
	int r = t->crowd->ops->run(t->arg, &e);
	pthread_mutex_lock(&t->crowd->lock);
	t->result = r;
	t->error = e;
	t->ended = true;
	pthread_cond_broadcast(&t->crowd->changed);
	pthread_mutex_unlock(&t->crowd->lock);
	return NULL;
}

/* Signals are for the main thread. */
static int spawn(struct transport_task *t, struct err *e)
{
	sigset_t all, old;
	sigfillset(&all);
	t->ended = false;
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&t->thread, NULL, thread, t);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	t->running = r == 0;
	t->crowd->running += r == 0;
	return r ? err_sysno(e, r, "start a thread") : 0;
}

static bool is_over(const struct transport_task *t)
{
	return t->item.state >= TRANSPORT_EXISTS;
}

static int fail(struct transport_task *t, int r)
{
	t->crowd->ops->release(t->arg);
	transport_task_state(t, TRANSPORT_FAILED);
	return r;
}

static int start_some(struct transport_crowd *k, struct err *e)
{
	for (size_t i = 0; i < k->n && k->running < k->most; i++) {
		struct transport_task *t = k->tasks[i];
		if (t->running || is_over(t))
			continue;
		int r = k->ops->start(t->arg, e);
		if (r > 0)
			r = spawn(t, e);
		if (r < 0)
			return fail(t, r);
	}
	return 0;
}

static int end_one(struct transport_task *t, struct err *e)
{
	struct transport_crowd *k = t->crowd;
	pthread_join(t->thread, NULL);
	t->running = false;
	k->running--;
	struct err why = t->error;
	int r = k->ops->end(t->arg, t->result, &why);
	if (r < 0) {
		if (e && !e->code)
			*e = why;
		return fail(t, r);
	}
	k->ops->release(t->arg);
	if (r > 0)
		transport_task_state(t, TRANSPORT_WAITING);
	else if (!is_over(t))
		transport_task_state(t, TRANSPORT_DONE);
	return 0;
}

static bool has_ended(struct transport_task *t)
{
	pthread_mutex_lock(&t->crowd->lock);
	bool ended = t->running && t->ended;
	pthread_mutex_unlock(&t->crowd->lock);
	return ended;
}

static bool all_over(const struct transport_crowd *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (!is_over(k->tasks[i]))
			return false;
	return true;
}

static void wait_some(struct transport_crowd *k)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += TICK_MS * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000L;
	t.tv_nsec %= 1000000000L;
	bool ended = false;
	pthread_mutex_lock(&k->lock);
	for (size_t i = 0; i < k->n; i++)
		ended |= k->tasks[i]->running && k->tasks[i]->ended;
	if (!ended)
		pthread_cond_timedwait(&k->changed, &k->lock, &t);
	pthread_mutex_unlock(&k->lock);
}

static void give_up(struct transport_crowd *k)
{
	pthread_mutex_lock(&k->lock);
	k->quit = true;
	pthread_mutex_unlock(&k->lock);
}

int transport_crowd_run(struct transport_crowd *k, struct err *e)
{
	int failed = 0;
	while (k->running || (failed == 0 && !all_over(k))) {
		int r = 0;
		if (failed == 0 && k->stop && *k->stop)
			r = err_set(e, ERR_INTERRUPTED, "interrupted");
		if (failed == 0 && r == 0)
			r = start_some(k, e);
		show(k);
		if (r == 0 && (k->running || !all_over(k)))
			wait_some(k);
		for (size_t i = 0; i < k->n; i++) {
			if (!has_ended(k->tasks[i]))
				continue;
			/* only the first failure has something to say: the others gave up */
			int ended = end_one(k->tasks[i], failed || r ? NULL : e);
			r = r < 0 ? r : ended;
		}
		if (r < 0 && failed == 0) {
			failed = r;
			give_up(k);
		}
	}
	show(k);
	return failed;
}
