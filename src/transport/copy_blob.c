/* Blobs from a source to a destination, several at a time: what is there is left, what can be mounted
 * is, and the others go as they are or (copy_repack.c) in a new form. */
#include "transport/copy_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "transport/shelf_priv.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define JOBS         4
#define DAMAGED_MOST 1 /* bytes that are wrong are fetched anew once */

/* ---- in the job's thread ---- */

/* A blob whose reader is shown, and stopped. */
struct watched_blob {
	struct transport_blob base;
	struct transport_blob *inner;
	struct transport_task *task;
	uint64_t reached;
};

static ssize_t watched_read(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct watched_blob *w = (struct watched_blob *)b;
	int r = transport_task_check(w->task, e);
	if (r < 0)
		return r;
	ssize_t n = transport_blob_read(w->inner, offset, p, len, e);
	/* an upload that was cut reads some of it again */
	if (n > 0 && offset + (uint64_t)n > w->reached) {
		transport_task_advance(w->task, offset + (uint64_t)n - w->reached, false);
		w->reached = offset + (uint64_t)n;
	}
	return n;
}

static void watched_free(struct transport_blob *b)
{
	transport_blob_free(((struct watched_blob *)b)->inner);
	free(b);
}

int copy_open(struct copy_job *j, struct transport_blob **ret, struct err *e)
{
	static const struct transport_blob_ops ops = {watched_read, watched_free};
	struct transport_blob *inner = NULL;
	int r = 0;
	if (j->b->bytes)
		inner = transport_blob_bytes(j->b->bytes->data, j->b->bytes->len);
	else
		r = transport_from_blob(j->c->from, j->b->d, &inner, e);
	if (r < 0)
		return r;
	struct watched_blob *w = mem_alloc(sizeof(*w));
	*w = (struct watched_blob){{&ops, inner->size}, inner, &j->task, 0};
	*ret = &w->base;
	return 0;
}

static struct transport_put put_of(const struct copy_job *j)
{
	return (struct transport_put){.d = j->b->d,
		.diffid = j->b->diffid,
		.origin = j->c->from->repo,
		.is_config = j->b->is_config,
		.raw = j->b->raw};
}

static int put_blob(struct copy_job *j, struct err *e)
{
	struct transport_blob *in cleanup_transport_blob = NULL;
	const struct transport_put p = put_of(j);
	int r = copy_open(j, &in, e);
	return r < 0 ? r : j->c->to->ops->put(j->c->to, &p, in, e);
}

struct landing {
	struct copy_job *j;
	struct transport_partial *p;
};

static int landed(void *ctx, const void *data, size_t len, struct err *e)
{
	struct landing *l = ctx;
	int r = transport_task_check(&l->j->task, e);
	if (r >= 0)
		r = transport_partial_add(l->p, data, len, e);
	if (r >= 0)
		transport_task_advance(&l->j->task, len, false);
	return r;
}

/* What an earlier copy has left, then the rest from the registry. */
static int land(struct copy_job *j, struct transport_partial *p, struct err *e)
{
	struct landing l = {j, p};
	const struct oci_descriptor *d = j->b->d;
	ssize_t n = 0;
	int r = p->size > d->size ? transport_partial_reset(p, e) : 0;
	while (r >= 0 && (n = transport_partial_replay(p, e)) > 0) {
		transport_task_advance(&j->task, (uint64_t)n, true);
		r = transport_task_check(&j->task, e);
	}
	if (r < 0 || n < 0)
		return r < 0 ? r : (int)n;
	if (p->size < d->size)
		r = j->c->from->ops->fetch(j->c->from, d, p->size, landed, &l, e);
	return r < 0 ? r : transport_partial_commit(p, e);
}

/* Bytes that are wrong may be those of the disk: they are fetched anew, once. */
static int land_blob(struct copy_job *j, struct transport_partial *p, struct err *e)
{
	for (int damaged = 0;; damaged++) {
		struct err why = ERR_INIT;
		int r = land(j, p, &why);
		if (r >= 0)
			return 0;
		int reset = r == -ERR_DIGEST ? transport_partial_reset(p, NULL) : -1;
		if (damaged == DAMAGED_MOST || reset < 0) {
			if (e)
				*e = why;
			return r;
		}
		transport_note(j->c->o->progress, "blob %.19s: %s; it is fetched anew",
			j->b->d->digest, why.msg);
		pthread_mutex_lock(&j->task.crowd->lock);
		j->task.item.done = j->task.item.from = 0;
		pthread_mutex_unlock(&j->task.crowd->lock);
	}
}

static int copy_as_it_is(struct copy_job *j, struct err *e)
{
	struct transport_partial p cleanup_transport_partial = {.fd = -1};
	int r = 0;
	if (j->c->from->ops->fetch && j->c->to->shelf && !j->b->bytes)
		r = transport_partial_open(j->c->to->shelf, j->b->d->digest, &p, e);
	if (r != 0)
		return r < 0 ? r : land_blob(j, &p, e);
	return put_blob(j, e);
}

static int run(void *arg, struct err *e)
{
	struct copy_job *j = arg;
	const struct transport_put p = put_of(j);
	int r = j->b->repack ? 0 : j->c->to->ops->has(j->c->to, &p, e);
	if (r == TRANSPORT_HAS || r == TRANSPORT_HAS_MOUNTED)
		transport_task_state(
			&j->task, r == TRANSPORT_HAS ? TRANSPORT_EXISTS : TRANSPORT_MOUNTED);
	if (r)
		return MIN(r, 0);
	transport_task_state(&j->task, TRANSPORT_RUNNING);
	j->sent = j->b->d->size;
	return j->b->repack ? copy_repacked(j, e) : copy_as_it_is(j, e);
}

/* ---- in the caller's thread ---- */

static int start(void *arg, struct err *e)
{
	return 1;
}

static int end(void *arg, int r, struct err *e)
{
	struct copy_job *j = arg;
	enum transport_item_state state = j->task.item.state;
	if (r < 0)
		return err_wrap(e, r, "blob %s", j->b->d->digest);
	j->c->sum.blobs++;
	j->c->sum.skipped += state == TRANSPORT_EXISTS || state == TRANSPORT_MOUNTED;
	j->c->sum.bytes += j->sent;
	return 0;
}

static void release(void *arg)
{
}

static const struct transport_crowd_ops ops = {start, run, end, release};

static unsigned most_jobs(const struct copy *c)
{
	/* one store serves one thread at a time, whichever end it is */
	bool same = c->from->store && c->from->store == c->to->store;
	if (!c->from->parallel || !c->to->parallel || same)
		return 1;
	return c->o->jobs ? c->o->jobs : JOBS;
}

/* A manifest may name a blob twice: its place among the first n. */
static size_t twin_of(const struct copy_blob *v, size_t n, const struct copy_blob *b)
{
	size_t at = 0;
	while (at < n && (!str_eq(v[at].d->digest, b->d->digest) ||
				 (v[at].diffid != b->diffid && !str_eq(v[at].diffid, b->diffid))))
		at++;
	return at;
}

int copy_blobs(struct copy *c, struct copy_blob *v, size_t n, bool told, struct err *e)
{
	struct transport_crowd k cleanup_transport_crowd = {
		.ops = &ops,
		.progress = told ? c->o->progress : NULL,
		.stop = c->o->stop,
		.most = most_jobs(c),
	};
	transport_crowd_init(&k);
	struct copy_job *jobs cleanup_free = mem_array(n + 1, sizeof(*jobs));
	long cores = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	long together = MAX(MIN((long)n, (long)k.most), 1);
	for (size_t i = 0; i < n; i++) {
		if (twin_of(v, i, &v[i]) < i)
			continue;
		struct copy_job *j = &jobs[i];
		*j = (struct copy_job){.c = c, .b = &v[i]};
		j->threads = (unsigned)((cores + together - 1) / together);
		j->task.item.what = v[i].is_config ? "config" : "layer";
		j->task.item.size = v[i].d->size;
		memcpy(j->task.item.digest, v[i].d->digest, sizeof(j->task.item.digest));
		transport_crowd_add(&k, &j->task, j);
	}
	int r = transport_crowd_run(&k, e);
	for (size_t i = 0; i < n; i++)
		v[i].became = v[twin_of(v, i, &v[i])].became;
	return MIN(r, 0);
}
