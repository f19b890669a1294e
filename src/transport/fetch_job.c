/* One layer's thread: the bytes that are there, then those of the registry, then the rest of the
 * unpacking. It uses no database and no state but its job's. */
#include "transport/fetch_priv.h"

#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "registry/client/blob.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>

#define PIECE (256 * 1024)

static bool must_stop(struct fetch_job *j)
{
	struct fetch_crowd *k = j->crowd;
	pthread_mutex_lock(&k->lock);
	bool quit = k->quit;
	pthread_mutex_unlock(&k->lock);
	return quit || (k->f->stop && *k->f->stop);
}

static void advance(struct fetch_job *j, uint64_t by, bool was_there)
{
	pthread_mutex_lock(&j->crowd->lock);
	j->item->done += by;
	if (was_there)
		j->item->from += by;
	pthread_mutex_unlock(&j->crowd->lock);
}

/* What is on the disk already, through the same hashes as what will come. */
static int replay(struct fetch_job *j, int fd, uint64_t size, struct err *e)
{
	char *p cleanup_free = mem_alloc(PIECE);
	for (uint64_t at = 0; at < size;) {
		ssize_t n = io_pread_full(fd, p, MIN(PIECE, size - at), (off_t)at);
		if (n <= 0)
			return n < 0 ? err_sysno(e, (int)n, "read a partial blob")
				     : err_set(e, ERR_DIGEST, "a partial blob has shrunk");
		if (must_stop(j))
			return err_set(e, ERR_INTERRUPTED, "interrupted");
		int r = snapshot_ingest_push(j->ingest, p, (size_t)n, e);
		if (r < 0)
			return r;
		at += (uint64_t)n;
		advance(j, (uint64_t)n, true);
	}
	return 0;
}

static int arrived(void *arg, const void *p, size_t len, struct err *e)
{
	struct fetch_job *j = arg;
	if (must_stop(j))
		return err_set(e, ERR_INTERRUPTED, "interrupted");
	int r = store_partial_append(j->partial, p, len, e);
	if (r >= 0)
		r = snapshot_ingest_push(j->ingest, p, len, e);
	if (r >= 0)
		advance(j, len, false);
	return r;
}

static int fetch(struct fetch_job *j, struct err *e)
{
	const struct oci_descriptor *d = j->d;
	int r = replay(j, store_partial_fd(j->partial), store_partial_size(j->partial), e);
	if (r < 0 || store_partial_size(j->partial) == d->size)
		return r;
	struct registry_blob_fetch f = {
		.digest = d->digest,
		.size = d->size,
		.offset = store_partial_size(j->partial),
		.urls = d->urls.n ? &d->urls : NULL,
		.write = arrived,
		.arg = j,
	};
	return registry_blob_fetch(j->crowd->f->repo, &f, &j->received, e);
}

static int run(struct fetch_job *j, struct err *e)
{
	int r = j->partial ? fetch(j, e) : replay(j, j->blob, j->d->size, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&j->crowd->lock);
	j->item->state = TRANSPORT_STORING;
	pthread_cond_broadcast(&j->crowd->changed);
	pthread_mutex_unlock(&j->crowd->lock);
	return snapshot_ingest_drain(j->ingest, e);
}

static void *thread(void *arg)
{
	struct fetch_job *j = arg;
	struct err e = ERR_INIT;
	int r = run(j, &e);
	pthread_mutex_lock(&j->crowd->lock);
	j->result = r;
	j->error = e;
	j->ended = true;
	pthread_cond_broadcast(&j->crowd->changed);
	pthread_mutex_unlock(&j->crowd->lock);
	return NULL;
}

/* Signals are for the main thread. */
int fetch_job_start(struct fetch_job *j, struct err *e)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int r = pthread_create(&j->thread, NULL, thread, j);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	j->running = r == 0;
	return r ? err_sysno(e, r, "start a thread") : 0;
}
