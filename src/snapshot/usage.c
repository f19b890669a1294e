/* Counting a directory tree: an explicit stack, so that depth costs no C stack. */
#include "snapshot/usage.h"

#include "base/err.h"
#include "base/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEPTH_MAX 512 /* a descriptor each */

struct walk {
	DIR **v;
	size_t n;
};

static void walk_release(struct walk *w)
{
	for (size_t i = 0; i < w->n; i++)
		closedir(w->v[i]);
	free(w->v);
}

static int enter(struct walk *w, int parent, const char *name, struct err *e)
{
	if (w->n == DEPTH_MAX)
		return err_set(e, ERR_LIMIT, "directories nest deeper than %d", DEPTH_MAX);
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d) {
		int code = errno;
		if (fd >= 0)
			close(fd);
		return code == ENOENT && w->n
			       ? 0
			       : err_set(e, code, "open '%s': %s", name, strerror(code));
	}
	w->v = mem_realloc(w->v, w->n + 1, sizeof(*w->v));
	w->v[w->n++] = d;
	return 0;
}

int snapshot_usage_get(const char *path, struct snapshot_usage *ret, struct err *e)
{
	struct snapshot_usage u = {0};
	struct walk w cleanup(walk_release) = {NULL, 0};
	int r = enter(&w, AT_FDCWD, path, e);
	while (r >= 0 && w.n > 0) {
		DIR *d = w.v[w.n - 1];
		struct dirent *de = readdir(d);
		struct stat st;
		if (!de) {
			closedir(d);
			w.n--;
			continue;
		}
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
			fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		u.inodes++;
		u.bytes += (uint64_t)st.st_blocks * 512 / (S_ISDIR(st.st_mode) ? 1 : st.st_nlink);
		if (S_ISDIR(st.st_mode))
			r = enter(&w, dirfd(d), de->d_name, e);
	}
	if (r >= 0)
		*ret = u;
	return r;
}
