/* flock on a file; see the header. */
#include "base/lock.h"
#include "base/err.h"
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

static int lock_fd(int fd, int op, const char *path, struct err *e)
{
	int r;
	do
		r = flock(fd, op);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, "lock '%s'", path) : 0;
}

int lock_take(int dirfd, const char *path, enum lock_mode mode, bool wait, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "open lock '%s'", path);
	int r = lock_fd(
		fd, (mode == LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB), path, e);
	return r < 0 ? r : STEAL_FD(fd);
}

int lock_take_dir(int dirfd, const char *path, struct err *e)
{
	cleanup_fd int fd = file_open_dir(dirfd, path, e);
	int r = fd < 0 ? fd : lock_fd(fd, LOCK_EX, path, e);
	return r < 0 ? r : STEAL_FD(fd);
}
