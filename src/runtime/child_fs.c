/*
 * New file systems by the mount API: a descriptor of a mount that is nowhere yet.
 * What a user namespace may not mount is bound from the host instead, where that
 * shows the same.
 */
#include "base/err.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/mount.h>

/* What is not in the config's list of options */
struct fs_extra {
	const char *mode, *label; /* NULL: none */
};

/* fsopen keeps what the kernel has to say about a failure: "e tmpfs: Bad value for 'size'" */
int child_fs_error(int fsfd, const struct runtime_mount *m, const char *what, struct err *e)
{
	int saved = errno;
	char text[512];
	ssize_t n = read(fsfd, text, sizeof(text) - 1);
	if (n > 2) {
		text[n] = 0;
		text[strcspn(text, "\n")] = 0;
		return err_sysno(e, saved, "mount %s: %s", m->type, text + 2);
	}
	return err_sysno(e, saved, "mount %s: %s", m->type, what);
}

int child_fs_option(int fsfd, const char *word)
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

static int fs_options(
	int fsfd, const struct runtime_mount *m, const struct fs_extra *x, struct err *e)
{
	if (!str_empty(m->source) &&
		sys_fsconfig(fsfd, FSCONFIG_SET_STRING, "source", m->source, 0) < 0)
		return child_fs_error(fsfd, m, "source", e);
	/* first, so that an option of the config wins */
	if (x && x->mode && sys_fsconfig(fsfd, FSCONFIG_SET_STRING, "mode", x->mode, 0) < 0)
		return child_fs_error(fsfd, m, "mode", e);
	for (size_t i = 0; i < m->data.n; i++)
		if (child_fs_option(fsfd, m->data.v[i]) < 0)
			return child_fs_error(fsfd, m, m->data.v[i], e);
	if (x && x->label && sys_fsconfig(fsfd, FSCONFIG_SET_STRING, "context", x->label, 0) < 0)
		return child_fs_error(fsfd, m, "linux.mountLabel", e);
	if (m->sb_readonly && sys_fsconfig(fsfd, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0)
		return child_fs_error(fsfd, m, "ro", e);
	return 0;
}

static int new_fs(const struct runtime_mount *m, const struct fs_extra *x, struct err *e)
{
	cleanup_fd int fsfd = sys_fsopen(m->type, FSOPEN_CLOEXEC);
	if (fsfd < 0 && errno == ENODEV)
		return err_set(
			e, ENODEV, "type '%s' is no file system that this kernel has", m->type);
	if (fsfd < 0)
		return err_sys(e, "mount %s", m->type);
	int r = fs_options(fsfd, m, x, e);
	if (r < 0)
		return r;
	if (sys_fsconfig(fsfd, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return child_fs_error(fsfd, m, "create", e);
	int fd = sys_fsmount(fsfd, FSMOUNT_CLOEXEC, (unsigned)m->attr_set);
	return fd < 0 ? child_fs_error(fsfd, m, "mount", e) : fd;
}

int child_new_fs(const struct runtime_mount *m, struct err *e)
{
	return new_fs(m, NULL, e);
}

int child_bind_host(const char *path, uint64_t attrs)
{
	struct mount_attr a = {.attr_set = attrs};
	cleanup_fd int fd =
		sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (fd < 0 || (attrs && sys_mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a) < 0))
		return -errno;
	return STEAL_FD(fd);
}

/* Where the host has the same; NULL: nowhere. */
static const char *same_on_host(const struct child *k, const char *type)
{
	const struct runtime_ns *ns = k->c->ns;
	/* sysfs belongs to the network namespace, which is the host's when it may not be mounted;
	 * another pid namespace has another procfs */
	if (str_eq(type, "sysfs"))
		return "/sys";
	if (str_eq(type, "proc") && !ns[RUNTIME_NS_PID].want)
		return "/proc";
	if (str_eq(type, "mqueue") && !ns[RUNTIME_NS_IPC].want)
		return "/dev/mqueue";
	return NULL;
}

/* linux.mountLabel where the kernel takes labels: not for its own file systems */
static const char *label_of(const struct child *k, const struct runtime_mount *m)
{
	static const char *const without[] = {"proc", "sysfs", "cgroup", "cgroup2"};
	for (size_t i = 0; i < ARRAY_SIZE(without); i++)
		if (str_eq(m->type, without[i]))
			return NULL;
	return str_empty(k->c->mount_label) ? NULL : k->c->mount_label;
}

int child_mount_fs(struct child *k, const struct runtime_mount *m, const char *mode, struct err *e)
{
	struct fs_extra x = {.mode = mode, .label = label_of(k, m)};
	int fd = new_fs(m, &x, e);
	if (fd >= 0)
		return fd;
	const char *host = fd == -EPERM || fd == -EBUSY ? same_on_host(k, m->type) : NULL;
	int bound = host ? child_bind_host(host, m->attr_set) : -ENOENT;
	if (bound >= 0) {
		if (e)
			err_clear(e);
		return bound;
	}
	if (fd == -EPERM && str_eq(m->type, "proc"))
		err_hint(e, "in a user namespace a new procfs needs one of the host that "
			    "nothing is mounted over: unmask /proc outside, or share the pid "
			    "namespace");
	return fd;
}
