/*
 * The mounts of a container. Destinations are resolved inside the root (openat2);
 * mounts are made detached, get their attributes, and only then are moved onto
 * the descriptor of their destination, so that nothing in the root can redirect
 * them.
 */
#include "base/buf.h"
#include "base/copy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/procfs.h"
#include "base/root.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"

#include <errno.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>

enum { PROC_ROOT_INODE = 1 };

int child_attach(int mount_fd, int target_fd)
{
	return sys_move_mount(
		mount_fd, "", target_fd, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static int set_attrs(int fd, uint64_t set, uint64_t clr, unsigned long propagation, bool recursive)
{
	struct mount_attr a = {.attr_set = set, .attr_clr = clr, .propagation = propagation};
	if (!set && !clr && !propagation)
		return 0;
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | (recursive ? AT_RECURSIVE : 0), &a);
}

/* ---- what is bound ---- */

char *mount_source(const struct runtime_mount *m, const char *bundle)
{
	return m->source[0] == '/' ? mem_strdup(m->source) : mem_printf("%s/%s", bundle, m->source);
}

/* mount(2) drops what a bind cannot have without a word */
static void warn_left_out(const struct runtime_mount *m)
{
	struct buf b cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < m->data.n; i++)
		buf_printf(&b, "%s%s", i ? "," : "", m->data.v[i]);
	if (b.len)
		log_warn("mount '%s': options for a file system mean nothing for a bind and are "
			 "left out: %s",
			m->destination, buf_str(&b));
}

static int new_bind(const struct child *k, const struct runtime_mount *m, struct err *e)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (m->bind_rec ? AT_RECURSIVE : 0);
	size_t at = (size_t)(m - k->c->mounts);
	cleanup_fd int fd = k->mount_fds && k->mount_fds[at] >= 0 ? k->mount_fds[at] : -1;
	cleanup_free char *source = mount_source(m, k->bundle);
	warn_left_out(m);
	if (fd < 0 && (fd = sys_open_tree(AT_FDCWD, source, flags)) < 0)
		return err_sys(e, "bind '%s'", source);
	if (set_attrs(fd, m->attr_set, m->attr_clr, 0, false) < 0)
		return err_sys(e, "attributes");
	return STEAL_FD(fd);
}

/* ---- where it goes ---- */

/* What makes the container safe must be where everybody after it expects it: /dev with all that is
 * in it, and file systems that show the kernel (CVE-2019-19921). Others follow a link, inside of the
 * root: images have /var/run -> /run. */
static bool may_follow_link(const struct runtime_mount *m)
{
	static const char *const special[] = {
		"proc", "sysfs", "cgroup", "cgroup2", "devpts", "mqueue"};
	const char *path = m->destination + strspn(m->destination, "/");
	for (size_t i = 0; i < ARRAY_SIZE(special); i++)
		if (str_eq(m->type, special[i]))
			return false;
	return !str_eq(path, "dev") && !str_starts(path, "dev/");
}

static int open_existing(struct child *k, const struct runtime_mount *m, struct err *e)
{
	struct stat st;
	bool follow = may_follow_link(m);
	cleanup_fd int fd = root_open_path(k->root, m->destination, !follow, NULL);
	if (fd >= 0 && !follow && fstat(fd, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(e, ERR_FORMAT,
			"mount %s: the destination in the root is a symbolic link", m->type);
	return STEAL_FD(fd);
}

/* The directory that a destination lies in, made when it is missing; its last name */
static int open_parent(struct child *k, const char *path, const char **ret_name, struct err *e)
{
	const char *slash = strrchr(path, '/');
	cleanup_free char *dir = mem_strndup(path, slash ? (size_t)(slash - path) : 0);
	cleanup_fd int fd = root_mkdirs(k->root, *dir ? dir : "/", 0755, e);
	*ret_name = slash ? slash + 1 : path;
	return STEAL_FD(fd);
}

/* An empty file to bind a file onto */
static int make_file(struct child *k, const char *path, struct err *e)
{
	const char *name;
	cleanup_fd int parent = open_parent(k, path, &name, e);
	if (parent < 0)
		return parent;
	cleanup_fd int fd =
		root_open(k->root, path, O_CREAT | O_WRONLY | O_NOCTTY | O_NONBLOCK, 0644, e);
	if (fd < 0)
		return fd;
	return root_open_path(k->root, path, false, e);
}

/* The destination as a descriptor; made when it is missing. */
static int open_target(struct child *k, const struct runtime_mount *m, bool dir, struct err *e)
{
	if (dir)
		return root_mkdirs(k->root, m->destination, 0755, e);
	int fd = root_open_path(k->root, m->destination, false, NULL);
	if (fd == -ENOENT)
		return make_file(k, m->destination, e);
	return fd < 0 ? err_sysno(e, fd, "open the destination") : fd;
}

static bool is_procfs(int fd)
{
	struct statfs fs;
	return fstatfs(fd, &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

/* "/proc//sys/" to "proc/sys", into out */
static const char *plain_path(const char *path, char *out, size_t size)
{
	size_t n = 0;
	for (const char *p = path; *p && n + 1 < size; p++)
		if (*p != '/' || (n && out[n - 1] != '/'))
			out[n++] = *p;
	while (n && out[n - 1] == '/')
		n--;
	out[n] = 0;
	return out;
}

/* Files of procfs that others (lxcfs) may give a container its own view of */
static bool may_cover(const char *path)
{
	static const char *const views[] = {"cpuinfo", "diskstats", "loadavg", "meminfo",
		"slabinfo", "stat", "swaps", "uptime", "net/dev", "sys/kernel/ns_last_pid",
		"sys/crypto/fips_enabled"};
	for (size_t i = 0; i < ARRAY_SIZE(views); i++)
		if (str_eq(path, views[i]))
			return true;
	return false;
}

/*
 * /proc is a procfs and nothing else, and what is in it is what the kernel says: a volume there
 * would take the labels, masks and limits that are written there for the container
 * (CVE-2019-16884, CVE-2019-19921), and a link of the image must not lead a volume into it.
 */
static int check_proc(const struct runtime_mount *m, int target, int mount_fd, struct err *e)
{
	char path[4096];
	plain_path(m->destination, path, sizeof(path));
	bool inside = is_procfs(target), named = str_starts(path, "proc/");
	if (str_eq(path, "proc")) {
		struct stat st;
		if (fstat(mount_fd, &st) == 0 && st.st_ino == PROC_ROOT_INODE &&
			is_procfs(mount_fd))
			return 0;
		return err_set(e, ERR_FORMAT, "only a procfs can be mounted there");
	}
	if (inside && !named)
		return err_set(e, ERR_FORMAT, "a link in the root leads into procfs");
	if (inside && !may_cover(path + strlen("proc/")))
		return err_set(e, ERR_FORMAT, "nothing can be mounted inside of procfs");
	return 0;
}

/* ---- file systems ---- */

/* A tmpfs looks like the directory that it covers, unless the config says otherwise. */
static const char *tmpfs_mode(const struct runtime_mount *m, int target, char *out, size_t size)
{
	struct stat st;
	for (size_t i = 0; i < m->data.n; i++)
		if (str_starts(m->data.v[i], "mode="))
			return NULL;
	if (!str_eq(m->type, "tmpfs") || target < 0 || fstat(target, &st) < 0)
		return NULL;
	snprintf(out, size, "%o", (unsigned)st.st_mode & 07777);
	return out;
}

/* What the tmpfs covers becomes its content (tmpcopyup). */
static int copy_up(int target, int tmpfs, struct err *e)
{
	cleanup_fd int from = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_fd int to = openat(tmpfs, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || to < 0)
		return err_sys(e, "tmpcopyup");
	int r = copy_tree(from, to, e);
	return r < 0 ? err_wrap(e, r, "tmpcopyup") : 0;
}

/* MS_I_VERSION has no word in the mount API: a remount says it, which wants a path. */
static int set_iversion(struct child *k, int fd, struct err *e)
{
	cleanup_fd int back = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = fchdir(fd) < 0 || mount(NULL, ".", NULL, MS_REMOUNT | MS_I_VERSION, NULL) < 0
			? err_sys(e, "iversion")
			: 0;
	if (fchdir(back < 0 ? k->root : back) < 0)
		return err_sys(e, "change directory");
	return r;
}

static int finish_mount(struct child *k, const struct runtime_mount *m, int fd, struct err *e)
{
	if (m->iversion && !m->bind) {
		int r = set_iversion(k, fd, e);
		if (r < 0)
			return r;
		/* which took the attributes away */
		if (set_attrs(fd, m->attr_set, 0, 0, false) < 0)
			return err_sys(e, "attributes");
	}
	if (set_attrs(fd, m->attr_set_rec, m->attr_clr_rec, 0, true) < 0)
		return err_sys(e, "recursive attributes");
	if (set_attrs(fd, 0, 0, m->propagation, m->propagation_rec) < 0)
		return err_sys(e, "propagation");
	return 0;
}

static int mount_fs(struct child *k, const struct runtime_mount *m, struct err *e)
{
	char mode[8];
	cleanup_fd int there = open_existing(k, m, e);
	if (there == -ERR_FORMAT)
		return there;
	const char *use_mode = tmpfs_mode(m, there, mode, sizeof(mode));
	cleanup_fd int target = there >= 0 ? STEAL_FD(there) : open_target(k, m, true, e);
	if (target < 0)
		return target;
	if (str_eq(m->type, "cgroup"))
		return child_mount_cgroup(k, m, target, e);
	struct runtime_mount writable = *m;
	if (m->tmpcopyup)
		writable.attr_set &= ~(uint64_t)MOUNT_ATTR_RDONLY;
	cleanup_fd int fd = child_mount_fs(k, &writable, use_mode, e);
	if (fd < 0)
		return fd;
	int r = check_proc(m, target, fd, e);
	if (r < 0 || (r = m->tmpcopyup ? copy_up(target, fd, e) : 0) < 0)
		return r;
	if (set_attrs(fd, m->attr_set & ~writable.attr_set, 0, 0, false) < 0)
		return err_sys(e, "attributes");
	if (child_attach(fd, target) < 0)
		return err_sys(e, "mount %s", m->type);
	/* for sysctls: the whole of it, writable */
	if (str_eq(m->type, "proc") && k->proc < 0 && !(m->attr_set & MOUNT_ATTR_RDONLY) &&
		!m->data.n)
		k->proc = fcntl(fd, F_DUPFD_CLOEXEC, 3);
	return finish_mount(k, m, fd, e);
}

/* ---- binds ---- */

/* crun's copy-symlink: the link itself, for a file that a link stands for. 0: the source is none. */
static int copy_link(struct child *k, const struct runtime_mount *m, struct err *e)
{
	char want[4096], have[4096];
	cleanup_free char *source = mount_source(m, k->bundle);
	ssize_t n = readlink(source, want, sizeof(want) - 1);
	if (n < 0)
		return 0;
	want[n] = 0;
	const char *name;
	cleanup_fd int parent = open_parent(k, m->destination, &name, e);
	if (parent < 0)
		return parent;
	if (symlinkat(want, parent, name) == 0)
		return 1;
	if (errno != EEXIST)
		return err_sys(e, "copy-symlink");
	n = readlinkat(parent, name, have, sizeof(have) - 1);
	have[MAX(n, 0)] = 0;
	return n >= 0 && str_eq(have, want) ? 1
					    : err_set(e, EEXIST,
						      "copy-symlink: something else than a link "
						      "to '%s' is there",
						      want);
}

/* A directory always has one for a target: see open_target. */
static int cannot_bind(const struct runtime_mount *m, int target, struct err *e)
{
	struct stat st;
	int r = err_sys(e, "bind '%s'", m->source);
	if (r == -EINVAL && fstat(target, &st) == 0 && S_ISDIR(st.st_mode))
		err_hint(e, "the destination is a directory, '%s' is none", m->source);
	return r;
}

static int mount_bind(struct child *k, const struct runtime_mount *m, struct err *e)
{
	struct stat st;
	int r = m->copy_symlink ? copy_link(k, m, e) : 0;
	if (r != 0)
		return MIN(r, 0);
	cleanup_fd int fd = new_bind(k, m, e);
	if (fd < 0)
		return fd;
	bool dir = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);
	cleanup_fd int target = open_target(k, m, dir, e);
	if (target == -ENOTDIR && dir)
		err_hint(e, "the source '%s' is a directory", m->source);
	if (target < 0)
		return target;
	if ((r = check_proc(m, target, fd, e)) < 0)
		return r;
	if (child_attach(fd, target) < 0)
		return cannot_bind(m, target, e);
	return finish_mount(k, m, fd, e);
}

/* ---- remount: other options for what is mounted there ---- */

static int reconfigure(int target, const struct runtime_mount *m, struct err *e)
{
	cleanup_fd int fs = sys_fspick(target, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	if (fs < 0)
		return err_sys(e, "remount");
	const char *ro = m->attr_set & MOUNT_ATTR_RDONLY ? "ro" : "rw";
	if (sys_fsconfig(fs, FSCONFIG_SET_FLAG, ro, NULL, 0) < 0)
		return child_fs_error(fs, m, ro, e);
	for (size_t i = 0; i < m->data.n; i++)
		if (child_fs_option(fs, m->data.v[i]) < 0)
			return child_fs_error(fs, m, m->data.v[i], e);
	if (sys_fsconfig(fs, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0) < 0)
		return child_fs_error(fs, m, "reconfigure", e);
	return 0;
}

/* As mount(2) with MS_REMOUNT: attributes that are not named are off. */
static int remount(struct child *k, const struct runtime_mount *m, struct err *e)
{
	const uint64_t all = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV |
			     MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODIRATIME | MOUNT_ATTR_NOSYMFOLLOW;
	cleanup_fd int target = root_open_path(k->root, m->destination, false, e);
	if (target < 0)
		return target;
	int mounted = sys_is_mount_root(target);
	if (mounted < 0)
		return err_sys(e, "remount");
	if (!mounted)
		return err_set(e, EINVAL, "remount: nothing is mounted there");
	int r = m->bind ? 0 : reconfigure(target, m, e);
	if (r < 0)
		return r;
	if (set_attrs(target, m->attr_set, m->attr_clr | (all & ~m->attr_set), 0, false) < 0)
		return err_sys(e, "attributes");
	return finish_mount(k, m, target, e);
}

int child_do_mount(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_mount *m = s->item;
	int r = m->remount ? remount(k, m, e) : m->bind ? mount_bind(k, m, e) : mount_fs(k, m, e);
	return r < 0 ? err_wrap(
			       e, r, "mounts[%zu] '%s'", (size_t)(m - k->c->mounts), m->destination)
		     : 0;
}

int child_proc(struct child *k, struct err *e)
{
	if (k->proc < 0) {
		const struct runtime_mount proc = {
			.destination = "/proc", .type = "proc", .source = "proc"};
		k->proc = child_new_fs(&proc, e);
		/* of a pid namespace that is not ours; what a namespace shows of itself below sys is
		 * the same in all of them */
		if (k->proc == -EPERM || k->proc == -EBUSY) {
			err_clear(e);
			k->proc = procfs_open_root(e);
		}
	}
	return k->proc;
}
