/* Blobs by name: finding, reading, removing. Writing, which hashes, is in blob_write.c. */
#include "store/blob.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "store/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The directory and the blob's name in it. */
static int locate(struct store *s, const char *digest, const char **ret_name, struct err *e)
{
	int r = store_check_digest(digest, e);
	if (r < 0)
		return r;
	*ret_name = store_digest_hex(digest);
	return store_dir(s, STORE_DIR_BLOBS, e);
}

bool store_blob_has(struct store *s, const char *digest, uint64_t *ret_size)
{
	const char *name;
	struct stat st;
	int dir = locate(s, digest, &name, NULL);
	if (dir < 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode))
		return false;
	if (ret_size)
		*ret_size = st.st_size;
	return true;
}

int store_blob_open(struct store *s, const char *digest, struct err *e)
{
	const char *name;
	int dir = locate(s, digest, &name, e);
	if (dir < 0)
		return dir;
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? err_sys(e, "open blob '%s'", digest) : fd;
}

int store_blob_read(struct store *s, const char *digest, struct buf *b, struct err *e)
{
	const char *name;
	int dir = locate(s, digest, &name, e);
	int r = dir < 0 ? dir : file_read(dir, name, b, e);
	return r < 0 ? err_wrap(e, r, "blob '%s'", digest) : 0;
}

int store_blob_delete(struct store *s, const char *digest, struct err *e)
{
	const char *name;
	int dir = locate(s, digest, &name, e);
	if (dir < 0)
		return dir;
	int r = store_unlink(dir, name);
	return r < 0 && r != -ENOENT ? err_sysno(e, r, "remove blob '%s'", digest) : 0;
}

int store_blob_sync(struct store *s, const char *digest, struct err *e)
{
	const char *name;
	int dir = locate(s, digest, &name, e);
	if (dir < 0)
		return dir;
	int r = store_sync_at(dir, name, e);
	return r < 0 ? r : store_sync_at(dir, NULL, e);
}

char *store_blob_path(struct store *s, const char *digest)
{
	const char *hex = store_digest_hex(digest);
	return mem_printf("%s/blobs/sha256/%s", s->root, hex ? hex : "");
}

int store_blob_walk(struct store *s,
	int (*fn)(const char *digest, uint64_t size, int64_t mtime, void *arg), void *arg,
	struct err *e)
{
	int base = store_dir(s, STORE_DIR_BLOBS, e);
	if (base < 0)
		return base;
	int fd = openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "read '%s/blobs/sha256'", s->root);
	struct dirent *de;
	while (errno = 0, (de = readdir(d))) {
		char digest[300];
		struct stat st;
		snprintf(digest, sizeof(digest), "sha256:%s", de->d_name);
		if (!store_digest_valid(digest) ||
			fstatat(base, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		int r = fn(digest, st.st_size,
			st.st_mtim.tv_sec * 1000000000LL + st.st_mtim.tv_nsec, arg);
		if (r < 0)
			return r;
	}
	return errno ? err_sys(e, "read '%s/blobs/sha256'", s->root) : 0;
}
