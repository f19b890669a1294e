/*
 * A build: from an opened context and its Dockerfile to an image in the store.
 *
 * The graph (build/lower.h) is solved stage by stage: every step has a key made
 * of named inputs (build/key.h); what the cache has is taken from it, the rest is
 * made by children that this process watches: containers for RUN (build/run.h),
 * layer writers for COPY and for what a container changed (build/worker.h).
 * Stages that do not need each other go on at the same time. The database is
 * used by this process alone.
 *
 * Nothing is visible before it is complete: layers appear by a rename, the image
 * by one transaction. A process that is killed leaves files in the store's tmp/,
 * which the next command sweeps; its children die with it, and with them their
 * mounts.
 */
#pragma once

#include "base/strv.h"
#include "build/event.h"
#include "build/fetch.h"
#include "build/graph.h"
#include "store/store.h"

#include <signal.h>

struct build_context;
struct build_running;
struct err;
struct oci_platform;

struct build_request {
	struct store *store;
	struct build_context *context;
	const struct strv *build_args; /* NAME=VALUE; or NULL */
	const struct strv *labels;     /* NAME=VALUE; or NULL */
	const struct strv *add_hosts;  /* NAME:IP; or NULL */
	const struct strv *tags;       /* in the store's normal form; or NULL */
	const char *target;            /* NULL: the last stage */
	enum build_network network;
	bool no_cache;
	bool explain; /* say what would run, and why; change nothing */
	bool has_epoch;
	int64_t epoch;                       /* SOURCE_DATE_EPOCH, seconds */
	const struct oci_platform *platform; /* of the image; NULL: this machine's */
	enum build_pull pull;
	/* The command that fetches an image (build/fetch.h), but for the name. NULL: nothing is fetched. */
	const struct strv *fetch;
	struct build_fetches *begun; /* by build_fetch_early: build_run takes them over. Or NULL */
	build_event_fn event;
	/* a RUN failed: its file system can still be entered (build/run.h). Or NULL. */
	void (*failed)(void *arg, struct build_running *x);
	void *arg;
	/* how to try again and look around, for the hint of a failed RUN; NULL: none */
	const char *retry;
	const volatile sig_atomic_t *stop; /* not 0: end as soon as possible; or NULL */
};

struct build_result {
	char image[STORE_DIGEST_MAX]; /* "" with explain */
	size_t steps;                 /* of needed stages, FROM counted */
	size_t cached;                /* steps taken from the cache */
	size_t ran;                   /* steps that were, or (explain) would be, executed */
};

/* -ERR_CHILD: a RUN failed (its tail and place are in e); -ERR_INTERRUPTED: stop. */
int build_run(const struct build_request *q, struct build_result *ret, struct err *e);

/*
 * For a context that is still being read: begins to fetch into q->begun what this Dockerfile names and
 * build_run will ask for, and returns. q->context is not looked at. What is wrong with the bytes is
 * left for build_run to find.
 */
void build_fetch_early(const struct build_request *q, const struct buf *file);
