/* openat2 inside an untrusted root; see the header. */
#include "base/root.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The kernel answers EAGAIN when a rename raced with "..": a few tries, as openat2(2) advises. */
enum { TRIES = 32 };

static int open_in_root(int rootfd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned int)(flags | O_CLOEXEC),
		.mode = flags & (O_CREAT | (O_TMPFILE & ~O_DIRECTORY)) ? mode & 07777 : 0,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS,
	};
	const char *p = *path ? path : ".";
	for (int i = 0; i < TRIES; i++) {
		long fd = syscall(SYS_openat2, rootfd, p, &how, sizeof(how));
		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			break;
	}
	return -errno;
}

int root_open(int rootfd, const char *path, int flags, mode_t mode, struct err *e)
{
	int fd = open_in_root(rootfd, path, flags, mode);
	return fd < 0 ? err_sysno(e, fd, "open '%s'", path) : fd;
}

int root_open_path(int rootfd, const char *path, bool nofollow, struct err *e)
{
	return root_open(rootfd, path, O_PATH | (nofollow ? O_NOFOLLOW : 0), 0, e);
}

/* Makes what a dangling link or a missing component at path asks for: one directory. */
static int make_one(int rootfd, const char *path, mode_t mode)
{
	const char *name;
	cleanup_fd int parent = root_open_parent(rootfd, path, &name, NULL);
	if (parent < 0)
		return parent;
	if (mkdirat(parent, name, mode) < 0 && errno != EEXIST)
		return -errno;
	return 0;
}

int root_mkdirs(int rootfd, const char *path, mode_t mode, struct err *e)
{
	int fd = open_in_root(rootfd, path, O_PATH | O_DIRECTORY, 0);
	if (fd >= 0)
		return fd;
	if (fd != -ENOENT)
		return err_sysno(e, fd, "open directory '%s'", path);
	/* usually only the last level is missing */
	if (make_one(rootfd, path, mode) == 0 &&
		(fd = open_in_root(rootfd, path, O_PATH | O_DIRECTORY, 0)) >= 0)
		return fd;
	cleanup_free char *copy = mem_strdup(path);
	for (char *p = copy;; p++) {
		if (*p && !(*p == '/' && p > copy))
			continue;
		char end = *p;
		*p = 0;
		cleanup_fd int have = open_in_root(rootfd, copy, O_PATH | O_DIRECTORY, 0);
		int r = have == -ENOENT ? make_one(rootfd, copy, mode) : MIN(have, 0);
		if (r < 0)
			return err_sysno(e, r, "make directory '%s'", copy);
		*p = end;
		if (!end)
			break;
	}
	fd = open_in_root(rootfd, path, O_PATH | O_DIRECTORY, 0);
	return fd < 0 ? err_sysno(e, fd, "open directory '%s'", path) : fd;
}

int root_read(int rootfd, const char *path, struct buf *b, struct err *e)
{
	cleanup_fd int fd = root_open(rootfd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0, e);
	if (fd < 0)
		return fd;
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '%s'", path);
	if (!S_ISREG(st.st_mode))
		return err_set(e, EINVAL, "'%s' is not a regular file", path);
	int r = io_read_to_end(fd, b);
	if (r == -ERR_LIMIT)
		return err_set(e, ERR_LIMIT, "'%s' is larger than %zu bytes", path, b->max);
	return r < 0 ? err_sysno(e, r, "read '%s'", path) : 0;
}

int root_open_parent(int rootfd, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return err_set(e, EINVAL, "'%s' does not end in a name", path);
	cleanup_free char *dir =
		slash ? mem_strndup(path, (size_t)(slash - path)) : mem_strdup(".");
	int fd = root_open(rootfd, *dir ? dir : "/", O_RDONLY | O_DIRECTORY, 0, e);
	if (fd >= 0)
		*ret_name = name;
	return fd;
}
