/*
 * Layers as detached mounts: EROFS from an index and its tar, directly or through
 * loop devices, or a clone of an unpacked tree.
 */
#include "base/err.h"
#include "base/mem.h"
#include "snapshot/mount_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

void mount_set_release(struct mount_set *m)
{
	for (size_t i = 0; i < m->n; i++)
		close(m->v[i]);
	free(m->v);
	*m = (struct mount_set){NULL, 0};
}

int mount_fs_error(int fs, struct err *e, const char *fmt, ...)
{
	int code = errno;
	char text[512], said[512];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* "e erofs: what is wrong": one message a read; the last one names the cause. */
	size_t n = 0;
	for (ssize_t r; (r = read(fs, said, sizeof(said) - 1)) > 0; n = r)
		said[r] = 0;
	while (n > 0 && said[n - 1] == '\n')
		n--;
	if (n > 2)
		return err_set(
			e, code, "%s: %.*s: %s", text, (int)(n - 2), said + 2, strerror(code));
	return err_sysno(e, code, "%s", text);
}

static int erofs_open(const char *index, const char *tar, unsigned attrs, struct err *e)
{
	int fs cleanup_fd = fsopen("erofs", FSOPEN_CLOEXEC);
	if (fs < 0)
		return err_sys(e, "the kernel has no EROFS");
	if (fsconfig(fs, FSCONFIG_SET_STRING, "source", index, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_STRING, "device", tar, 0) < 0 ||
		fsconfig(fs, FSCONFIG_SET_FLAG, "ro", NULL, 0) < 0 ||
		fsconfig(fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return mount_fs_error(fs, e, "mount layer '%s'", index);
	int fd = fsmount(fs, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY | attrs);
	return fd < 0 ? err_sys(e, "mount layer '%s'", index) : fd;
}

static int loop_open(const char *index, const char *tar, unsigned attrs, struct err *e)
{
	char index_dev[32], tar_dev[32];
	int index_fd cleanup_fd = loop_attach(index, index_dev, e);
	if (index_fd < 0)
		return index_fd;
	int tar_fd cleanup_fd = loop_attach(tar, tar_dev, e);
	if (tar_fd < 0)
		return tar_fd;
	int fd = erofs_open(index_dev, tar_dev, attrs, e);
	return fd < 0 ? err_wrap(e, fd, "layer '%s'", index) : fd;
}

static int tree_open(const char *tree, unsigned attrs, struct err *e)
{
	int fd cleanup_fd = open_tree(AT_FDCWD, tree, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open layer '%s'", tree);
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | attrs};
	if (mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr)) < 0)
		return err_sys(e, "make layer '%s' read-only", tree);
	return STEAL_FD(fd);
}

int mount_layer_open(enum snapshot_driver driver, const char *dir, unsigned attrs, struct err *e)
{
	if (driver == SNAPSHOT_DIR) {
		char *tree cleanup_free = mem_printf("%s/tree", dir);
		return tree_open(tree, attrs, e);
	}
	char *index cleanup_free = mem_printf("%s/index.erofs", dir);
	char *tar cleanup_free = mem_printf("%s/tar", dir);
	return driver == SNAPSHOT_EROFS ? erofs_open(index, tar, attrs, e)
					: loop_open(index, tar, attrs, e);
}

int mount_lower_open(const struct snapshot_spec *spec, bool shared, unsigned attrs,
	struct mount_set *ret, struct err *e)
{
	struct mount_set m cleanup_mount_set = {NULL, 0};
	m.v = mem_array(spec->lower.n + 1, sizeof(*m.v));
	if (spec->base) {
		int fd = tree_open(spec->base, attrs, e);
		if (fd < 0)
			return fd;
		m.v[m.n++] = fd;
	}
	for (size_t i = 0; i < spec->lower.n; i++) {
		int fd = shared ? mounts_get(spec->mounts, spec->lower.v[i]) : -1;
		if (fd >= 0)
			fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			fd = mount_layer_open(spec->driver, spec->lower.v[i], attrs, e);
		if (fd < 0)
			return fd;
		m.v[m.n++] = fd;
	}
	*ret = m;
	m = (struct mount_set){NULL, 0};
	return 0;
}
