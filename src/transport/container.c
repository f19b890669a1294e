/* The two halves of a container's file system, and what in the upper one is no change. */
#include "transport/container_priv.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/root.h"
#include "base/str.h"
#include "layer/entry.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

void transport_container_release(struct transport_container *c)
{
	strv_release(&c->layers);
	free(c->upper);
	strv_release(&c->mountpoints);
	*c = (struct transport_container){0};
}

int transport_container_upper(const struct transport_container *c, struct err *e)
{
	if (!c->upper)
		return -ENOENT;
	int fd = open(c->upper, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno != ENOENT)
		return err_sys(e, "open '%s'", c->upper);
	return fd < 0 ? -ENOENT : fd;
}

static bool is_empty_dir(int root, const char *path)
{
	DIR *d cleanup_dir = NULL;
	int fd = root_open(root, path, O_RDONLY | O_DIRECTORY, 0, NULL);
	if (fd < 0 || !(d = fdopendir(fd)))
		return false;
	struct dirent *entry;
	while ((entry = readdir(d)))
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, ".."))
			return false;
	return true;
}

static bool is_stub(int upper, const char *path)
{
	int fd cleanup_fd = root_open_path(upper, path, true, NULL);
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	if (S_ISREG(st.st_mode))
		return st.st_size == 0;
	return S_ISDIR(st.st_mode) && is_empty_dir(upper, path);
}

int transport_container_stubs(const struct transport_container *c, int upper,
	struct transport_stack *image, struct strv *ret, struct err *e)
{
	for (size_t i = 0; i < c->mountpoints.n; i++) {
		char path[LIMIT_TAR_PATH + 1];
		if (layer_path_clean(c->mountpoints.v[i], path, NULL) <= 0 || !is_stub(upper, path))
			continue;
		struct layer_tree_node node;
		int r = transport_stack_find(image, path, &node, e);
		if (r < 0)
			return r;
		if (r == 0)
			strv_add(ret, path);
	}
	return 0;
}
