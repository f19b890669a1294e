/* For the tests of layer/: a scratch directory, a layer under construction, a mount of the result. */
#pragma once

#include "../test.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "layer/writer.h"

struct scratch {
	char dir[64];
	int fd;
	int tar_fd;
	int index_fd;
};

static inline struct scratch scratch_new(void)
{
	struct scratch s = {"/var/tmp/kist-layer-XXXXXX", -1, -1, -1};
	assert_non_null(mkdtemp(s.dir));
	s.fd = open(s.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s.fd >= 0);
	s.tar_fd = openat(s.fd, "tar", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	s.index_fd = openat(s.fd, "index", O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	assert_true(s.tar_fd >= 0 && s.index_fd >= 0);
	assert_int_equal(mkdirat(s.fd, "mnt", 0755), 0);
	return s;
}

static inline void scratch_free(struct scratch *s)
{
	struct err e = ERR_INIT;
	close(s->tar_fd);
	close(s->index_fd);
	close(s->fd);
	assert_ok(file_remove_tree(AT_FDCWD, s->dir, &e), &e);
}

/* Mounts index over tar; false: this machine cannot. */
static inline bool scratch_mount(struct scratch *s)
{
	char index[128], mnt[128], options[256];
	snprintf(index, sizeof(index), "%s/index", s->dir);
	snprintf(mnt, sizeof(mnt), "%s/mnt", s->dir);
	snprintf(options, sizeof(options), "device=%s/tar", s->dir);
	if (geteuid() != 0)
		return false;
	if (mount(index, mnt, "erofs", MS_RDONLY, options) == 0)
		return true;
	if (errno != ENODEV && errno != EPERM && errno != ENOTBLK)
		print_error("mount: %s\n", strerror(errno));
	assert_true(errno == ENODEV || errno == EPERM || errno == ENOTBLK);
	return false;
}

static inline void scratch_unmount(struct scratch *s)
{
	char mnt[128];
	snprintf(mnt, sizeof(mnt), "%s/mnt", s->dir);
	assert_int_equal(umount2(mnt, 0), 0);
}

/* Runs a shell command with $D as the scratch directory; returns its exit status. */
static inline int scratch_run(struct scratch *s, const char *command)
{
	struct err e = ERR_INIT;
	setenv("D", s->dir, 1);
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)command, NULL};
	struct buf out = BUF_INIT_MAX(1 << 20);
	int r = proc_run(argv, -1, &out, 0, &e);
	if (r != 0)
		print_error("'%s': %d %s\n%s\n", command, r, e.msg, buf_str(&out));
	buf_release(&out);
	return r;
}
