/* flock on a file; see the header. */
#include "base/lock.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

int lock_take(int dirfd, const char *path, enum lock_mode mode, bool wait, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_sys(e, "open lock '%s'", path);
	int op = (mode == LOCK_EXCLUSIVE ? LOCK_EX : LOCK_SH) | (wait ? 0 : LOCK_NB);
	int r;
	do
		r = flock(fd, op);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return err_sys(e, "lock '%s'", path);
	return STEAL_FD(fd);
}
