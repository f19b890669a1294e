/*
 * Several pieces of network work at once, each in a thread of its own, with one owner:
 * the caller's thread decides who starts, takes over what has ended, and shows the
 * progress; the threads touch nothing but their task. All threads have ended when
 * transport_crowd_run returns.
 */
#pragma once

#include "base/err.h"
#include "transport/progress.h"

#include <pthread.h>
#include <signal.h>

struct transport_crowd;

struct transport_task {
	struct transport_crowd *crowd;
	void *arg;                  /* of the operations: the job that this task is part of */
	struct transport_item item; /* under the crowd's lock while the thread runs */
	pthread_t thread;
	bool running, ended;
	int result;
	struct err error;
};

struct transport_crowd_ops {
	/* In the caller's thread. 1: run it in a thread now; 0: it is over (its state says how), or,
	 * with TRANSPORT_BUSY, to be asked again later; negative: failed. */
	int (*start)(void *arg, struct err *e);
	/* In a thread. */
	int (*run)(void *arg, struct err *e);
	/* In the caller's thread, with what run returned and its error. 0: over; 1: start it again;
	 * negative: failed, with e set. */
	int (*end)(void *arg, int result, struct err *e);
	/* Whatever start has made goes. Called after the last end, and after a start that failed. */
	void (*release)(void *arg);
};

struct transport_crowd {
	const struct transport_crowd_ops *ops;
	const struct transport_progress *progress; /* may be NULL */
	const volatile sig_atomic_t *stop;         /* may be NULL */
	unsigned most;                             /* threads at a time */
	struct transport_task **tasks;             /* owned by their jobs */
	size_t n, running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool quit; /* one has failed: the others give up */
};

void transport_crowd_init(struct transport_crowd *k);
void transport_crowd_release(struct transport_crowd *k);
#define cleanup_transport_crowd cleanup(transport_crowd_release)
void transport_crowd_add(struct transport_crowd *k, struct transport_task *t, void *arg);
/* Until all are over, or the first has failed and the others have given up. */
int transport_crowd_run(struct transport_crowd *k, struct err *e);

/* For tasks, from any thread */
void transport_task_state(struct transport_task *t, enum transport_item_state state);
void transport_task_advance(struct transport_task *t, uint64_t by, bool was_there);
/* 0, or -ERR_INTERRUPTED when it is to give up. */
int transport_task_check(struct transport_task *t, struct err *e);
void transport_note(const struct transport_progress *p, const char *fmt, ...) printf_like(2, 3);
