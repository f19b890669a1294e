/* Layers from a registry into the store: see the header. What threads are about is crowd.c's. */
#include "transport/fetch.h"

#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "snapshot/ingest.h"
#include "store/blob.h"
#include "store/layer.h"
#include "store/lease.h"
#include "store/partial.h"
#include "transport/crowd_priv.h"
#include "transport/keep_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PIECE        (256 * 1024)
#define DAMAGED_MOST 1 /* bytes that are wrong are fetched anew once */

struct job {
	struct transport_task task;
	const struct transport_fetch *f;
	struct transport_fetched *sum;
	const struct oci_descriptor *d;
	const char *diffid;
	bool alone; /* no other layer comes at the same time */
	/* handed to the thread */
	struct store_partial *partial; /* NULL: the bytes come from `blob` */
	int blob;                      /* the compressed blob, kept in the store; or -1 */
	struct snapshot_ingest *ingest;
	struct transport_keep keep; /* into the partial, in a thread of the ingest's */
	uint64_t sound;             /* of bytes that are damaged: these are not */
	uint64_t received;
	unsigned damaged; /* times that the bytes were not those of the digest */
};

/* ---- in the job's thread: no database, no state but the job's ---- */

/* What is on the disk already, through the same hashes as what will come. */
static int replay(struct job *j, int fd, uint64_t size, struct err *e)
{
	char *p cleanup_free = mem_alloc(PIECE);
	for (uint64_t at = 0; at < size;) {
		ssize_t n = io_pread_full(fd, p, MIN(PIECE, size - at), (off_t)at);
		if (n <= 0)
			return n < 0 ? err_sysno(e, (int)n, "read a partial blob")
				     : err_set(e, ERR_DIGEST, "a partial blob has shrunk");
		int r = transport_task_check(&j->task, e);
		if (r >= 0)
			r = snapshot_ingest_push(j->ingest, p, (size_t)n, e);
		if (r < 0)
			return r;
		at += (uint64_t)n;
		transport_task_advance(&j->task, (uint64_t)n, true);
	}
	return 0;
}

static int arrived(void *arg, const void *p, size_t len, struct err *e)
{
	struct job *j = arg;
	int r = transport_task_check(&j->task, e);
	if (r >= 0)
		r = snapshot_ingest_push(j->ingest, p, len, e);
	if (r >= 0)
		transport_task_advance(&j->task, len, false);
	return r;
}

static int receive(struct job *j, struct err *e)
{
	const struct oci_descriptor *d = j->d;
	uint64_t have = store_partial_size(j->partial); /* it grows in the ingest's thread */
	int r = replay(j, store_partial_fd(j->partial), have, e);
	if (r < 0 || have == d->size)
		return r;
	struct registry_blob_fetch f = {
		.digest = d->digest,
		.size = d->size,
		.offset = have,
		.urls = d->urls.n ? &d->urls : NULL,
		.write = arrived,
		.arg = j,
	};
	return registry_blob_fetch(j->f->repo, &f, &j->received, e);
}

/* What has come stays. Where it is wrong, was it torn on the disk? */
static void give_up(struct job *j, int r)
{
	snapshot_ingest_stop(j->ingest);
	if (!j->partial)
		return;
	transport_keep_end(&j->keep);
	bool wrong = r == -ERR_DIGEST || r == -ERR_FORMAT;
	j->sound = wrong && j->task.item.from ? transport_keep_sound(j->partial) : 0;
}

static int run(void *arg, struct err *e)
{
	struct job *j = arg;
	int r = j->partial ? receive(j, e) : replay(j, j->blob, j->d->size, e);
	if (r >= 0) {
		transport_task_state(&j->task, TRANSPORT_STORING);
		r = snapshot_ingest_drain(j->ingest, e);
	}
	if (r >= 0 && j->partial)
		r = transport_keep_verify(&j->keep, j->d->digest, e);
	if (r < 0)
		give_up(j, r);
	return r;
}

/* ---- in the caller's thread ---- */

/* The store has the layer: found by its diffID. A lease comes first, so that it stays. */
static int have_layer(struct job *j, struct err *e)
{
	struct store *s = j->f->store;
	struct store_layer l;
	int r = store_lease_keep(s, j->diffid, e);
	if (r < 0)
		return r;
	if (store_layer_get(s, j->diffid, &l, NULL) < 0)
		return 0;
	return !l.suspect || snapshot_layer_verify(s, j->diffid, NULL) >= 0;
}

static void release(void *arg)
{
	struct job *j = arg;
	snapshot_ingest_free(STEAL(j->ingest));
	transport_keep_release(&j->keep);
	store_partial_free(STEAL(j->partial));
	if (j->blob >= 0)
		close(STEAL_FD(j->blob));
}

/* Another manifest's blob, or one whose layer went: no need to ask anybody for it. */
static bool have_blob(struct job *j)
{
	struct store *s = j->f->store;
	uint64_t size;
	if (store_lease_keep(s, j->d->digest, NULL) < 0 ||
		!store_blob_has(s, j->d->digest, &size) || size != j->d->size)
		return false;
	j->blob = store_blob_open(s, j->d->digest, NULL);
	return j->blob >= 0;
}

static int begin_ingest(struct job *j, struct err *e)
{
	struct snapshot_ingest_options opt = {
		.blob_digest = j->d->digest,
		.diffid = j->diffid,
		.blob_size = j->d->size,
		.alone = j->alone,
		.limits = j->f->limits,
	};
	if (j->partial) {
		transport_keep_begin(&j->keep, j->partial);
		opt.blob_digest = NULL; /* keep hashes them */
		opt.skip_blob_hash = true;
		opt.keep = transport_keep_bytes;
		opt.keep_arg = &j->keep;
	}
	return snapshot_ingest_begin(j->f->store, &opt, &j->ingest, e);
}

static int start(void *arg, struct err *e)
{
	struct job *j = arg;
	int r = store_partial_open(j->f->store, j->d->digest, &j->partial, e);
	if (r == -EWOULDBLOCK) {
		transport_task_state(&j->task, TRANSPORT_BUSY);
		return 0;
	}
	/* only now: whoever had the lock before us may have brought it */
	if (r >= 0)
		r = have_layer(j, e);
	if (r > 0) {
		release(j);
		transport_task_state(&j->task, TRANSPORT_EXISTS);
		return 0;
	}
	if (r == 0 && have_blob(j))
		store_partial_free(STEAL(j->partial));
	if (r >= 0 && j->partial && store_partial_size(j->partial) > j->d->size)
		r = store_partial_cut(j->partial, 0, e);
	if (r >= 0)
		r = begin_ingest(j, e);
	if (r < 0)
		return err_wrap(e, r, "layer %s", j->d->digest);
	j->received = 0;
	j->task.item.state = TRANSPORT_RUNNING;
	j->task.item.done = j->task.item.from = 0;
	return 1;
}

/* The compressed form stays, so that a push gives back the same bytes. */
static int keep_blob(struct job *j, const struct snapshot_ingest_info *info, struct err *e)
{
	struct store *s = j->f->store;
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

int transport_fetch_seen(
	struct store *s, struct registry_repo *repo, const char *digest, struct err *e)
{
	struct registry_where at;
	if (!registry_repo_answered(repo, &at))
		return 0;
	char *place cleanup_free = mem_printf("%s/%s", at.host, at.path);
	return store_blob_seen(s, digest, place, e);
}

static int commit(struct job *j, struct err *e)
{
	struct snapshot_ingest_info info;
	uint64_t from = j->partial ? j->task.item.from : 0;
	int r = snapshot_ingest_finish(j->ingest, &info, e);
	if (r >= 0)
		r = keep_blob(j, &info, e);
	if (r >= 0)
		r = transport_fetch_seen(j->f->store, j->f->repo, j->d->digest, e);
	if (r < 0)
		return r;
	j->sum->fetched++;
	j->sum->reused += from;
	return 0;
}

/* The bytes are not those of the digest. Those on the disk are worth nothing then, but for what their
 * marks vouch for, and once it is tried anew: a partial blob may be torn, a proxy on the way may be
 * broken. 1: again. */
static int damaged(struct job *j, int r, const struct err *e)
{
	int cut = j->partial ? store_partial_cut(j->partial, j->sound, NULL)
			     : store_blob_delete(j->f->store, j->d->digest, NULL);
	if (j->damaged++ >= DAMAGED_MOST || cut < 0)
		return r;
	transport_note(j->f->progress, "layer %.19s: %s; it is fetched anew%s", j->d->digest,
		e->msg, j->sound ? " from where the disk has lost it" : "");
	return 1;
}

static int end(void *arg, int r, struct err *e)
{
	struct job *j = arg;
	j->sum->received += j->received;
	if (r >= 0)
		r = commit(j, e);
	if (r == -ERR_DIGEST || r == -ERR_FORMAT) {
		r = damaged(j, r, e);
		if (r > 0)
			return r;
	} else if (r == -ERR_LIMIT) {
		if (j->partial)
			(void)store_partial_cut(j->partial, 0, NULL);
		err_hint(e, "where it is meant to be so large, --max-layer-size SIZE and "
			    "--max-ratio N raise the limits");
	}
	return r < 0 ? err_wrap(e, r, "layer %s", j->d->digest) : 0;
}

static const struct transport_crowd_ops ops = {start, run, end, release};

/* One job a digest: manifests may name a layer twice. */
static int plan(struct job *jobs, size_t *n, const struct transport_fetch *f,
	const struct oci_manifest *m, const struct oci_image_config *c, struct err *e)
{
	uint64_t most = f->max_blob ?: LIMIT_BLOB_SIZE;
	for (size_t i = 0; i < m->nlayers; i++) {
		const struct oci_descriptor *d = &m->layers[i];
		size_t at = 0;
		while (at < *n && !str_eq(jobs[at].d->digest, d->digest))
			at++;
		if (at < *n && str_eq(jobs[at].diffid, c->diff_ids.v[i]))
			continue;
		if (at < *n)
			return err_set(e, ERR_FORMAT,
				"layer %s: the config gives it two different contents", d->digest);
		if (d->size > most) {
			int r = err_set(e, ERR_LIMIT,
				"layer %s has %" PRIu64 " bytes, more than the limit of %" PRIu64,
				d->digest, d->size, most);
			err_hint(e, "--max-layer-size SIZE raises it");
			return r;
		}
		struct job *j = &jobs[(*n)++];
		j->f = f;
		j->d = d;
		j->diffid = c->diff_ids.v[i];
		j->blob = -1;
		j->task.item.what = "layer";
		j->task.item.size = d->size;
		memcpy(j->task.item.digest, d->digest, sizeof(j->task.item.digest));
	}
	return 0;
}

/* What is there needs no lock and no thread. */
static int mark_present(struct job *jobs, size_t n, struct err *e)
{
	size_t missing = 0;
	for (size_t i = 0; i < n; i++) {
		int r = have_layer(&jobs[i], e);
		if (r < 0)
			return r;
		if (r > 0)
			jobs[i].task.item.state = TRANSPORT_EXISTS;
		missing += r == 0;
	}
	for (size_t i = 0; i < n; i++)
		jobs[i].alone = missing == 1 || jobs[i].f->jobs == 1;
	return 0;
}

int transport_fetch_layers(const struct transport_fetch *f, const struct oci_manifest *m,
	const struct oci_image_config *c, struct transport_fetched *ret, struct err *e)
{
	if (m->nlayers != c->diff_ids.n)
		return err_set(e, ERR_FORMAT, "the manifest names %zu layers, the config %zu",
			m->nlayers, c->diff_ids.n);
	struct transport_fetched sum = {0};
	struct transport_crowd k cleanup_transport_crowd = {
		.ops = &ops,
		.progress = f->progress,
		.stop = f->stop,
		.most = f->jobs ?: TRANSPORT_JOBS,
	};
	transport_crowd_init(&k);
	size_t n = 0;
	struct job *jobs cleanup_free = mem_array(m->nlayers + 1, sizeof(*jobs));
	int r = plan(jobs, &n, f, m, c, e);
	if (r >= 0)
		r = mark_present(jobs, n, e);
	for (size_t i = 0; i < n; i++) {
		jobs[i].sum = &sum;
		transport_crowd_add(&k, &jobs[i].task, &jobs[i]);
	}
	if (r >= 0)
		r = transport_crowd_run(&k, e);
	if (ret)
		*ret = sum;
	return r < 0 ? r : 0;
}
