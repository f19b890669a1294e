/*
 * Device nodes, the usual links below /dev, masked and read-only paths, sysctls:
 * everything on descriptors, so that a hostile root file system redirects none.
 */
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"

#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

static mode_t type_bits(char type)
{
	return type == 'b' ? S_IFBLK : type == 'p' ? S_IFIFO : S_IFCHR;
}

/* /dev, which stays open for all that goes into it; borrowed */
static int open_dev(struct child *k, struct err *e)
{
	if (k->dev < 0)
		k->dev = root_mkdirs(k->root, "/dev", 0755, e);
	return k->dev;
}

/* The directory that the node goes into; *ret_own is what the caller has to close. */
static int parent_of(
	struct child *k, const char *path, const char **name, int *ret_own, struct err *e)
{
	const char *slash = strrchr(path, '/');
	*name = slash + 1;
	if (!**name)
		return err_set(e, ERR_FORMAT, "the path has no name");
	cleanup_free char *dir = mem_strndup(path, (size_t)(slash - path));
	if (str_eq(dir, "/dev"))
		return open_dev(k, e);
	return *ret_own = root_mkdirs(k->root, *dir ? dir : "/", 0755, e);
}

static bool same_device(const struct stat *st, const struct runtime_device *d)
{
	return (st->st_mode & S_IFMT) == type_bits(d->type) &&
	       (d->type == 'p' || st->st_rdev == makedev(d->major, d->minor));
}

/* A user namespace, the container's or our own, cannot make nodes: those of the host are bound, onto
 * an empty file. */
static int bind_device(
	struct child *k, int dir, const char *name, const struct runtime_device *d, struct err *e)
{
	struct stat st;
	cleanup_fd int node = open(d->path, O_PATH | O_CLOEXEC);
	if (node < 0 || fstat(node, &st) < 0)
		return err_sys(e, "the host's, which a user namespace needs");
	if (!same_device(&st, d))
		return err_set(e, ERR_FORMAT, "the host's is another device");
	if (mknodat(dir, name, S_IFREG | 0666, 0) < 0 && errno != EEXIST)
		return err_sys(e, "make a file for it");
	cleanup_fd int file = openat(dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (file < 0 || fstat(file, &st) < 0)
		return err_sys(e, "open");
	if (!S_ISREG(st.st_mode))
		return err_set(e, EEXIST, "something else is there");
	cleanup_fd int tree =
		sys_open_tree(node, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || child_cut_off(k, tree) < 0 || child_attach(tree, file) < 0)
		return err_sys(e, "bind");
	return 0;
}

static int make_device(struct child *k, const struct runtime_device *d, struct err *e)
{
	const char *name;
	struct stat st;
	cleanup_fd int own = -1;
	int dir = parent_of(k, d->path, &name, &own, e);
	if (dir < 0)
		return dir;
	/* umask is 0 here: the mode is exact */
	if (mknodat(dir, name, type_bits(d->type) | d->mode, makedev(d->major, d->minor)) < 0) {
		int error = errno;
		bool there = fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
		if (there && same_device(&st, d))
			error = 0;
		else if (error == EPERM || (k->bring_to_root && there && S_ISREG(st.st_mode)))
			return bind_device(k, dir, name, d, e);
		else if (error == EEXIST)
			return err_set(e, EEXIST, "something else is there");
		if (error)
			return err_sysno(e, error, "make");
	}
	if ((d->uid || d->gid) && fchownat(dir, name, d->uid, d->gid, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "owner");
	return 0;
}

int child_do_device(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_device *d = s->item;
	int r = make_device(k, d, e);
	return r < 0 ? err_wrap(e, r, "linux.devices: '%s'", d->path) : 0;
}

int child_do_dev_links(struct child *k, const struct runtime_step *s, struct err *e)
{
	static const struct {
		const char *name, *target;
	} links[] = {
		{"fd", "/proc/self/fd"},
		{"stdin", "/proc/self/fd/0"},
		{"stdout", "/proc/self/fd/1"},
		{"stderr", "/proc/self/fd/2"},
		{"core", "/proc/kcore"},
		{"ptmx", "pts/ptmx"},
	};
	int dir = open_dev(k, e);
	if (dir < 0)
		return dir;
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		if (symlinkat(links[i].target, dir, links[i].name) < 0 && errno != EEXIST)
			return err_sys(e, "make link '/dev/%s'", links[i].name);
	return 0;
}

/* ---- paths that are hidden or cannot be changed ---- */

static int cover_dir(struct child *k, int target, const char *path, struct err *e)
{
	cleanup_fd int fd = -1;
	bool first = k->empty < 0;
	if (first) {
		const char *size[] = {"nr_blocks=1", "nr_inodes=1", NULL}; /* 0: no limit */
		const struct runtime_mount m = {.destination = path,
			.type = "tmpfs",
			.source = "tmpfs",
			.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
				    MOUNT_ATTR_NOEXEC,
			.data = {size, 2}};
		fd = child_new_fs(&m, e);
		if (fd < 0)
			return fd;
	} else {
		fd = sys_open_tree(
			k->empty, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	}
	if (fd < 0 || child_attach(fd, target) < 0)
		return err_sys(e, "mask '%s'", path);
	if (first)
		k->empty = STEAL_FD(fd);
	return 0;
}

/* /dev/null of the host, which no root file system can have replaced; opened before the pivot */
static int null_device(struct child *k, struct err *e)
{
	struct stat st;
	if (k->null_dev >= 0)
		return 0;
	k->null_dev = open("/dev/null", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (k->null_dev < 0)
		return err_sys(e, "open '/dev/null'");
	if (fstat(k->null_dev, &st) < 0 || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(1, 3))
		return err_set(e, ERR_STATE, "'/dev/null' of the host is not the null device");
	return 0;
}

int child_do_mask_path(struct child *k, const struct runtime_step *s, struct err *e)
{
	const char *path = s->item;
	struct stat st;
	cleanup_fd int target = root_open_path(k->root, path, false, NULL);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sysno(e, target, "mask '%s'", path);
	if (fstat(target, &st) < 0)
		return err_sys(e, "mask '%s'", path);
	if (S_ISDIR(st.st_mode))
		return cover_dir(k, target, path, e);
	int r = null_device(k, e);
	if (r < 0)
		return r;
	cleanup_fd int fd =
		sys_open_tree(k->null_dev, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || child_cut_off(k, fd) < 0 || child_attach(fd, target) < 0)
		return err_sys(e, "mask '%s'", path);
	return 0;
}

int child_do_readonly_path(struct child *k, const struct runtime_step *s, struct err *e)
{
	const char *path = s->item;
	cleanup_fd int target = root_open_path(k->root, path, false, NULL);
	if (target == -ENOENT || target == -ENOTDIR)
		return 0;
	if (target < 0)
		return err_sysno(e, target, "make '%s' read-only", path);
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	cleanup_fd int fd = sys_open_tree(
		target, "", AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0 || sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a) < 0 ||
		child_attach(fd, target) < 0)
		return err_sys(e, "make '%s' read-only", path);
	return 0;
}

/* ---- sysctl: on a procfs of our own making, not on what the root calls /proc ---- */

int child_do_sysctl(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_pair *p = s->item;
	int proc = child_proc(k, e);
	if (proc < 0)
		return proc;
	cleanup_free char *name = runtime_sysctl_path(k->c, p->key, NULL);
	cleanup_free char *path = mem_printf("sys/%s", name ? name : "");
	struct open_how how = {.flags = O_WRONLY | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS};
	cleanup_fd int fd = (int)syscall(SYS_openat2, proc, path, &how, sizeof(how));
	if (fd < 0)
		return err_sys(e, "sysctl '%s'", p->key);
	if (write(fd, p->value, strlen(p->value)) < 0)
		return err_sys(e, "sysctl '%s' = '%s'", p->key, p->value);
	return 0;
}
