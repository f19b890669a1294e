/* Partial blobs: a locked file each, and one of marks; see the header. */
#include "store/partial.h"

#include "base/direct.h"
#include "base/io.h"
#include "base/mem.h"
#include "store/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define MARKS ".marks" /* struct store_partial_mark, one after another, of this machine only */
#define TRIES 100      /* the file may be renamed between our open and our lock, but not for ever */

struct store_partial {
	struct store *store;
	char digest[STORE_DIGEST_MAX];
	int fd;
	struct direct_file file; /* to write fd */
	uint64_t size;
	int marks; /* -1: none yet */
	uint64_t n_marks;
};

static void marks_name(const char *hex, char out[STORE_DIGEST_MAX])
{
	snprintf(out, STORE_DIGEST_MAX, "%s" MARKS, hex);
}

/* The marks go first: they are nothing without the file. */
static int remove_both(int dir, const char *hex)
{
	char name[STORE_DIGEST_MAX];
	marks_name(hex, name);
	(void)unlinkat(dir, name, 0);
	return store_unlink(dir, hex);
}

/* Opens the file and locks it; -EAGAIN: what was locked has lost its name meanwhile. */
static int open_locked(int dir, const char *hex, int flags, uint64_t *ret_size)
{
	int fd cleanup_fd = openat(dir, hex, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	struct stat st, named;
	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fstatat(dir, hex, &named, AT_SYMLINK_NOFOLLOW) < 0 || named.st_ino != st.st_ino)
		return -EAGAIN;
	*ret_size = (uint64_t)st.st_size;
	return STEAL_FD(fd);
}

static int take(int dir, const char *hex, int flags, uint64_t *ret_size)
{
	int fd = -EAGAIN;
	for (int i = 0; i < TRIES && fd == -EAGAIN; i++) {
		fd = open_locked(dir, hex, flags, ret_size);
		/* EWOULDBLOCK is EAGAIN: only a file that still has its name is really busy */
		if (fd == -EAGAIN && faccessat(dir, hex, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			break;
	}
	return fd;
}

static bool read_mark(const struct store_partial *p, uint64_t i, struct store_partial_mark *ret)
{
	return p->marks >= 0 && io_pread_full(p->marks, ret, sizeof(*ret),
					(off_t)(i * sizeof(*ret))) == (ssize_t)sizeof(*ret);
}

/* How many marks are of the first `size` bytes: what a crash has left behind them is not looked at. */
static uint64_t count_marks(const struct store_partial *p, uint64_t size)
{
	struct store_partial_mark m;
	uint64_t n = 0;
	for (uint64_t last = 0; read_mark(p, n, &m) && m.size > last && m.size <= size; n++)
		last = m.size;
	return n;
}

int store_partial_open(
	struct store *s, const char *digest, struct store_partial **ret, struct err *e)
{
	int r = store_check_digest(digest, e);
	int dir = r < 0 ? r : store_dir(s, STORE_DIR_PARTIAL, e);
	if (dir < 0)
		return dir;
	struct store_partial *p cleanup_store_partial = mem_alloc(sizeof(*p));
	p->store = s;
	store_copy_digest(p->digest, digest);
	char name[STORE_DIGEST_MAX];
	p->marks = -1;
	p->fd = take(dir, store_digest_hex(digest), O_CREAT, &p->size);
	p->file = DIRECT_FILE_INIT(p->fd);
	if (p->fd == -EWOULDBLOCK)
		return p->fd;
	if (p->fd < 0)
		return err_sysno(e, p->fd, "open the partial blob '%s'", digest);
	marks_name(store_digest_hex(digest), name);
	p->marks = openat(dir, name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	p->n_marks = count_marks(p, p->size);
	/* those behind are of bytes that a crash took: they must not count again when others come */
	if (p->marks >= 0 &&
		ftruncate(p->marks, (off_t)(p->n_marks * sizeof(struct store_partial_mark))) < 0)
		return err_sys(e, "open the partial blob '%s'", digest);
	*ret = STEAL(p);
	return 0;
}

void store_partial_free(struct store_partial *p)
{
	if (!p)
		return;
	if (p->fd >= 0 && p->size == 0)
		(void)remove_both(
			store_dir(p->store, STORE_DIR_PARTIAL, NULL), store_digest_hex(p->digest));
	if (p->fd >= 0)
		close(p->fd);
	if (p->marks >= 0)
		close(p->marks);
	free(p);
}

uint64_t store_partial_size(const struct store_partial *p)
{
	return p->size;
}

int store_partial_fd(struct store_partial *p)
{
	direct_end(&p->file);
	return p->fd;
}

int store_partial_append(struct store_partial *p, const void *data, size_t len, struct err *e)
{
	int r = direct_write(&p->file, data, len, p->size);
	if (r < 0)
		return err_sysno(e, r, "write a blob in '%s'", p->store->root);
	p->size += len;
	return 0;
}

bool store_partial_mark(const struct store_partial *p, uint64_t i, struct store_partial_mark *ret)
{
	return i < p->n_marks && read_mark(p, i, ret);
}

static int open_marks(struct store_partial *p, struct err *e)
{
	char name[STORE_DIGEST_MAX];
	int dir = store_dir(p->store, STORE_DIR_PARTIAL, e);
	if (dir < 0)
		return dir;
	marks_name(store_digest_hex(p->digest), name);
	p->marks = openat(dir, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	return p->marks < 0 ? err_sys(e, "mark the partial blob '%s'", p->digest) : 0;
}

int store_partial_add_mark(struct store_partial *p, const uint8_t digest[32], struct err *e)
{
	struct store_partial_mark m = {.size = p->size}, last;
	if (m.size == 0 ||
		(p->n_marks && read_mark(p, p->n_marks - 1, &last) && last.size == m.size))
		return 0;
	memcpy(m.digest, digest, sizeof(m.digest));
	int r = p->marks < 0 ? open_marks(p, e) : 0;
	if (r < 0)
		return r;
	r = io_pwrite_all(p->marks, &m, sizeof(m), (off_t)(p->n_marks * sizeof(m)));
	if (r < 0)
		return err_sysno(e, r, "mark the partial blob '%s'", p->digest);
	p->n_marks++;
	return 0;
}

int store_partial_cut(struct store_partial *p, uint64_t size, struct err *e)
{
	uint64_t n = count_marks(p, MIN(size, p->size));
	off_t marks = (off_t)(n * sizeof(struct store_partial_mark));
	if ((p->marks >= 0 && ftruncate(p->marks, marks) < 0) || ftruncate(p->fd, (off_t)size) < 0)
		return err_sys(e, "shorten the partial blob '%s'", p->digest);
	p->n_marks = n;
	p->size = size;
	return 0;
}

int store_partial_commit(struct store_partial *partial, struct err *e)
{
	struct store_partial *p cleanup_store_partial = partial;
	struct store *s = p->store;
	int from = store_dir(s, STORE_DIR_PARTIAL, e);
	int to = from < 0 ? from : store_dir(s, STORE_DIR_BLOBS, e);
	if (to < 0)
		return to;
	const char *hex = store_digest_hex(p->digest);
	if (renameat(from, hex, to, hex) < 0)
		return err_sys(e, "name blob '%s'", p->digest);
	char name[STORE_DIGEST_MAX];
	marks_name(hex, name);
	(void)unlinkat(from, name, 0);
	close(STEAL_FD(p->fd));
	return 0;
}

void store_partial_drop(struct store_partial *p)
{
	p->size = 0;
	store_partial_free(p);
}

static bool is_busy(int dir, const char *hex)
{
	int fd cleanup_fd = openat(dir, hex, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) < 0;
}

int store_partial_walk(struct store *s,
	int (*fn)(const char *digest, uint64_t size, int64_t touched, bool busy, void *arg),
	void *arg, struct err *e)
{
	int fd = openat(
		s->dirs[STORE_DIR_ROOT], "blobs/partial", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return 0;
	DIR *d cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "read '%s/blobs/partial'", s->root);
	struct dirent *de;
	while (errno = 0, (de = readdir(d))) {
		char digest[300];
		struct stat st;
		snprintf(digest, sizeof(digest), "sha256:%s", de->d_name);
		if (!store_digest_valid(digest) ||
			fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		int r = fn(digest, (uint64_t)st.st_size,
			st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec,
			is_busy(dirfd(d), de->d_name), arg);
		if (r < 0)
			return r;
	}
	return errno ? err_sys(e, "read '%s/blobs/partial'", s->root) : 0;
}

int store_partial_delete(struct store *s, const char *digest, struct err *e)
{
	int r = store_check_digest(digest, e);
	int dir = r < 0 ? r : store_dir(s, STORE_DIR_PARTIAL, e);
	if (dir < 0)
		return dir;
	uint64_t size;
	const char *hex = store_digest_hex(digest);
	int fd cleanup_fd = take(dir, hex, 0, &size);
	if (fd == -EWOULDBLOCK || fd == -ENOENT)
		return 0;
	if (fd < 0)
		return err_sysno(e, fd, "open the partial blob '%s'", digest);
	r = remove_both(dir, hex); /* while it is ours: who waits for it begins anew */
	return r < 0 ? err_sysno(e, r, "remove the partial blob '%s'", digest) : 1;
}
