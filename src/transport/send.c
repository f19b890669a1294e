/* Layers from the store to a registry; see the header. What threads are about is crowd.c's. */
#include "transport/send_priv.h"

#include "base/mem.h"
#include "base/str.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/upload.h"
#include "store/blob.h"
#include "store/lease.h"
#include "transport/crowd_priv.h"
#include "transport/save_priv.h"
#include "transport/squeeze_priv.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	JOBS = 3,
	FORMS_MOST = 4,  /* that are asked for */
	PLACES_MOST = 3, /* repositories to mount from */
};

/* A form in which the layer has been seen */
struct form {
	struct transport_sent is;
	int fd; /* its bytes; or -1 */
	struct strv places;
};

struct job {
	struct transport_task task;
	const struct transport_send *x;
	struct registry_where where; /* the repository, as the wire has it */
	struct transport_pushed *sum;
	char diffid[STORE_DIGEST_MAX];
	const struct oci_descriptor
		*original; /* in the manifest that the image came with; or NULL */
	int tar;
	uint64_t tar_size;
	struct form forms[FORMS_MOST];
	size_t n_forms;
	unsigned threads; /* for compression */
	/* the thread's result */
	struct transport_sent got;
	uint64_t sent;
	bool compressed;
};

static enum oci_compression wanted(const struct transport_push_options *o)
{
	return o->any_compression ? OCI_COMPRESSION_GZIP : o->compression;
}

static bool fits(const struct transport_push_options *o, enum oci_compression c)
{
	if (o->format == TRANSPORT_MANIFEST_DOCKER && c == OCI_COMPRESSION_ZSTD)
		return false;
	return o->any_compression || c == o->compression;
}

/* ---- in the job's thread ---- */

static int check(void *ctx, uint64_t plain, struct err *e)
{
	struct job *j = ctx;
	pthread_mutex_lock(&j->task.crowd->lock);
	j->task.item.done = plain;
	pthread_mutex_unlock(&j->task.crowd->lock);
	return transport_task_check(&j->task, e);
}

/* Is it there, or in a repository beside it? 1: yes. */
static int find_there(struct job *j, const struct form *f, struct err *e)
{
	int r = registry_blob_has(j->x->repo, f->is.digest, NULL, e);
	if (r > 0)
		transport_task_state(&j->task, TRANSPORT_EXISTS);
	for (size_t i = 0; r == 0 && i < f->places.n; i++) {
		/* what cannot be mounted (no right to read there) is sent */
		r = registry_blob_mount(j->x->repo, f->is.digest, f->places.v[i], NULL);
		if (r > 0)
			transport_task_state(&j->task, TRANSPORT_MOUNTED);
		r = MAX(r, 0);
	}
	return r;
}

struct file_source {
	struct job *j;
	int fd;
};

static ssize_t read_file(void *arg, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct file_source *s = arg;
	ssize_t n = registry_source_read_fd(&s->fd, offset, p, len, e);
	int r = n < 0 ? 0 : check(s->j, offset + (uint64_t)n, e);
	return r < 0 ? r : n;
}

static int send_file(struct job *j, int fd, const struct transport_sent *is, struct err *e)
{
	struct file_source s = {j, fd};
	struct registry_source src = {.read = read_file, .arg = &s};
	int r = registry_blob_put(j->x->repo, is->digest, is->size, &src, NULL, e);
	if (r < 0)
		return r;
	j->sent = r > 0 ? 0 : is->size;
	j->got = *is;
	return 0;
}

static int send_compressed(struct job *j, enum oci_compression c, struct err *e)
{
	struct squeeze_options o = {
		.tar = j->tar,
		.diffid = j->diffid,
		.kind = c == OCI_COMPRESSION_ZSTD ? LAYER_ZSTD : LAYER_GZIP,
		.level = j->x->o->level,
		.threads = j->threads,
		.read = check,
		.ctx = j,
	};
	struct squeeze *q cleanup_squeeze = squeeze_new(&o);
	int r = squeeze_upload(q, j->x->repo, e);
	if (r < 0)
		return r == -ERR_DIGEST ? err_wrap(e, r, "it is damaged in the store") : r;
	const struct layer_compress_info *info = squeeze_info(q);
	oci_digest_from_hex(info->digest, j->got.digest);
	j->got.size = info->size;
	j->got.compression = c;
	j->compressed = true;
	j->sent = info->size;
	return 0;
}

static int run(void *arg, struct err *e)
{
	struct job *j = arg;
	for (size_t i = 0; i < j->n_forms; i++) {
		int r = find_there(j, &j->forms[i], e);
		if (r > 0)
			j->got = j->forms[i].is;
		if (r != 0)
			return r < 0 ? r : 0;
	}
	transport_task_state(&j->task, TRANSPORT_RUNNING);
	for (size_t i = 0; i < j->n_forms; i++)
		if (j->forms[i].fd >= 0) {
			pthread_mutex_lock(&j->task.crowd->lock);
			j->task.item.size = j->forms[i].is.size;
			pthread_mutex_unlock(&j->task.crowd->lock);
			return send_file(j, j->forms[i].fd, &j->forms[i].is, e);
		}
	return send_compressed(j, wanted(j->x->o), e);
}

/* ---- in the caller's thread ---- */

static void release(void *arg)
{
	struct job *j = arg;
	for (size_t i = 0; i < j->n_forms; i++) {
		if (j->forms[i].fd >= 0 && j->forms[i].fd != j->tar)
			close(j->forms[i].fd);
		strv_release(&j->forms[i].places);
	}
	j->n_forms = 0;
	if (j->tar >= 0)
		close(STEAL_FD(j->tar));
}

static int add_form(struct job *j, const struct transport_sent *is, int fd, struct err *e)
{
	for (size_t i = 0; i < j->n_forms; i++)
		if (str_eq(j->forms[i].is.digest, is->digest)) {
			if (fd >= 0 && fd != j->tar)
				close(fd);
			return 0;
		}
	struct form *f = &j->forms[j->n_forms++];
	*f = (struct form){.is = *is, .fd = fd};
	struct strv seen cleanup_strv = STRV_INIT;
	int r = store_blob_places(
		j->x->store, is->digest, j->where.host, PLACES_MOST + 1, &seen, e);
	for (size_t i = 0; i < seen.n && f->places.n < PLACES_MOST && r >= 0; i++) {
		const char *path = seen.v[i] + strlen(j->where.host) + 1;
		if (!str_eq(path, j->where.path))
			strv_add(&f->places, path);
	}
	return r;
}

static int open_blob(struct store *s, const char *digest, uint64_t size)
{
	uint64_t have;
	if (store_lease_keep(s, digest, NULL) < 0 || !store_blob_has(s, digest, &have) ||
		have != size)
		return -1;
	return store_blob_open(s, digest, NULL);
}

/* The form of the manifest that the image came with. */
static int add_original(struct job *j, const struct oci_descriptor *d, struct err *e)
{
	struct transport_sent is = {.size = d->size};
	memcpy(is.digest, d->digest, sizeof(is.digest));
	is.compression = oci_media_type_compression(d->media_type);
	if (!fits(j->x->o, is.compression))
		return 0;
	int fd = str_eq(d->digest, j->diffid) ? j->tar : open_blob(j->x->store, d->digest, d->size);
	return add_form(j, &is, MAX(fd, -1), e);
}

/* Forms that the store knows: kept, or made for a push before. */
static int add_known(struct job *j, const char *compressor, bool absent_too, struct err *e)
{
	struct store_layer_blob b;
	struct transport_sent is = {0};
	if (store_layer_blob_get(j->x->store, j->diffid, compressor, absent_too, &b, NULL) < 0)
		return 0;
	is.compression = oci_media_type_compression(b.media_type);
	is.size = b.size;
	memcpy(is.digest, b.digest, sizeof(is.digest));
	if (!fits(j->x->o, is.compression))
		return 0;
	return add_form(j, &is, MAX(open_blob(j->x->store, b.digest, b.size), -1), e);
}

/* The forms to ask for, the best first. */
static int add_forms(struct job *j, struct err *e)
{
	const struct transport_push_options *o = j->x->o;
	enum oci_compression c = wanted(o);
	int r = j->original && !o->level ? add_original(j, j->original, e) : 0;
	if (r >= 0 && c == OCI_COMPRESSION_NONE) {
		struct transport_sent is = {.size = j->tar_size, .compression = c};
		memcpy(is.digest, j->diffid, sizeof(is.digest));
		return add_form(j, &is, j->tar, e);
	}
	char id[LAYER_COMPRESS_ID];
	layer_compress_id(c == OCI_COMPRESSION_ZSTD ? LAYER_ZSTD : LAYER_GZIP, o->level, id);
	if (r >= 0 && !o->level)
		r = add_known(j, NULL, false, e);
	return r < 0 ? r : add_known(j, id, true, e);
}

static int start(void *arg, struct err *e)
{
	struct job *j = arg;
	int fd = transport_save_open_tar(j->x->store, j->diffid, &j->tar_size, e);
	if (fd >= 0) {
		j->tar = fd;
		j->task.item.size = j->tar_size;
		fd = add_forms(j, e);
	}
	return fd < 0 ? err_wrap(e, fd, "layer %s", j->diffid) : 1;
}

/* Remembers what was made, so that the next push asks before it compresses. */
static int remember(struct job *j, struct err *e)
{
	struct store *s = j->x->store;
	char *place cleanup_free = mem_printf("%s/%s", j->where.host, j->where.path);
	int r = store_blob_seen(s, j->got.digest, place, e);
	if (r < 0 || !j->compressed)
		return r;
	struct store_layer_blob b = {.size = j->got.size};
	memcpy(b.diffid, j->diffid, sizeof(b.diffid));
	memcpy(b.digest, j->got.digest, sizeof(b.digest));
	snprintf(
		b.media_type, sizeof(b.media_type), "%s", oci_media_type_layer(j->got.compression));
	layer_compress_id(j->got.compression == OCI_COMPRESSION_ZSTD ? LAYER_ZSTD : LAYER_GZIP,
		j->x->o->level, b.compressor);
	return store_layer_blob_add(s, &b, e);
}

static int end(void *arg, int r, struct err *e)
{
	struct job *j = arg;
	if (r >= 0)
		r = remember(j, e);
	if (r < 0)
		return err_wrap(e, r, "layer %s", j->diffid);
	enum transport_item_state state = j->task.item.state;
	j->sum->blobs_there += state == TRANSPORT_EXISTS;
	j->sum->blobs_mounted += state == TRANSPORT_MOUNTED;
	j->sum->blobs_sent += state == TRANSPORT_RUNNING;
	j->sum->sent += j->sent;
	return 0;
}

static const struct transport_crowd_ops ops = {start, run, end, release};

/* One job a layer: an image may have one twice. Its place among the jobs. */
static size_t job_of(const struct job *jobs, size_t n, const char *diffid)
{
	size_t at = 0;
	while (at < n && !str_eq(jobs[at].diffid, diffid))
		at++;
	return at;
}

static void plan(struct job *jobs, size_t *n, const struct transport_send *x,
	const struct oci_image_config *c, const struct registry_where *where,
	struct transport_pushed *sum)
{
	for (size_t i = 0; i < c->diff_ids.n; i++) {
		if (job_of(jobs, *n, c->diff_ids.v[i]) < *n)
			continue;
		struct job *j = &jobs[(*n)++];
		j->x = x;
		j->where = *where;
		j->sum = sum;
		j->tar = -1;
		snprintf(j->diffid, sizeof(j->diffid), "%s", c->diff_ids.v[i]);
		j->original = x->came ? &x->came->layers[i] : NULL;
		j->task.item.what = "layer";
		snprintf(j->task.item.digest, sizeof(j->task.item.digest), "%s",
			j->original ? j->original->digest : j->diffid);
	}
}

int transport_send_layers(const struct transport_send *x, const struct oci_image_config *c,
	struct transport_sent *ret, struct transport_pushed *sum, struct err *e)
{
	long cores = MAX(sysconf(_SC_NPROCESSORS_ONLN), 1);
	struct transport_crowd k cleanup_transport_crowd = {
		.ops = &ops,
		.progress = x->o->progress,
		.stop = x->o->stop,
		/* each may compress: more than there are cores would only take memory */
		.most = x->o->jobs ?: (unsigned)MAX(MIN(cores, JOBS), 2),
	};
	transport_crowd_init(&k);
	size_t n = 0;
	struct registry_where where;
	struct job *jobs cleanup_free = mem_array(c->diff_ids.n + 1, sizeof(*jobs));
	if (!registry_repo_pushed(x->repo, &where))
		return err_set(e, ERR_UNSUPPORTED, "nothing can be pushed to a mirror");
	plan(jobs, &n, x, c, &where, sum);
	size_t together = MAX(MIN(n, k.most), 1);
	for (size_t i = 0; i < n; i++) {
		jobs[i].threads = (unsigned)((cores + (long)together - 1) / (long)together);
		transport_crowd_add(&k, &jobs[i].task, &jobs[i]);
	}
	int r = transport_crowd_run(&k, e);
	for (size_t i = 0; r >= 0 && i < c->diff_ids.n; i++)
		ret[i] = jobs[job_of(jobs, n, c->diff_ids.v[i])].got;
	return r < 0 ? r : 0;
}
