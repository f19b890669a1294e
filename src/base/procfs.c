/* Checked access to /proc; see the header. */
#include "base/procfs.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PROC_ROOT_INODE = 1 };

int procfs_open_root(struct err *e)
{
	struct statfs fs;
	struct stat st;
	cleanup_fd int fd = open("/proc", O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return err_sys(e, "open '/proc'");
	if (fs.f_type != PROC_SUPER_MAGIC || st.st_ino != PROC_ROOT_INODE)
		return err_set(e, ERR_STATE, "'/proc' of the host is not the root of a procfs");
	return STEAL_FD(fd);
}

int procfs_open_at(int root, const char *path, int flags)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC | O_NOCTTY),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_MAGICLINKS,
	};
	int fd = (int)syscall(SYS_openat2, root, path, &how, sizeof(how));
	return fd < 0 ? -errno : fd;
}

int procfs_open(const char *path, int flags, struct err *e)
{
	cleanup_fd int root = procfs_open_root(e);
	if (root < 0)
		return root;
	int fd = procfs_open_at(root, path, flags);
	return fd < 0 ? err_sysno(e, fd, "open '/proc/%s'", path) : fd;
}
