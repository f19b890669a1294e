/* Copies of trees; see the header. */
#include "base/copy.h"
#include "base/err.h"
#include "base/io.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

enum { MAX_DEPTH = 128 };

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static void copy_xattrs(int from, int to)
{
	char names[4096], value[4096];
	ssize_t len = flistxattr(from, names, sizeof(names));
	for (char *p = names; len > 0 && p < names + len; p += strlen(p) + 1) {
		if (strncmp(p, "user.", 5) != 0 && strcmp(p, "security.capability") != 0 &&
			strncmp(p, "system.posix_acl_", 17) != 0)
			continue;
		ssize_t n = fgetxattr(from, p, value, sizeof(value));
		if (n >= 0)
			fsetxattr(to, p, value, (size_t)n, 0);
	}
}

static int copy_attributes(int from, int to, const struct stat *st, struct err *e)
{
	struct timespec times[2] = {st->st_atim, st->st_mtim};
	if (fchown(to, st->st_uid, st->st_gid) < 0 || fchmod(to, st->st_mode & 07777) < 0)
		return err_sys(e, "set the owner of a copied file");
	copy_xattrs(from, to);
	futimens(to, times);
	return 0;
}

static int copy_file(int from, int to, const char *name, struct err *e)
{
	cleanup_fd int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;
	if (in < 0 || fstat(in, &st) < 0)
		return err_sys(e, "open '%s'", name);
	cleanup_fd int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (out < 0)
		return err_sys(e, "create '%s'", name);
	int64_t n = io_copy(in, out, UINT64_MAX);
	if (n < 0)
		return err_sysno(e, (int)n, "copy '%s'", name);
	return copy_attributes(in, out, &st, e);
}

static int copy_link(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	char target[4097];
	ssize_t n = readlinkat(from, name, target, sizeof(target) - 1);
	if (n < 0)
		return err_sys(e, "read the link '%s'", name);
	target[n] = 0;
	if (symlinkat(target, to, name) < 0 ||
		fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "make the link '%s'", name);
	return 0;
}

static int copy_node(int from, int to, const char *name, const struct stat *st, struct err *e)
{
	if (S_ISSOCK(st->st_mode))
		return 0;
	if (mknodat(to, name, st->st_mode, st->st_rdev) < 0 ||
		fchownat(to, name, st->st_uid, st->st_gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "make the node '%s'", name);
	return 0;
}

static int copy_entries(int from, int to, int depth, struct err *e);

static int copy_entry(int from, int to, const char *name, int depth, struct err *e)
{
	struct stat st;
	if (fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "stat '%s'", name);
	if (S_ISREG(st.st_mode))
		return copy_file(from, to, name, e);
	if (S_ISLNK(st.st_mode))
		return copy_link(from, to, name, &st, e);
	if (!S_ISDIR(st.st_mode))
		return copy_node(from, to, name, &st, e);
	const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
	if (mkdirat(to, name, 0700) < 0)
		return err_sys(e, "make directory '%s'", name);
	cleanup_fd int in = openat(from, name, flags);
	cleanup_fd int out = openat(to, name, flags);
	if (in < 0 || out < 0)
		return err_sys(e, "open directory '%s'", name);
	int r = copy_entries(in, out, depth + 1, e);
	return r < 0 ? r : copy_attributes(in, out, &st, e);
}

static int copy_entries(int from, int to, int depth, struct err *e)
{
	if (depth > MAX_DEPTH)
		return err_set(e, ERR_LIMIT, "directories are more than %d deep", MAX_DEPTH);
	int copy = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = copy < 0 ? NULL : fdopendir(copy);
	if (!d)
		return err_sys(e, "read a directory");
	for (struct dirent *ent; (ent = readdir(d));) {
		if (is_dot(ent->d_name))
			continue;
		int r = copy_entry(from, to, ent->d_name, depth, e);
		if (r < 0)
			return r;
	}
	return 0;
}

int copy_tree(int from, int to, struct err *e)
{
	struct stat st;
	if (fstat(from, &st) < 0)
		return err_sys(e, "stat the directory to copy");
	int r = copy_entries(from, to, 0, e);
	return r < 0 ? r : copy_attributes(from, to, &st, e);
}
