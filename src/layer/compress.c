/*
 * Compression in pieces; see the header. Buffers go round in a ring: the caller
 * fills one, a worker compresses it while another thread hashes its plain bytes,
 * and the caller hands the results on in order when it comes to that place
 * again. Less than one piece is done without any thread.
 */
#include "layer/compress.h"
#include "base/err.h"
#include "base/mem.h"

#include <errno.h>
#include <inttypes.h>
#include <isa-l.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
	PIECE = 512 * 1024, /* part of the format: another size gives other bytes */
	OUT_MOST = PIECE + PIECE / 8 + 4096,
	WORKERS_MOST = 16, /* 1.1 MB each */
	WORKERS_DEFAULT = 4,
	JOBS_MOST = WORKERS_MOST + 2,
	GZIP_START = 16, /* this, too */
};

char *layer_compress_id(enum layer_compression c, int level, char out[LAYER_COMPRESS_ID])
{
	if (c == LAYER_GZIP)
		snprintf(out, LAYER_COMPRESS_ID, "igzip-1/16+512KiB %d.%d.%d", ISAL_MAJOR_VERSION,
			ISAL_MINOR_VERSION, ISAL_PATCH_VERSION);
	else if (c == LAYER_ZSTD)
		snprintf(out, LAYER_COMPRESS_ID, "zstd-%d/512KiB %s", level ?: LAYER_ZSTD_LEVEL,
			ZSTD_versionString());
	else
		snprintf(out, LAYER_COMPRESS_ID, "plain");
	return out;
}

struct job {
	uint8_t *in;
	uint8_t *out;
	size_t in_len;
	size_t out_len; /* 0: failed */
	bool compressed;
	bool hashed;
};

/* What one thread needs to compress */
struct worker {
	struct layer_compress *z;
	pthread_t thread;
	bool running;
	ZSTD_CCtx *zstd;
	struct isal_zstream gzip;
	uint8_t *level_buffer;
};

struct layer_compress {
	enum layer_compression kind;
	int level; /* of zstd */
	layer_compress_fn fn;
	void *ctx;
	struct sha256 *plain_hash;
	struct sha256 *out_hash;
	uint64_t plain_size;
	uint64_t out_size;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct job jobs[JOBS_MOST];
	size_t n_jobs;
	uint64_t filled;  /* pieces handed to the threads */
	uint64_t claimed; /* taken by a worker */
	uint64_t emitted;
	bool quit;
	bool started;
	struct worker workers[WORKERS_MOST];
	size_t n_workers;
	pthread_t hasher;
	bool hashing;
};

/*
 * Where a stream begins with a long input, igzip (2.30 and 2.31, on x86) takes the hash of the
 * third byte's place from a register that it did not load, which holds the address of the stream. What
 * comes out is right, but in one of some thousand pieces a match is found or not as that address
 * wants it: the same layer would have another digest now and then. For a few bytes igzip takes a path
 * that has no such start, and goes on from there.
 */
static bool deflate_start(struct isal_zstream *s, const struct job *j)
{
	if (j->in_len <= GZIP_START)
		return true;
	s->avail_in = GZIP_START;
	s->end_of_stream = 0;
	s->flush = SYNC_FLUSH;
	if (isal_deflate(s) != COMP_OK || s->avail_in)
		return false;
	s->avail_in = (uint32_t)j->in_len - GZIP_START;
	s->end_of_stream = 1;
	s->flush = NO_FLUSH;
	return true;
}

static size_t compress_gzip(struct worker *w, const struct job *j)
{
	struct isal_zstream *s = &w->gzip;
	if (!w->level_buffer)
		w->level_buffer = mem_alloc(ISAL_DEF_LVL1_DEFAULT);
	isal_deflate_init(s);
	s->level = 1;
	s->level_buf = w->level_buffer;
	s->level_buf_size = ISAL_DEF_LVL1_DEFAULT;
	s->gzip_flag = IGZIP_GZIP;
	s->end_of_stream = 1;
	s->flush = NO_FLUSH;
	s->next_in = j->in;
	s->avail_in = (uint32_t)j->in_len;
	s->next_out = j->out;
	s->avail_out = OUT_MOST;
	if (!deflate_start(s, j) || isal_deflate(s) != COMP_OK ||
		s->internal_state.state != ZSTATE_END)
		return 0;
	return OUT_MOST - s->avail_out;
}

static size_t compress_zstd(struct worker *w, const struct job *j)
{
	if (!w->zstd) {
		w->zstd = ZSTD_createCCtx();
		if (!w->zstd)
			abort();
		ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, w->z->level);
		ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1);
	}
	size_t n = ZSTD_compress2(w->zstd, j->out, OUT_MOST, j->in, j->in_len);
	return ZSTD_isError(n) ? 0 : n;
}

static void compress_job(struct worker *w, struct job *j)
{
	if (!j->out)
		j->out = mem_alloc(OUT_MOST);
	j->out_len = w->z->kind == LAYER_GZIP ? compress_gzip(w, j) : compress_zstd(w, j);
}

static void worker_release(struct worker *w)
{
	ZSTD_freeCCtx(w->zstd);
	free(w->level_buffer);
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct layer_compress *z = w->z;
	pthread_mutex_lock(&z->lock);
	for (;;) {
		while (z->claimed == z->filled && !z->quit)
			pthread_cond_wait(&z->changed, &z->lock);
		if (z->quit)
			break;
		struct job *j = &z->jobs[z->claimed++ % z->n_jobs];
		pthread_mutex_unlock(&z->lock);
		compress_job(w, j);
		pthread_mutex_lock(&z->lock);
		j->compressed = true;
		pthread_cond_broadcast(&z->changed);
	}
	pthread_mutex_unlock(&z->lock);
	return NULL;
}

static void *run_hasher(void *arg)
{
	struct layer_compress *z = arg;
	pthread_mutex_lock(&z->lock);
	for (uint64_t next = 0;; next++) {
		while (next == z->filled && !z->quit)
			pthread_cond_wait(&z->changed, &z->lock);
		if (z->quit)
			break;
		struct job *j = &z->jobs[next % z->n_jobs];
		pthread_mutex_unlock(&z->lock);
		sha256_add(z->plain_hash, j->in, j->in_len);
		pthread_mutex_lock(&z->lock);
		j->hashed = true;
		pthread_cond_broadcast(&z->changed);
	}
	pthread_mutex_unlock(&z->lock);
	return NULL;
}

struct layer_compress *layer_compress_new(
	enum layer_compression c, layer_compress_fn fn, void *ctx, struct err *e)
{
	if (c != LAYER_PLAIN && c != LAYER_GZIP && c != LAYER_ZSTD) {
		err_set(e, ERR_UNSUPPORTED, "layers are not compressed with %s",
			layer_compression_name(c));
		return NULL;
	}
	struct layer_compress *z = mem_alloc(sizeof(*z));
	z->kind = c;
	z->fn = fn;
	z->ctx = ctx;
	z->plain_hash = sha256_new();
	z->out_hash = sha256_new();
	pthread_mutex_init(&z->lock, NULL);
	pthread_cond_init(&z->changed, NULL);
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	z->level = LAYER_ZSTD_LEVEL;
	for (size_t i = 0; i < WORKERS_MOST; i++)
		z->workers[i].z = z;
	layer_compress_threads(z, cores < 1 ? 1 : (unsigned)MIN(cores, WORKERS_DEFAULT));
	return z;
}

void layer_compress_threads(struct layer_compress *z, unsigned n)
{
	z->n_workers = n < 1 ? 1 : MIN(n, WORKERS_MOST);
	z->n_jobs = z->n_workers + 2;
}

void layer_compress_level(struct layer_compress *z, int level)
{
	if (level)
		z->level = level;
}

static void stop(struct layer_compress *z)
{
	pthread_mutex_lock(&z->lock);
	z->quit = true;
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->lock);
	for (size_t i = 0; i < z->n_workers; i++)
		if (z->workers[i].running)
			pthread_join(z->workers[i].thread, NULL);
	if (z->hashing)
		pthread_join(z->hasher, NULL);
	z->hashing = false;
	for (size_t i = 0; i < z->n_workers; i++)
		z->workers[i].running = false;
}

void layer_compress_free(struct layer_compress *z)
{
	if (!z)
		return;
	stop(z);
	for (size_t i = 0; i < WORKERS_MOST; i++)
		worker_release(&z->workers[i]);
	for (size_t i = 0; i < JOBS_MOST; i++) {
		free(z->jobs[i].in);
		free(z->jobs[i].out);
	}
	sha256_free(z->plain_hash);
	sha256_free(z->out_hash);
	pthread_mutex_destroy(&z->lock);
	pthread_cond_destroy(&z->changed);
	free(z);
}

static int start(struct layer_compress *z, struct err *e)
{
	sigset_t all, old;
	int r = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old); /* signals are for the main thread */
	for (size_t i = 0; r == 0 && i < z->n_workers; i++) {
		r = pthread_create(&z->workers[i].thread, NULL, run_worker, &z->workers[i]);
		z->workers[i].running = r == 0;
	}
	if (r == 0) {
		r = pthread_create(&z->hasher, NULL, run_hasher, z);
		z->hashing = r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	z->started = true;
	return r ? err_sysno(e, r, "start a thread") : 0;
}

static int emit(struct layer_compress *z, const void *p, size_t len, struct err *e)
{
	sha256_add(z->out_hash, p, len);
	z->out_size += len;
	return z->fn ? z->fn(z->ctx, p, len, e) : 0;
}

/* Hands on the oldest piece, waiting for it. */
static int emit_oldest(struct layer_compress *z, struct err *e)
{
	struct job *j = &z->jobs[z->emitted % z->n_jobs];
	pthread_mutex_lock(&z->lock);
	while (!j->compressed || !j->hashed)
		pthread_cond_wait(&z->changed, &z->lock);
	j->compressed = j->hashed = false;
	pthread_mutex_unlock(&z->lock);
	z->emitted++;
	if (j->out_len == 0)
		return err_set(
			e, EIO, "compression with %s failed", layer_compression_name(z->kind));
	int r = emit(z, j->out, j->out_len, e);
	j->in_len = 0;
	return r;
}

/* The current piece is full. */
static int submit(struct layer_compress *z, struct err *e)
{
	int r = z->started ? 0 : start(z, e);
	if (r < 0)
		return r;
	pthread_mutex_lock(&z->lock);
	z->filled++;
	pthread_cond_broadcast(&z->changed);
	pthread_mutex_unlock(&z->lock);
	return 0;
}

static int push_plain(struct layer_compress *z, const void *p, size_t len, struct err *e)
{
	z->plain_size += len;
	return emit(z, p, len, e);
}

int layer_compress_room(struct layer_compress *z, void **ret, size_t *ret_len, struct err *e)
{
	int r = 0;
	struct job *j = &z->jobs[z->filled % z->n_jobs];
	if (j->in_len == PIECE && z->filled - z->emitted < z->n_jobs) {
		r = submit(z, e); /* only now: the last piece may be the only one */
		j = &z->jobs[z->filled % z->n_jobs];
	}
	if (r == 0 && z->filled - z->emitted == z->n_jobs)
		r = emit_oldest(z, e);
	if (r < 0)
		return r;
	if (!j->in)
		j->in = mem_alloc(PIECE);
	*ret = j->in + j->in_len;
	*ret_len = PIECE - j->in_len;
	return 0;
}

void layer_compress_filled(struct layer_compress *z, size_t len)
{
	z->jobs[z->filled % z->n_jobs].in_len += len;
	z->plain_size += len;
}

int layer_compress_push(struct layer_compress *z, const void *data, size_t len, struct err *e)
{
	const uint8_t *p = data;
	if (z->kind == LAYER_PLAIN)
		return push_plain(z, data, len, e);
	while (len) {
		void *room;
		size_t n;
		int r = layer_compress_room(z, &room, &n, e);
		if (r < 0)
			return r;
		n = MIN(n, len);
		memcpy(room, p, n);
		layer_compress_filled(z, n);
		p += n;
		len -= n;
	}
	return 0;
}

/* No thread was needed: the only piece (perhaps empty) is compressed here. */
static int finish_inline(struct layer_compress *z, struct err *e)
{
	struct job *j = &z->jobs[0];
	if (!j->in)
		j->in = mem_alloc(PIECE);
	sha256_add(z->plain_hash, j->in, j->in_len);
	compress_job(&z->workers[0], j);
	if (j->out_len == 0)
		return err_set(
			e, EIO, "compression with %s failed", layer_compression_name(z->kind));
	return emit(z, j->out, j->out_len, e);
}

static int finish_pieces(struct layer_compress *z, struct err *e)
{
	int r = 0;
	if (!z->started)
		return finish_inline(z, e);
	if (z->jobs[z->filled % z->n_jobs].in_len)
		r = submit(z, e);
	while (r == 0 && z->emitted < z->filled)
		r = emit_oldest(z, e);
	stop(z);
	return r;
}

int layer_compress_finish(struct layer_compress *z, struct layer_compress_info *ret, struct err *e)
{
	int r = z->kind == LAYER_PLAIN ? 0 : finish_pieces(z, e);
	if (r < 0)
		return r;
	struct layer_compress_info info = {.size = z->out_size, .plain_size = z->plain_size};
	sha256_end_hex(z->out_hash, info.digest);
	if (z->kind == LAYER_PLAIN)
		memcpy(info.diffid, info.digest, sizeof(info.diffid));
	else
		sha256_end_hex(z->plain_hash, info.diffid);
	*ret = info;
	return 0;
}

int layer_compress_fd(int in_fd, enum layer_compression c, layer_compress_fn fn, void *ctx,
	struct layer_compress_info *ret, struct err *e)
{
	struct layer_compress *z cleanup_layer_compress = layer_compress_new(c, fn, ctx, e);
	cleanup_free uint8_t *piece = mem_alloc(PIECE);
	if (!z)
		return -ERR_UNSUPPORTED;
	for (;;) {
		ssize_t n = read(in_fd, piece, PIECE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read the layer");
		if (n == 0)
			return layer_compress_finish(z, ret, e);
		int r = layer_compress_push(z, piece, (size_t)n, e);
		if (r < 0)
			return r;
	}
}
