/* Partial blobs of a directory; see the header. */
#include "transport/shelf_priv.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX    ".partial-"
#define NAME_MOST 96
#define PIECE     (256 * 1024)

static void name_of(const char *digest, char out[NAME_MOST])
{
	snprintf(out, NAME_MOST, PREFIX "%s", oci_digest_hex(digest));
}

int transport_shelf_mark(const struct transport_shelf *s, struct err *e)
{
	if (file_exists(s->dir, s->marker))
		return 0;
	return file_write(s->dir, s->marker, s->marker_bytes, s->marker_len, 0644, 0, e);
}

/* Calls fn for each; its first result that is not 0 ends the walk. */
static int walk(const struct transport_shelf *s, int (*fn)(int dir, const char *name))
{
	int fd = s->marker ? openat(s->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd < 0)
		return 0;
	DIR *d cleanup_dir = fdopendir(fd);
	if (!d) {
		close(fd);
		return 0;
	}
	int r = 0;
	struct dirent *entry;
	while (r == 0 && (entry = readdir(d)))
		if (str_starts(entry->d_name, PREFIX))
			r = fn(fd, entry->d_name);
	return r;
}

static int found(int dir, const char *name)
{
	return 1;
}

bool transport_shelf_empty(const struct transport_shelf *s)
{
	return walk(s, found) == 0;
}

static int drop_old(int dir, const char *name)
{
	struct stat st;
	int fd cleanup_fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
		clock_now() - (int64_t)st.st_mtime * CLOCK_NS_PER_S > STORE_PARTIAL_LEASE &&
		flock(fd, LOCK_EX | LOCK_NB) == 0)
		unlinkat(dir, name, 0);
	return 0;
}

void transport_shelf_sweep(const struct transport_shelf *s)
{
	(void)walk(s, drop_old);
}

int transport_partial_open(const struct transport_shelf *s, const char *digest,
	struct transport_partial *ret, struct err *e)
{
	char name[NAME_MOST];
	struct stat st, named;
	int r = transport_shelf_mark(s, e);
	if (r < 0)
		return r;
	name_of(digest, name);
	int fd cleanup_fd = openat(s->dir, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '%s'", name);
	if (!S_ISREG(st.st_mode))
		return err_set(e, ERR_FORMAT, "'%s' is not a file", name);
	/* whoever had the lock before us may have made a blob of it meanwhile */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 || fstat(fd, &st) < 0 ||
		fstatat(s->dir, name, &named, AT_SYMLINK_NOFOLLOW) < 0 || named.st_ino != st.st_ino)
		return 0;
	*ret = (struct transport_partial){
		.shelf = s, .fd = STEAL_FD(fd), .size = (uint64_t)st.st_size, .hash = sha256_new()};
	snprintf(ret->digest, sizeof(ret->digest), "%s", digest);
	return 1;
}

void transport_partial_release(struct transport_partial *p)
{
	char name[NAME_MOST];
	if (!p->shelf)
		return;
	name_of(p->digest, name);
	if (p->fd >= 0 && !p->size)
		unlinkat(p->shelf->dir, name, 0);
	if (p->fd >= 0)
		close(p->fd);
	sha256_free(p->hash);
	*p = (struct transport_partial){.fd = -1};
}

ssize_t transport_partial_replay(struct transport_partial *p, struct err *e)
{
	char *piece cleanup_free = mem_alloc(PIECE);
	size_t len = (size_t)MIN((uint64_t)PIECE, p->size - p->hashed);
	ssize_t n = len ? io_pread_full(p->fd, piece, len, (off_t)p->hashed) : 0;
	if (n < 0)
		return err_sysno(e, (int)n, "read a partial blob");
	if ((size_t)n < len)
		return err_set(e, ERR_DIGEST, "a partial blob has shrunk");
	sha256_add(p->hash, piece, (size_t)n);
	p->hashed += (uint64_t)n;
	return n;
}

int transport_partial_add(struct transport_partial *p, const void *data, size_t len, struct err *e)
{
	int r = io_pwrite_all(p->fd, data, len, (off_t)p->size);
	if (r < 0)
		return err_sysno(e, r, "write a blob");
	sha256_add(p->hash, data, len);
	p->size += len;
	p->hashed += len;
	return 0;
}

int transport_partial_reset(struct transport_partial *p, struct err *e)
{
	if (ftruncate(p->fd, 0) < 0)
		return err_sys(e, "empty a partial blob");
	sha256_free(p->hash);
	p->hash = sha256_new();
	p->size = p->hashed = 0;
	return 0;
}

int transport_partial_commit(struct transport_partial *p, struct err *e)
{
	char hex[SHA256_HEX], name[NAME_MOST];
	const char *want = oci_digest_hex(p->digest);
	name_of(p->digest, name);
	sha256_end_hex(p->hash, hex);
	if (!str_eq(hex, want))
		return err_set(e, ERR_DIGEST, "its %llu bytes have the digest sha256:%s",
			(unsigned long long)p->size, hex);
	if (renameat(p->shelf->dir, name, p->shelf->blobs, want) < 0)
		return err_sys(e, "rename to '%s'", want);
	close(STEAL_FD(p->fd));
	return 0;
}
