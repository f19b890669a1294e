/* Taking away control groups whose creator was killed. */
#include "base/mem.h"
#include "runtime/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#define CGROUP_MOUNT "/sys/fs/cgroup"

/* dirfd: of a hierarchy's top, or of the directory that holds the hierarchies (v2: the same) */
static void sweep_below(
	int dirfd, const char *path, bool (*is_alive)(const char *name, void *arg), void *arg)
{
	int fd = openat(dirfd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return;
	for (struct dirent *x; (x = readdir(d));)
		if (x->d_type == DT_DIR && x->d_name[0] != '.' && !is_alive(x->d_name, arg))
			unlinkat(fd, x->d_name, AT_REMOVEDIR); /* fails while somebody is in it */
}

void runtime_cgroup_sweep(
	const char *parent, bool (*is_alive)(const char *name, void *arg), void *arg)
{
	DIR *d cleanup_dir = opendir(CGROUP_MOUNT);
	if (!d)
		return;
	sweep_below(dirfd(d), parent + 1, is_alive, arg);
	for (struct dirent *x; (x = readdir(d));) {
		if (x->d_type != DT_DIR || x->d_name[0] == '.')
			continue;
		cleanup_free char *path = mem_printf("%s%s", x->d_name, parent);
		sweep_below(dirfd(d), path, is_alive, arg);
	}
}
