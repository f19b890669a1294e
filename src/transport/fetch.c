/* The crowd of layers: who may start, what becomes of those that have ended. See the header. */
#include "transport/fetch_priv.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "store/blob.h"
#include "store/layer.h"
#include "store/lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TICK_MS      100
#define DAMAGED_MOST 1 /* bytes that are wrong are fetched anew once */

static void show(struct fetch_crowd *k)
{
	const struct transport_progress *p = k->f->progress;
	if (!p)
		return;
	/* a copy: who prints must not hold up who fetches */
	struct transport_item *copy cleanup_free = mem_array(k->n + 1, sizeof(*copy));
	pthread_mutex_lock(&k->lock);
	memcpy(copy, k->items, k->n * sizeof(*copy));
	pthread_mutex_unlock(&k->lock);
	p->show(p->ctx, copy, k->n);
}

static void note(struct fetch_crowd *k, const char *fmt, ...) printf_like(2, 3);
static void note(struct fetch_crowd *k, const char *fmt, ...)
{
	const struct transport_progress *p = k->f->progress;
	if (!p || !p->note)
		return;
	va_list ap;
	va_start(ap, fmt);
	char *line cleanup_free = mem_vprintf(fmt, ap);
	va_end(ap);
	p->note(p->ctx, line);
}

static void set_state(struct fetch_job *j, enum transport_item_state state)
{
	pthread_mutex_lock(&j->crowd->lock);
	j->item->state = state;
	pthread_mutex_unlock(&j->crowd->lock);
}

static bool is_over(const struct fetch_job *j)
{
	return j->item->state >= TRANSPORT_EXISTS;
}

/* The store has the layer: found by its diffID. A lease comes first, so that it stays. */
static int have_layer(struct fetch_job *j, struct err *e)
{
	struct store *s = j->crowd->f->store;
	struct store_layer l;
	int r = store_lease_keep(s, j->diffid, e);
	if (r < 0)
		return r;
	if (store_layer_get(s, j->diffid, &l, NULL) < 0)
		return 0;
	return !l.suspect || snapshot_layer_verify(s, j->diffid, NULL) >= 0;
}

static void job_release(struct fetch_job *j)
{
	snapshot_ingest_free(STEAL(j->ingest));
	store_partial_free(STEAL(j->partial));
	if (j->blob >= 0)
		close(STEAL_FD(j->blob));
}

/* Another manifest's blob, or one whose layer went: no need to ask anybody for it. */
static bool have_blob(struct fetch_job *j)
{
	struct store *s = j->crowd->f->store;
	uint64_t size;
	if (store_lease_keep(s, j->d->digest, NULL) < 0 ||
		!store_blob_has(s, j->d->digest, &size) || size != j->d->size)
		return false;
	j->blob = store_blob_open(s, j->d->digest, NULL);
	return j->blob >= 0;
}

static int begin_ingest(struct fetch_job *j, struct err *e)
{
	struct snapshot_ingest_options opt = {
		.blob_digest = j->d->digest,
		.diffid = j->diffid,
		.blob_size = j->d->size,
		.limits = j->crowd->f->limits,
	};
	return snapshot_ingest_begin(j->crowd->f->store, &opt, &j->ingest, e);
}

/* 1: its thread runs, or nothing is to be done; 0: somebody else fetches it just now. */
static int start(struct fetch_job *j, struct err *e)
{
	struct fetch_crowd *k = j->crowd;
	int r = store_partial_open(k->f->store, j->d->digest, &j->partial, e);
	if (r == -EWOULDBLOCK) {
		set_state(j, TRANSPORT_BUSY);
		return 0;
	}
	/* only now: whoever had the lock before us may have brought it */
	if (r >= 0)
		r = have_layer(j, e);
	if (r > 0) {
		job_release(j);
		set_state(j, TRANSPORT_EXISTS);
		return 1;
	}
	if (r == 0 && have_blob(j))
		store_partial_free(STEAL(j->partial));
	if (r >= 0 && j->partial && store_partial_size(j->partial) > j->d->size)
		r = store_partial_reset(j->partial, e);
	if (r >= 0)
		r = begin_ingest(j, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&k->lock);
	j->ended = false;
	j->received = 0;
	j->item->state = TRANSPORT_RUNNING;
	j->item->done = j->item->from = 0;
	pthread_mutex_unlock(&k->lock);
	r = fetch_job_start(j, e);
	k->running += r >= 0;
	return r < 0 ? r : 1;
}

/* The compressed form stays, so that a push gives back the same bytes. */
static int keep_blob(struct fetch_job *j, const struct snapshot_ingest_info *info, struct err *e)
{
	struct store *s = j->crowd->f->store;
	bool gzip = info->compression == LAYER_GZIP, zstd = info->compression == LAYER_ZSTD;
	if (!gzip && !zstd) {
		if (j->partial)
			store_partial_drop(STEAL(j->partial));
		return 0;
	}
	struct store_layer_blob b = {.size = j->d->size};
	snprintf(b.diffid, sizeof(b.diffid), "%s", info->layer.diffid);
	snprintf(b.digest, sizeof(b.digest), "%s", j->d->digest);
	snprintf(b.media_type, sizeof(b.media_type), "%s",
		oci_media_type_layer(gzip ? OCI_COMPRESSION_GZIP : OCI_COMPRESSION_ZSTD));
	int r = store_layer_blob_add(s, &b, e);
	if (r >= 0 && j->partial)
		r = store_partial_commit(STEAL(j->partial), e);
	return r;
}

static int commit(struct fetch_job *j, struct err *e)
{
	struct snapshot_ingest_info info;
	int r = snapshot_ingest_finish(j->ingest, &info, e);
	if (r >= 0)
		r = keep_blob(j, &info, e);
	if (r >= 0 && j->crowd->f->repository)
		r = store_blob_seen(j->crowd->f->store, j->d->digest, j->crowd->f->repository, e);
	return r;
}

/* The bytes are not those of the digest. Those on the disk are worth nothing then, and once it is
 * tried anew: a partial blob may be torn, a proxy on the way may be broken. */
static int damaged(struct fetch_job *j, int r, struct err *e)
{
	struct fetch_crowd *k = j->crowd;
	if (!j->partial)
		return r;
	int reset = store_partial_reset(j->partial, NULL);
	if (j->damaged++ >= DAMAGED_MOST || reset < 0)
		return r;
	note(k, "layer %.19s: %s: fetched anew", j->d->digest, e->msg);
	err_clear(e);
	job_release(j);
	set_state(j, TRANSPORT_WAITING);
	return 0;
}

/* A thread has ended. */
static int end(struct fetch_job *j, struct transport_fetched *sum, struct err *e)
{
	struct fetch_crowd *k = j->crowd;
	pthread_join(j->thread, NULL);
	j->running = false;
	k->running--;
	sum->received += j->received;
	struct err why = j->error;
	int r = j->result;
	if (r >= 0) {
		uint64_t from = j->partial ? j->item->from : 0;
		r = commit(j, &why);
		sum->fetched += r >= 0;
		sum->reused += from;
	}
	if (r == -ERR_DIGEST || r == -ERR_FORMAT) {
		r = damaged(j, r, &why);
		if (r >= 0)
			return 0;
	} else if (r == -ERR_LIMIT) {
		if (j->partial)
			(void)store_partial_reset(j->partial, NULL);
		err_hint(&why, "where it is meant to be so large: --max-layer-size SIZE and "
			       "--max-ratio N raise the limits");
	}
	job_release(j);
	set_state(j, r < 0 ? TRANSPORT_FAILED : TRANSPORT_DONE);
	if (r >= 0)
		return 0;
	if (e && !e->code)
		*e = why;
	return err_wrap(e, r, "layer %s", j->d->digest);
}

/* Starts what may start. */
static int start_some(struct fetch_crowd *k, struct err *e)
{
	unsigned most = k->f->jobs ?: TRANSPORT_JOBS;
	for (size_t i = 0; i < k->n && k->running < most; i++) {
		struct fetch_job *j = &k->jobs[i];
		if (is_over(j) || j->running)
			continue;
		int r = start(j, e);
		if (r < 0) {
			job_release(j);
			set_state(j, TRANSPORT_FAILED);
			return err_wrap(e, r, "layer %s", j->d->digest);
		}
	}
	return 0;
}

static void wait_some(struct fetch_crowd *k)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += TICK_MS * 1000000L;
	t.tv_sec += t.tv_nsec / 1000000000L;
	t.tv_nsec %= 1000000000L;
	pthread_mutex_lock(&k->lock);
	bool ended = false;
	for (size_t i = 0; i < k->n; i++)
		ended |= k->jobs[i].running && k->jobs[i].ended;
	if (!ended)
		pthread_cond_timedwait(&k->changed, &k->lock, &t);
	pthread_mutex_unlock(&k->lock);
}

static bool has_ended(struct fetch_job *j)
{
	pthread_mutex_lock(&j->crowd->lock);
	bool ended = j->running && j->ended;
	pthread_mutex_unlock(&j->crowd->lock);
	return ended;
}

static bool all_over(struct fetch_crowd *k)
{
	for (size_t i = 0; i < k->n; i++)
		if (!is_over(&k->jobs[i]))
			return false;
	return true;
}

static void give_up(struct fetch_crowd *k)
{
	pthread_mutex_lock(&k->lock);
	k->quit = true;
	pthread_mutex_unlock(&k->lock);
}

static int run(struct fetch_crowd *k, struct transport_fetched *sum, struct err *e)
{
	int failed = 0;
	while (k->running || (failed == 0 && !all_over(k))) {
		int r = 0;
		if (failed == 0 && k->f->stop && *k->f->stop)
			r = err_set(e, ERR_INTERRUPTED, "interrupted");
		if (failed == 0 && r == 0)
			r = start_some(k, e);
		show(k);
		if (r == 0 && (k->running || !all_over(k)))
			wait_some(k);
		for (size_t i = 0; i < k->n; i++) {
			/* only the first failure has something to say: the others gave up */
			if (has_ended(&k->jobs[i])) {
				int ended = end(&k->jobs[i], sum, failed || r ? NULL : e);
				r = r < 0 ? r : ended;
			}
		}
		if (r < 0 && failed == 0) {
			failed = r;
			give_up(k);
		}
	}
	show(k);
	return failed;
}

/* One job a digest: manifests may name a layer twice. */
static int plan(struct fetch_crowd *k, const struct oci_manifest *m,
	const struct oci_image_config *c, struct err *e)
{
	uint64_t most = k->f->max_blob ?: LIMIT_BLOB_SIZE;
	for (size_t i = 0; i < m->nlayers; i++) {
		const struct oci_descriptor *d = &m->layers[i];
		size_t at = 0;
		while (at < k->n && !str_eq(k->jobs[at].d->digest, d->digest))
			at++;
		if (at < k->n) {
			if (str_eq(k->jobs[at].diffid, c->diff_ids.v[i]))
				continue;
			return err_set(e, ERR_FORMAT,
				"layer %s: the config gives it two different contents", d->digest);
		}
		if (d->size > most) {
			int r = err_set(e, ERR_LIMIT,
				"layer %s has %" PRIu64 " bytes, more than the limit of %" PRIu64,
				d->digest, d->size, most);
			err_hint(e, "--max-layer-size SIZE raises it");
			return r;
		}
		struct transport_item *item = &k->items[k->n];
		*item = (struct transport_item){.what = "layer", .size = d->size};
		memcpy(item->digest, d->digest, sizeof(item->digest));
		k->jobs[k->n++] = (struct fetch_job){
			.crowd = k, .d = d, .diffid = c->diff_ids.v[i], .item = item, .blob = -1};
	}
	return 0;
}

/* What is there needs no lock and no thread. */
static int mark_present(struct fetch_crowd *k, struct err *e)
{
	for (size_t i = 0; i < k->n; i++) {
		int r = have_layer(&k->jobs[i], e);
		if (r < 0)
			return r;
		if (r > 0)
			set_state(&k->jobs[i], TRANSPORT_EXISTS);
	}
	return 0;
}

int transport_fetch_layers(const struct transport_fetch *f, const struct oci_manifest *m,
	const struct oci_image_config *c, struct transport_fetched *ret, struct err *e)
{
	if (m->nlayers != c->diff_ids.n)
		return err_set(e, ERR_FORMAT, "the manifest names %zu layers, the config %zu",
			m->nlayers, c->diff_ids.n);
	struct fetch_crowd k = {.f = f};
	struct transport_fetched sum = {0};
	k.jobs = mem_array(m->nlayers + 1, sizeof(*k.jobs));
	k.items = mem_array(m->nlayers + 1, sizeof(*k.items));
	pthread_mutex_init(&k.lock, NULL);
	pthread_cond_init(&k.changed, NULL);
	int r = plan(&k, m, c, e);
	if (r >= 0)
		r = mark_present(&k, e);
	if (r >= 0)
		r = run(&k, &sum, e);
	pthread_cond_destroy(&k.changed);
	pthread_mutex_destroy(&k.lock);
	free(k.jobs);
	free(k.items);
	if (ret)
		*ret = sum;
	return r < 0 ? r : 0;
}
