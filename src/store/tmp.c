/*
 * Temporary directories of the store. The owner holds a lock (flock) on the
 * directory itself, so whoever gets that lock knows that the owner is gone.
 */
#include "store/store.h"

#include "base/file.h"
#include "base/random.h"
#include "store/store_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Between mkdir and flock a sweeper may take the directory away: then the lock is refused or the
 * directory has no name any more, and another one is made. */
static int make_locked(int tmp, const char *name, struct err *e)
{
	if (mkdirat(tmp, name, 0700) < 0)
		return err_sys(e, "make a temporary directory in the store");
	int fd cleanup_fd = openat(tmp, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -EAGAIN
				       : err_sys(e, "open a temporary directory of the store");
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return errno == EWOULDBLOCK ? -EAGAIN
					    : err_sys(e, "lock a temporary directory of the store");
	struct stat st, named;
	if (fstat(fd, &st) < 0 || fstatat(tmp, name, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
		st.st_ino != named.st_ino)
		return -EAGAIN;
	return STEAL_FD(fd);
}

int store_tmp_dir(struct store *s, char *name, struct err *e)
{
	int tmp = store_dir(s, STORE_DIR_TMP, e);
	if (tmp < 0)
		return tmp;
	for (int i = 0; i < 100; i++) {
		char id[17], n[STORE_TMP_NAME];
		random_hex(id, 8);
		snprintf(n, sizeof(n), "%d-%s", (int)getpid(), id);
		int fd = make_locked(tmp, n, e);
		if (fd == -EAGAIN)
			continue;
		if (fd >= 0 && name)
			memcpy(name, n, sizeof(n));
		return fd;
	}
	return err_set(e, EAGAIN, "make a temporary directory in '%s/tmp'", s->root);
}

int store_tmp_remove(struct store *s, const char *name, int fd, struct err *e)
{
	int tmp = store_dir(s, STORE_DIR_TMP, e);
	int r = tmp < 0 ? tmp : file_remove_tree(tmp, name, e);
	if (fd >= 0)
		close(fd);
	return r;
}

int store_trash_remove(struct store *s, const char *name, int fd, struct err *e)
{
	int copy = fd < 0 ? -1 : openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d cleanup_dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *de;
	while (d && (de = readdir(d))) {
		int layer cleanup_fd = openat(
			dirfd(d), de->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
		if (layer >= 0)
			(void)store_unlink(layer, "tar"); /* what is left goes with the tree */
	}
	return store_tmp_remove(s, name, fd, e);
}

static int sweep_one(int tmp, const char *name, struct err *e)
{
	int fd cleanup_fd = openat(tmp, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0) /* gone meanwhile, or a link: nothing of ours is one */
		return errno == ENOENT ? 0 : file_remove_tree(tmp, name, e);
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return 0; /* its owner works */
	return file_remove_tree(tmp, name, e);
}

int store_tmp_sweep(struct store *s, struct err *e)
{
	int root = s->dirs[STORE_DIR_ROOT];
	int fd = openat(root, "tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s/tmp'", s->root);
	DIR *d cleanup_dir = fdopendir(fd);
	if (!d) {
		close(fd);
		return err_sys(e, "read '%s/tmp'", s->root);
	}
	struct dirent *de;
	while (errno = 0, (de = readdir(d))) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		int r = sweep_one(dirfd(d), de->d_name, e);
		if (r < 0)
			return r;
	}
	return errno ? err_sys(e, "read '%s/tmp'", s->root) : 0;
}
