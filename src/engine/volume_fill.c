/* Copies what an image has at a volume's place into the empty volume. Runs in the monitor's process
 * before the start: system calls and stack only. */
#include "base/copy.h"
#include "base/err.h"
#include "base/root.h"
#include "engine/volume.h"

#include <dirent.h>
#include <fcntl.h>
#include <string.h>

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	for (struct dirent *ent; d && (ent = readdir(d));)
		if (!is_dot(ent->d_name))
			return false;
	return d != NULL;
}

int engine_volume_fill(const char *path, int root, const char *destination, struct err *e)
{
	cleanup_fd int to = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (to < 0)
		return err_sys(e, "open volume '%s'", path);
	if (!is_empty(to))
		return 0;
	cleanup_fd int from = root_open(root, destination, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (from < 0)
		return 0;
	int r = copy_tree(from, to, e);
	return r < 0 ? err_wrap(e, r, "fill the volume for '%s'", destination) : 0;
}
