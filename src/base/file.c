/* Files by trusted path; see the header. Untrusted paths: root.c. */
#include "base/file.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/random.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int file_read(int dirfd, const char *path, struct buf *b, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	int r = io_read_to_end(fd, b);
	if (r == -ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "'%s' is larger than %zu bytes", path, b->max);
	if (r < 0)
		return err_sysno(e, r, "read '%s'", path);
	return 0;
}

/* The directory part of path, "." when it has none; the caller frees it. */
static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (!slash)
		return mem_strdup(".");
	return slash == path ? mem_strdup("/") : mem_strndup(path, (size_t)(slash - path));
}

int file_sync_dir(int dirfd, const char *path, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return err_sys(e, "sync directory '%s'", path);
	return 0;
}

/* Messages name the file that is wanted: the other one is gone when somebody reads them. */
static int write_temporary(int dirfd, const char *path, const char *tmp, const void *p, size_t len,
	mode_t mode, enum file_flags flags, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "create '%s'", path);
	int r = io_write_all(fd, p, len);
	if (r < 0)
		return err_sysno(e, r, "write '%s'", path);
	if ((flags & FILE_DURABLE) && fsync(fd) < 0)
		return err_sys(e, "sync '%s'", path);
	return 0;
}

int file_write(int dirfd, const char *path, const void *p, size_t len, mode_t mode,
	enum file_flags flags, struct err *e)
{
	char id[17];
	random_hex(id, 8);
	cleanup_free char *tmp = mem_printf("%s.tmp-%s", path, id);
	int r = write_temporary(dirfd, path, tmp, p, len, mode, flags, e);
	if (r == 0 && renameat(dirfd, tmp, dirfd, path) < 0)
		r = err_sys(e, "create '%s'", path);
	if (r < 0) {
		unlinkat(dirfd, tmp, 0);
		return r;
	}
	if (flags & FILE_DURABLE) {
		cleanup_free char *dir = parent_of(path);
		return file_sync_dir(dirfd, dir, e);
	}
	return 0;
}

bool file_exists(int dirfd, const char *path)
{
	struct stat st;
	return fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

int file_mkdirs(int dirfd, const char *path, mode_t mode, struct err *e)
{
	if (mkdirat(dirfd, path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return err_sys(e, "make directory '%s'", path);
	cleanup_free char *copy = mem_strdup(path);
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = 0;
		if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
			return err_sys(e, "make directory '%s'", copy);
		*p = '/';
	}
	if (mkdirat(dirfd, copy, mode) < 0 && errno != EEXIST)
		return err_sys(e, "make directory '%s'", path);
	return 0;
}

int file_open_dir(int dirfd, const char *path, struct err *e)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open directory '%s'", path) : fd;
}

static int remove_entries(int fd, dev_t dev, struct err *e);

static int remove_entry(int dirfd, const char *name, dev_t dev, struct err *e)
{
	if (unlinkat(dirfd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return err_sys(e, "remove '%s'", name);
	cleanup_fd int fd = openat(dirfd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	if (fd < 0 && errno == ENOENT) /* somebody removes the same tree */
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open directory '%s'", name);
	if (st.st_dev != dev)
		return err_set(e, EBUSY, "'%s' is a mount point, not removed", name);
	int r = remove_entries(fd, dev, e);
	if (r < 0)
		return r;
	if (unlinkat(dirfd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return err_sys(e, "remove directory '%s'", name);
	return 0;
}

static int remove_entries(int fd, dev_t dev, struct err *e)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return err_sys(e, "read directory");
	for (struct dirent *ent; (ent = readdir(d));) {
		if (strcmp(ent->d_name, ".") == 0 || strcmp(ent->d_name, "..") == 0)
			continue;
		int r = remove_entry(fd, ent->d_name, dev, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int file_remove_tree(int dirfd, const char *path, struct err *e)
{
	struct stat st;
	if (fstatat(dirfd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "stat '%s'", path);
	return remove_entry(dirfd, path, st.st_dev, e);
}

int file_open_unnamed(int dirfd, const char *dir, struct err *e)
{
	int fd = openat(dirfd, dir, O_RDWR | O_TMPFILE | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	char id[17];
	random_hex(id, 8);
	cleanup_free char *path = mem_printf("%s/unnamed-%s", dir, id);
	fd = openat(dirfd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "create a temporary file in '%s'", dir);
	unlinkat(dirfd, path, 0);
	return fd;
}
