/* Where copied things go: the image's own directories, repeated or made. */
#include "build/dest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "build/tree.h"
#include "layer/writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

void build_dest_release(struct build_dest *d)
{
	set_release(&d->dirs);
}

/* ---- extended attributes ---- */

void build_xattrs_release(struct build_xattrs *x)
{
	free(x->v);
	free(x->bytes);
	*x = (struct build_xattrs){0};
}

/* Of a file's attributes those that belong to its content: the host's own labels stay behind. */
static bool travels(const char *name)
{
	return str_starts(name, "user.") || str_eq(name, "security.capability") ||
	       str_starts(name, "system.posix_acl_");
}

int build_xattrs_read(int fd, const char *path, struct build_xattrs *ret, struct err *e)
{
	*ret = (struct build_xattrs){0};
	ssize_t len = flistxattr(fd, NULL, 0);
	if (len == 0 || (len < 0 && (errno == ENOTSUP || errno == EPERM || errno == EBADF)))
		return 0;
	if (len < 0 || len > LIMIT_TAR_XATTRS)
		return err_sys(e, "read the attributes of '%s'", path);
	cleanup_free char *names = mem_alloc((size_t)len + 1);
	len = flistxattr(fd, names, (size_t)len);
	if (len < 0)
		return err_sys(e, "read the attributes of '%s'", path);
	/* names and values live in one block, sized for the worst case first */
	size_t total = (size_t)len, count = 0;
	for (char *n = names; n < names + len; n += strlen(n) + 1)
		if (travels(n)) {
			ssize_t size = fgetxattr(fd, n, NULL, 0);
			total += size > 0 ? (size_t)size : 0;
			count++;
		}
	if (!count || total > LIMIT_TAR_XATTRS)
		return 0;
	ret->bytes = mem_alloc(total + 1);
	ret->v = mem_array(count, sizeof(*ret->v));
	char *at = ret->bytes;
	char *end = at + total;
	for (char *n = names; n < names + len && ret->n < count; n += strlen(n) + 1) {
		size_t name_len = strlen(n) + 1;
		if (!travels(n) || at + name_len > end)
			continue;
		memcpy(at, n, name_len);
		ssize_t size = fgetxattr(fd, n, at + name_len, (size_t)(end - at) - name_len);
		if (size < 0)
			continue;
		ret->v[ret->n++] = (struct layer_xattr){at, at + name_len, (size_t)size};
		at += name_len + (size_t)size;
	}
	return 0;
}

/* ---- the image below ---- */

int build_dest_type(const struct build_dest *d, const char *path, struct err *e)
{
	if (d->rootfd < 0)
		return *path ? 0 : S_IFDIR;
	cleanup_fd int fd = root_open_path(d->rootfd, *path ? path : ".", true, NULL);
	if (fd == -ENOENT || fd == -ENOTDIR)
		return 0;
	struct stat st;
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sysno(e, fd < 0 ? fd : -errno, "look at '/%s' in the image", path);
	return st.st_mode & S_IFMT;
}

int build_dest_resolve(const struct build_dest *d, const char *path, char **ret, struct err *e)
{
	if (d->rootfd < 0) {
		char clean[LIMIT_TAR_PATH + 1];
		int r = layer_path_clean(path, clean, e);
		if (r >= 0)
			*ret = mem_strdup(clean);
		return r < 0 ? r : 0;
	}
	int r = build_path_resolve(
		d->rootfd, path, BUILD_RESOLVE_INSIDE | BUILD_RESOLVE_MISSING, ret, e);
	if (r == -ENOTDIR)
		return err_set(e, ENOTDIR, "'%s': something on the way is not a directory", path);
	return r < 0 ? err_wrap(e, r, "resolve '%s' in the image", path) : 0;
}

/* Repeats a directory of the image in the layer. */
static int repeat(struct build_dest *d, int fd, const char *path, struct err *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0)
		return err_sys(e, "stat '/%s' in the image", path);
	if (!S_ISDIR(st.st_mode))
		return err_set(e, ENOTDIR, "'/%s' in the image is not a directory", path);
	struct build_xattrs x cleanup(build_xattrs_release) = {0};
	int r = build_xattrs_read(fd, path, &x, e);
	if (r < 0)
		return r;
	struct layer_entry entry = {
		.path = path,
		.type = LAYER_DIR,
		.mode = st.st_mode & 07777,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.mtime = st.st_mtim.tv_sec,
		.xattrs = x.v,
		.n_xattrs = x.n,
	};
	return layer_writer_add(d->w, &entry, -1, e);
}

static int one_dir(struct build_dest *d, const char *path, struct err *e)
{
	if (!set_add(&d->dirs, path, 0, NULL))
		return 0;
	cleanup_fd int fd = d->rootfd < 0 ? -ENOENT
					  : root_open(d->rootfd, path,
						    O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0, NULL);
	if (fd >= 0)
		return repeat(d, fd, path, e);
	if (fd == -ENOTDIR)
		return err_set(e, ENOTDIR, "'/%s' in the image is not a directory", path);
	if (fd != -ENOENT)
		return err_sysno(e, fd, "look at '/%s' in the image", path);
	struct layer_entry entry = {
		.path = path,
		.type = LAYER_DIR,
		.mode = 0755,
		.uid = d->uid,
		.gid = d->gid,
		.mtime = d->time,
	};
	return layer_writer_add(d->w, &entry, -1, e);
}

int build_dest_parents(struct build_dest *d, const char *path, struct err *e)
{
	for (const char *p = strchr(path, '/'); p; p = strchr(p + 1, '/')) {
		cleanup_free char *part = mem_strndup(path, (size_t)(p - path));
		int r = one_dir(d, part, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int build_dest_dir(struct build_dest *d, const char *path, struct err *e)
{
	int r = build_dest_parents(d, path, e);
	return r < 0 || !*path ? r : one_dir(d, path, e);
}

int build_dest_add(
	struct build_dest *d, const struct layer_entry *entry, int data_fd, struct err *e)
{
	const char *slash = strrchr(entry->path, '/');
	const char *name = slash ? slash + 1 : entry->path;
	if (str_starts(name, LAYER_WHITEOUT_PREFIX)) {
		int r = err_set(e, ERR_FORMAT, "'%s' cannot be stored in a layer", entry->path);
		err_hint(e, "names that begin with '%s' stand for deleted files there",
			LAYER_WHITEOUT_PREFIX);
		return r;
	}
	if (slash) {
		/* mostly the same directory again: one look-up instead of a walk */
		cleanup_free char *dir = mem_strndup(entry->path, (size_t)(slash - entry->path));
		int r = set_has(&d->dirs, dir, NULL) ? 0 : build_dest_dir(d, dir, e);
		if (r < 0)
			return r;
	}
	if (entry->type == LAYER_DIR)
		set_add(&d->dirs, entry->path, 0, NULL);
	return layer_writer_add(d->w, entry, data_fd, e);
}
