/* A blob that is fetched by a thread while it is read. The bytes go to a file without a name: the
 * reader takes them from there, as often as it likes, and waits for those that are not there yet.
 * The last byte is handed out only when all of them have the right digest. */
#include "transport/blob.h"

#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/digest.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

struct spool_blob {
	struct transport_blob base;
	struct transport_fetcher f;
	int fd;
	struct sha256 *hash;
	char digest[OCI_DIGEST_MAX];
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	/* under the lock */
	uint64_t there; /* bytes that may be read */
	bool ended, quit;
	int result;
	struct err error;
	/* the thread's own */
	uint64_t written;
};

static int take_bytes(void *ctx, const void *p, size_t len, struct err *e)
{
	struct spool_blob *s = ctx;
	if (len > s->base.size - s->written)
		return err_set(e, ERR_DIGEST, "it has more than the %" PRIu64 " bytes promised",
			s->base.size);
	int r = io_pwrite_all(s->fd, p, len, (off_t)s->written);
	if (r < 0)
		return err_sysno(e, r, "put a blob aside");
	sha256_add(s->hash, p, len);
	s->written += len;
	pthread_mutex_lock(&s->lock);
	/* the last byte waits for the digest */
	s->there = MIN(s->written, s->base.size ? s->base.size - 1 : 0);
	bool quit = s->quit;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return quit ? err_set(e, ERR_INTERRUPTED, "given up") : 0;
}

static int check(struct spool_blob *s, struct err *e)
{
	char hex[SHA256_HEX];
	if (s->written != s->base.size)
		return err_set(e, ERR_DIGEST,
			"it has %" PRIu64 " of the %" PRIu64 " bytes promised", s->written,
			s->base.size);
	sha256_end_hex(s->hash, hex);
	if (!str_eq(hex, oci_digest_hex(s->digest)))
		return err_set(e, ERR_DIGEST, "its %" PRIu64 " bytes have the digest sha256:%s",
			s->written, hex);
	return 0;
}

static void *run(void *arg)
{
	struct spool_blob *s = arg;
	struct err e = ERR_INIT;
	int r = s->f.fetch(s->f.arg, take_bytes, s, &e);
	if (r >= 0)
		r = check(s, &e);
	pthread_mutex_lock(&s->lock);
	s->ended = true;
	s->result = r;
	s->error = e;
	if (r >= 0)
		s->there = s->base.size;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	return NULL;
}

static ssize_t spool_read(
	struct transport_blob *b, uint64_t offset, void *p, size_t len, struct err *e)
{
	struct spool_blob *s = (struct spool_blob *)b;
	pthread_mutex_lock(&s->lock);
	while (!s->ended && s->there <= offset)
		pthread_cond_wait(&s->changed, &s->lock);
	uint64_t there = s->there;
	int r = s->ended ? s->result : 0;
	if (r < 0 && e)
		*e = s->error;
	pthread_mutex_unlock(&s->lock);
	if (r < 0)
		return r;
	if (offset >= there)
		return 0;
	ssize_t n = io_pread_full(s->fd, p, MIN(len, there - offset), (off_t)offset);
	return n < 0 ? err_sysno(e, (int)n, "read a blob that was put aside") : n;
}

static void spool_release(struct spool_blob *s)
{
	if (s->f.free_arg)
		s->f.free_arg(s->f.arg);
	close(s->fd);
	sha256_free(s->hash);
	pthread_mutex_destroy(&s->lock);
	pthread_cond_destroy(&s->changed);
	free(s);
}

static void spool_free(struct transport_blob *b)
{
	struct spool_blob *s = (struct spool_blob *)b;
	pthread_mutex_lock(&s->lock);
	s->quit = true;
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	spool_release(s);
}

/* Signals are for the main thread. */
static int start(struct spool_blob *s)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_BLOCK, &all, &before);
	int r = pthread_create(&s->thread, NULL, run, s);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

int transport_blob_spool(const struct transport_fetcher *f, int spool, const char *digest,
	uint64_t size, struct transport_blob **ret, struct err *e)
{
	static const struct transport_blob_ops ops = {spool_read, spool_free};
	struct spool_blob *s = mem_alloc(sizeof(*s));
	s->base = (struct transport_blob){&ops, size};
	s->f = *f;
	s->fd = spool;
	s->hash = sha256_new();
	snprintf(s->digest, sizeof(s->digest), "%s", digest);
	pthread_mutex_init(&s->lock, NULL);
	pthread_cond_init(&s->changed, NULL);
	int r = start(s);
	if (r < 0) {
		spool_release(s);
		return err_sysno(e, r, "start a thread");
	}
	*ret = &s->base;
	return 0;
}
