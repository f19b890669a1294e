/*
 * The root file system and the mounts of a container. Destinations are resolved
 * inside the root (openat2); mounts are made detached, get their attributes, and
 * only then are moved onto the descriptor of their destination, so that nothing
 * in the root can redirect them.
 */
#include "base/err.h"
#include "base/root.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"

#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int child_do_propagation(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (mount(NULL, "/", NULL, (unsigned long)s->number, NULL) < 0)
		return err_sys(e, "make the mounts of the host private here");
	return 0;
}

int child_attach(int mount_fd, int target_fd)
{
	return sys_move_mount(
		mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

int child_do_root(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (k->mount_root) {
		int r = k->mount_root(k->mount_root_ctx, k->root_path, e);
		if (r < 0)
			return r;
		k->root = open(k->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return k->root < 0 ? err_sys(e, "open root '%s'", k->root_path) : 0;
	}
	/* pivot_root wants a mount: the directory is bound onto itself */
	k->root = sys_open_tree(
		AT_FDCWD, k->root_path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (k->root < 0)
		return err_sys(e, "open root '%s'", k->root_path);
	if (sys_move_mount(k->root, "", AT_FDCWD, k->root_path,
		    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_SYMLINKS) < 0)
		return err_sys(e, "mount root '%s'", k->root_path);
	return 0;
}

/* ---- one mount ---- */

static int set_attrs(int fd, uint64_t set, uint64_t clr, unsigned long propagation, bool recursive)
{
	struct mount_attr a = {.attr_set = set, .attr_clr = clr, .propagation = propagation};
	if (!set && !clr && !propagation)
		return 0;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a);
}

/* fsopen keeps what the kernel has to say about a failure: "e tmpfs: Bad value for 'size'" */
static int fs_error(int fsfd, const struct runtime_mount *m, const char *what, struct err *e)
{
	int saved = errno;
	char text[512];
	ssize_t n = read(fsfd, text, sizeof(text) - 1);
	if (n > 2) {
		text[n] = 0;
		text[strcspn(text, "\n")] = 0;
		return err_sysno(
			e, saved, "mount %s at '%s': %s", m->type, m->destination, text + 2);
	}
	return err_sysno(e, saved, "mount %s at '%s': %s", m->type, m->destination, what);
}

static int fs_option(int fsfd, const char *word)
{
	char key[64];
	const char *eq = strchr(word, '=');
	if (!eq)
		return sys_fsconfig(fsfd, FSCONFIG_SET_FLAG, word, NULL, 0);
	size_t len = (size_t)(eq - word);
	if (len >= sizeof(key)) {
		errno = EINVAL;
		return -1;
	}
	memcpy(key, word, len);
	key[len] = 0;
	return sys_fsconfig(fsfd, FSCONFIG_SET_STRING, key, eq + 1, 0);
}

int child_new_fs(const struct runtime_mount *m, struct err *e)
{
	cleanup_fd int fsfd = sys_fsopen(m->type, FSOPEN_CLOEXEC);
	if (fsfd < 0)
		return err_sys(e, "mount type '%s' for '%s'", m->type, m->destination);
	if (!str_empty(m->source) &&
		sys_fsconfig(fsfd, FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
		return fs_error(fsfd, m, "source", e);
	for (size_t i = 0; i < m->data.n; i++)
		if (fs_option(fsfd, m->data.v[i]) < 0)
			return fs_error(fsfd, m, m->data.v[i], e);
	if (m->sb_readonly && sys_fsconfig(fsfd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return fs_error(fsfd, m, "ro", e);
	if (sys_fsconfig(fsfd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return fs_error(fsfd, m, "create", e);
	int fd = sys_fsmount(fsfd, FSMOUNT_CLOEXEC, (unsigned)m->attr_set);
	return fd < 0 ? fs_error(fsfd, m, "mount", e) : fd;
}

static int new_bind(const struct runtime_mount *m, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (m->bind_rec ? AT_RECURSIVE : 0);
	cleanup_fd int fd = sys_open_tree(AT_FDCWD, m->source, flags);
	if (fd < 0)
		return err_sys(e, "bind '%s' to '%s'", m->source, m->destination);
	if (set_attrs(fd, m->attr_set, m->attr_clr, 0, false) < 0)
		return err_sys(e, "attributes of mount '%s'", m->destination);
	return STEAL_FD(fd);
}

/* A file system that lies over a link would appear elsewhere than everybody after it expects. */
static int check_not_link(struct child *k, const struct runtime_mount *m, struct err *e)
{
	struct stat st;
	cleanup_fd int fd = root_open_path(k->root, m->destination, true, NULL);
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(e, ERR_FORMAT, "mount %s: '%s' in the root is a symbolic link",
			m->type, m->destination);
	return 0;
}

/* An empty file to bind a file onto */
static int make_file(struct child *k, const char *path, struct err *e)
{
	const char *slash = strrchr(path, '/');
	if (slash && slash != path) {
		char dir[4096];
		if ((size_t)(slash - path) >= sizeof(dir))
			return err_sysno(e, ENAMETOOLONG, "make '%s'", path);
		memcpy(dir, path, (size_t)(slash - path));
		dir[slash - path] = 0;
		cleanup_fd int parent = root_mkdirs(k->root, dir, 0755, e);
		if (parent < 0)
			return parent;
	}
	cleanup_fd int fd =
		root_open(k->root, path, O_CREAT | O_WRONLY | O_NOCTTY | O_NONBLOCK, 0644, e);
	if (fd < 0)
		return fd;
	return root_open_path(k->root, path, false, e);
}

/* The destination as a descriptor; made when it is missing. */
static int open_target(struct child *k, const struct runtime_mount *m, bool dir, struct err *e)
{
	cleanup_fd int fd = -1;
	if (dir) {
		fd = root_mkdirs(k->root, m->destination, 0755, e);
	} else {
		fd = root_open_path(k->root, m->destination, false, NULL);
		if (fd == -ENOENT)
			fd = make_file(k, m->destination, e);
		else if (fd < 0)
			return err_sysno(e, fd, "open '%s'", m->destination);
	}
	if (fd < 0)
		return err_wrap(e, fd, "mount '%s'", m->destination);
	/* a link in the image must not put somebody's volume over a file of procfs */
	struct statfs fs;
	bool on_proc = fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
	if (on_proc && !str_starts(m->destination, "/proc"))
		return err_set(e, ERR_FORMAT, "mount '%s': leads into procfs", m->destination);
	return STEAL_FD(fd);
}

static int mount_is_dir(int fd)
{
	struct stat st;
	return fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
}

static int finish_mount(struct child *k, const struct runtime_mount *m, int fd, struct err *e)
{
	if (set_attrs(fd, m->attr_set_rec, m->attr_clr_rec, 0, true) < 0)
		return err_sys(e, "attributes of mount '%s'", m->destination);
	if (set_attrs(fd, 0, 0, m->propagation, m->propagation_rec) < 0)
		return err_sys(e, "propagation of mount '%s'", m->destination);
	if (str_eq(m->type, "proc") && k->proc < 0)
		k->proc = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return 0;
}

int child_do_mount(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_mount *m = s->item;
	if (m->tmpcopyup || m->copy_symlink)
		return err_set(e, ERR_UNSUPPORTED, "mount '%s': %s is not supported",
			m->destination, m->tmpcopyup ? "tmpcopyup" : "copy-symlink");
	if (!m->bind && str_eq(m->type, "cgroup")) {
		cleanup_fd int at = open_target(k, m, true, e);
		return at < 0 ? at : child_mount_cgroup(k, m, at, e);
	}
	cleanup_fd int fd = m->bind ? new_bind(m, e) : child_new_fs(m, e);
	if (fd < 0)
		return fd;
	int r = m->bind ? 0 : check_not_link(k, m, e);
	if (r < 0)
		return r;
	cleanup_fd int target = open_target(k, m, mount_is_dir(fd), e);
	if (target < 0)
		return target;
	if (child_attach(fd, target) < 0)
		return err_sys(e, "mount '%s'", m->destination);
	return finish_mount(k, m, fd, e);
}

int child_proc(struct child *k, struct err *e)
{
	if (k->proc < 0) {
		const struct runtime_mount proc = {
			.destination = "/proc", .type = "proc", .source = "proc"};
		k->proc = child_new_fs(&proc, e);
	}
	return k->proc;
}

/* ---- the root as a whole ---- */

int child_do_root_readonly(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (set_attrs(k->root, MOUNT_ATTR_RDONLY, 0, 0, false) < 0)
		return err_sys(e, "make the root read-only");
	return 0;
}

int child_do_pivot(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (fchdir(k->root) < 0)
		return err_sys(e, "change to the root '%s'", k->root_path);
	if (k->no_pivot) {
		if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
			return err_sys(e, "move the root '%s'", k->root_path);
	} else {
		/* the old root lands on top of the new one: no directory is needed for it */
		if (syscall(SYS_pivot_root, ".", ".") < 0)
			return err_sys(e, "pivot_root '%s'", k->root_path);
		if (umount2(".", MNT_DETACH) < 0)
			return err_sys(e, "detach the old root");
	}
	return chdir("/") < 0 ? err_sys(e, "change to '/'") : 0;
}

int child_do_root_propagation(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (mount(NULL, "/", NULL, (unsigned long)s->number, NULL) < 0)
		return err_sys(e, "propagation of the root");
	return 0;
}
