/* One layer on its way, and the crowd of them. */
#pragma once

#include "base/err.h"
#include "oci/descriptor.h"
#include "snapshot/ingest.h"
#include "store/partial.h"
#include "transport/fetch.h"

#include <pthread.h>

struct fetch_crowd;

struct fetch_job {
	struct fetch_crowd *crowd;
	const struct oci_descriptor *d;
	const char *diffid;
	struct transport_item *item; /* under the crowd's lock while the thread runs */
	/* handed to the thread */
	struct store_partial *partial; /* NULL: the bytes come from `blob` */
	int blob;                      /* the compressed blob, kept in the store; or -1 */
	struct snapshot_ingest *ingest;
	pthread_t thread;
	bool running;
	bool ended; /* set by the thread as its last act, under the lock */
	/* the thread's result */
	int result;
	struct err error;
	uint64_t received;
	unsigned damaged; /* times that the bytes were not those of the digest */
};

struct fetch_crowd {
	const struct transport_fetch *f;
	struct fetch_job *jobs;
	struct transport_item *items;
	size_t n;
	size_t running;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool quit; /* one has failed: the others give up */
};

/* fetch_job.c: starts the thread. -errno */
int fetch_job_start(struct fetch_job *j, struct err *e);
