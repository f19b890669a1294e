/* Loop devices, for kernels that cannot mount EROFS from a file (before 6.12). */
#include "base/err.h"
#include "snapshot/mount_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define ATTEMPTS 64 /* another process may take the free device before we do */

static int attach_once(int control, int file, char path[32], struct err *e)
{
	int n = ioctl(control, LOOP_CTL_GET_FREE);
	if (n < 0)
		return err_sys(e, "find a free loop device");
	snprintf(path, 32, "/dev/loop%d", n);
	int fd cleanup_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	struct loop_config c = {
		.fd = file,
		.info = {.lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR},
	};
	if (ioctl(fd, LOOP_CONFIGURE, &c) == 0)
		return STEAL_FD(fd);
	return errno == EBUSY ? -EBUSY : err_sys(e, "bind a layer to '%s'", path);
}

int loop_attach(const char *file, char path[32], struct err *e)
{
	int fd cleanup_fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", file);
	int control cleanup_fd = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return err_sys(e, "open '/dev/loop-control'");
	int r = -EBUSY;
	for (int i = 0; i < ATTEMPTS && r == -EBUSY; i++)
		r = attach_once(control, fd, path, e);
	return r == -EBUSY ? err_set(e, EBUSY, "no loop device is free") : r;
}
