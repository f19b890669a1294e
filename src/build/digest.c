/*
 * The memory of file digests. Its file: a header, then records sorted by path
 * (build_path_compare), each a fixed part, the path and a 0, padded to 8 bytes;
 * written whole, read through mmap. Only this program reads it, but a torn or
 * foreign file must do no harm: every record is checked against the file's end.
 */
#include "build/digest.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/root.h"
#include "base/sha256.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	MAGIC = 0x3147444b, /* "KDG1" */
	MAX_THREADS = 4,
	READ_SIZE = 128 * 1024,
	TICK = 20 * 1000 * 1000,              /* ns; the kernel's clock ticks at least this often */
	COARSE_TICK = 2 * 1000 * 1000 * 1000L /* for times without a fraction: FAT, old NFS */
};

struct header {
	uint32_t magic, records;
	uint64_t size; /* of the whole file */
};

struct record {
	uint64_t dev, ino, size;
	int64_t mtime, ctime;
	uint8_t digest[32];
	uint32_t length; /* of the path */
	uint32_t mark;   /* repeats length, inverted: a cheap check */
	char path[];     /* and a 0 */
};

struct build_digests {
	int dirfd;
	char *name;
	const char *map; /* the old memory, or NULL */
	size_t map_len;
	size_t at; /* where the last lookup ended: walks come in the same order */
	size_t reads;
};

static size_t record_size(size_t path_len)
{
	return (sizeof(struct record) + path_len + 1 + 7) & ~(size_t)7;
}

static const struct record *record_at(const struct build_digests *d, size_t at)
{
	if (!d->map || at + sizeof(struct record) > d->map_len)
		return NULL;
	const struct record *r = (const struct record *)(d->map + at);
	if (r->mark != ~r->length || r->length > 8192 || at + record_size(r->length) > d->map_len ||
		r->path[r->length] != 0)
		return NULL;
	return r;
}

/* Maps what is there now; a torn or foreign file counts as none. */
static void load(struct build_digests *d)
{
	d->at = sizeof(struct header);
	cleanup_fd int fd = d->name ? openat(d->dirfd, d->name, O_RDONLY | O_CLOEXEC) : -1;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0 || st.st_size < (off_t)sizeof(struct header))
		return;
	void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (p == MAP_FAILED)
		return;
	const struct header *h = p;
	if (h->magic != MAGIC || h->size != (uint64_t)st.st_size) {
		munmap(p, (size_t)st.st_size);
		return;
	}
	madvise(p, (size_t)st.st_size, MADV_SEQUENTIAL);
	d->map = p;
	d->map_len = (size_t)st.st_size;
}

static void unload(struct build_digests *d)
{
	if (d->map)
		munmap((void *)(uintptr_t)d->map, d->map_len);
	d->map = NULL;
	d->map_len = 0;
}

struct build_digests *build_digests_open(int dirfd, const char *name)
{
	struct build_digests *d = mem_alloc(sizeof(*d));
	d->dirfd = dirfd;
	d->name = mem_strdup(name);
	load(d);
	return d;
}

void build_digests_free(struct build_digests *d)
{
	if (!d)
		return;
	unload(d);
	free(d->name);
	free(d);
}

size_t build_digests_read(const struct build_digests *d)
{
	return d->reads;
}

/* Forward from the last place; a path before it starts from the beginning once. */
static const struct record *find(struct build_digests *d, const char *path)
{
	for (int turn = 0; turn < 2; turn++) {
		bool first = true;
		for (const struct record *r; (r = record_at(d, d->at)); first = false) {
			int order = build_path_compare(r->path, path);
			if (order == 0)
				return r;
			if (order > 0 && !first)
				return NULL;
			if (order > 0)
				break; /* we began behind it */
			d->at += record_size(r->length);
		}
		if (d->at == sizeof(struct header))
			return NULL;
		d->at = sizeof(struct header);
	}
	return NULL;
}

/* What has been looked at leaves the resident set; the page cache still has it. */
static void leave_behind(const struct build_digests *d, size_t at)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	if (d->map && at >= page)
		madvise((void *)(uintptr_t)d->map, at & ~(page - 1), MADV_DONTNEED);
}

static bool same(const struct record *r, const struct build_file *f)
{
	return r->dev == f->dev && r->ino == f->ino && r->size == f->size && r->mtime == f->mtime &&
	       r->ctime == f->ctime;
}

/* May the stats stand for the content, when it was hashed after `now`? */
static bool settled(const struct build_file *f, int64_t now)
{
	bool coarse = f->ctime % 1000000000 == 0 && f->mtime % 1000000000 == 0;
	int64_t tick = coarse ? COARSE_TICK : TICK;
	return f->ctime + tick < now && f->mtime + tick < now;
}

/* ---- hashing ---- */

struct job {
	int rootfd;
	struct build_file **files; /* those to be read */
	size_t n;
	atomic_size_t next;
	const volatile sig_atomic_t *stop;
	pthread_mutex_t lock;
	int result;
	struct err *e;
};

static int hash_file(
	struct job *j, struct build_file *f, struct sha256 *h, char *room, struct err *e)
{
	cleanup_fd int fd = root_open(j->rootfd, f->path, O_RDONLY | O_NOFOLLOW, 0, e);
	if (fd < 0)
		return fd;
	uint64_t total = 0;
	for (;;) {
		ssize_t n = read(fd, room, READ_SIZE);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, "read '%s'", f->path);
		if (n == 0)
			break;
		sha256_add(h, room, (size_t)n);
		total += (uint64_t)n;
		if (j->stop && *j->stop)
			return err_set(e, ERR_INTERRUPTED, "interrupted");
	}
	sha256_end(h, f->digest);
	if (total != f->size)
		return err_set(e, ERR_STATE, "'%s' changed while it was read", f->path);
	f->has_digest = true;
	return 0;
}

static void *hash_some(void *arg)
{
	struct job *j = arg;
	struct sha256 *h cleanup_sha256 = sha256_new();
	cleanup_free char *room = mem_alloc(READ_SIZE);
	for (;;) {
		size_t i = atomic_fetch_add(&j->next, 1);
		if (i >= j->n)
			return NULL;
		struct err e = ERR_INIT;
		int r = hash_file(j, j->files[i], h, room, &e);
		if (r >= 0)
			continue;
		pthread_mutex_lock(&j->lock);
		if (j->result == 0) {
			j->result = r;
			if (j->e)
				*j->e = e;
		}
		pthread_mutex_unlock(&j->lock);
		atomic_store(&j->next, j->n); /* the others stop, too */
		return NULL;
	}
}

static int hash_all(struct job *j, unsigned threads)
{
	pthread_t ids[MAX_THREADS];
	unsigned started = 0;
	long cpus = threads ? (long)threads : sysconf(_SC_NPROCESSORS_ONLN);
	size_t want = (size_t)MIN(MAX(cpus, 1), (long)MAX_THREADS);
	for (; started + 1 < MIN(want, j->n); started++)
		if (pthread_create(&ids[started], NULL, hash_some, j) != 0)
			break;
	hash_some(j);
	for (unsigned i = 0; i < started; i++)
		pthread_join(ids[i], NULL);
	return j->result;
}

static int64_t coarse_now(void)
{
	/* the clock that file times are taken from */
	struct timespec t;
	clock_gettime(CLOCK_REALTIME_COARSE, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* ---- writing ---- */

static int flush(int fd, struct buf *b, uint64_t *total)
{
	int r = io_write_all(fd, b->data, b->len);
	*total += b->len;
	buf_clear(b);
	return r;
}

static void add_record(struct buf *b, const struct record *fixed, const char *path)
{
	static const char zeros[8];
	size_t before = b->len;
	buf_add(b, fixed, sizeof(*fixed));
	buf_add(b, path, fixed->length);
	buf_add(b, zeros, record_size(fixed->length) - (b->len - before));
}

static void add_file(struct buf *b, const struct build_file *f)
{
	struct record r = {f->dev, f->ino, f->size, f->mtime, f->ctime, {0}, 0, 0};
	memcpy(r.digest, f->digest, sizeof(r.digest));
	r.length = (uint32_t)strlen(f->path);
	r.mark = ~r.length;
	add_record(b, &r, f->path);
}

static bool below(const char *path, const char *root)
{
	size_t n = strlen(root);
	return n == 0 || (strncmp(path, root, n) == 0 && (path[n] == 0 || path[n] == '/'));
}

/* The old records outside of the walked root, and those of the files that were walked. */
static int write_merged(const struct build_digests *d, int fd, const struct build_tree *t,
	size_t first, int64_t now)
{
	enum { CHUNK = 64 * 1024 };
	struct buf b cleanup_buf = BUF_INIT;
	struct header h = {.magic = MAGIC};
	buf_add(&b, &h, sizeof(h));
	uint64_t total = 0;
	size_t at = sizeof(h), i = first;
	const struct record *old = record_at(d, at);
	int r = 0;
	while (r >= 0 && (old || i < t->n)) {
		const struct build_file *f = i < t->n ? &t->v[i] : NULL;
		if (f && (!S_ISREG(f->mode) || !f->has_digest || !settled(f, now))) {
			i++;
		} else if (old && below(old->path, t->v[first].path)) {
			at += record_size(old->length);
			old = record_at(d, at);
		} else if (old && (!f || build_path_compare(old->path, f->path) < 0)) {
			add_record(&b, old, old->path);
			at += record_size(old->length);
			old = record_at(d, at);
		} else {
			add_file(&b, f);
			i++;
		}
		if (b.len > CHUNK)
			r = flush(fd, &b, &total);
	}
	if (r >= 0)
		r = flush(fd, &b, &total);
	h.size = total;
	return r < 0 ? r : io_pwrite_all(fd, &h, sizeof(h), 0);
}

/* A cache: that it could not be written is no reason to fail. */
static void save(struct build_digests *d, const struct build_tree *t, size_t first, int64_t now)
{
	char unique[17];
	random_hex(unique, 8);
	cleanup_free char *tmp = mem_printf("%s.%s", d->name, unique);
	cleanup_fd int fd = openat(d->dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	if (write_merged(d, fd, t, first, now) < 0 ||
		renameat(d->dirfd, tmp, d->dirfd, d->name) < 0) {
		unlinkat(d->dirfd, tmp, 0);
		return;
	}
	unload(d);
	load(d);
}

int build_digests_fill(struct build_digests *d, int rootfd, struct build_tree *t, size_t first,
	unsigned threads, const volatile sig_atomic_t *stop, struct err *e)
{
	int64_t now = coarse_now();
	cleanup_free struct build_file **pending = NULL;
	size_t n = 0, cap = 0;
	for (size_t i = first; i < t->n; i++) {
		struct build_file *f = &t->v[i];
		if (!S_ISREG(f->mode) || f->has_digest)
			continue;
		const struct record *r = d->map ? find(d, f->path) : NULL;
		if (i % 4096 == 0)
			leave_behind(d, d->at);
		if (r && same(r, f)) {
			memcpy(f->digest, r->digest, sizeof(f->digest));
			f->has_digest = true;
			continue;
		}
		if (n == cap) {
			cap = cap ? 2 * cap : 64;
			pending = mem_realloc(pending, cap, sizeof(struct build_file *));
		}
		pending[n++] = f;
	}
	leave_behind(d, d->map_len);
	if (!n)
		return 0;
	struct job j = {.rootfd = rootfd, .files = pending, .n = n, .stop = stop, .e = e};
	j.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	int r = hash_all(&j, threads);
	if (r < 0)
		return r;
	d->reads += n;
	bool worth = false;
	for (size_t i = 0; i < n && !worth; i++)
		worth = settled(pending[i], now);
	if (worth && d->name)
		save(d, t, first, now);
	return 0;
}
