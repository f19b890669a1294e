/*
 * Removing a large file without waiting for its blocks. unlink(2) drops the page
 * cache and gives the blocks back before it returns, which takes 0.1 to 0.2 s for
 * 700 MB (with discards, most of it waiting). The name goes at once; the last
 * reference to the file is left in flight on a unix socket that is part of its own
 * message, so nobody can receive it: closing the socket hands the file to the
 * kernel's collector of such cycles (net/unix/garbage.c), which frees it on a
 * kernel thread, a moment later. No process of ours stays; where a kernel collects
 * inside close(2), it takes as long as unlink would have.
 *
 * A moment can be a second on a busy machine, and who removes files on a disk that
 * is nearly full does so for their room: there unlink(2) is waited for.
 */
#include "store/store_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define LARGE (8 << 20)    /* below this unlink takes a millisecond or two */
#define ROOM  (1ull << 30) /* free on the disk, or blocks are waited for */

/* Nobody needs the blocks of this file at once: as much as it holds is free, and ROOM. */
static bool can_wait(int file, const struct stat *st)
{
	struct statvfs v;
	if (fstatvfs(file, &v) < 0)
		return false;
	uint64_t room = (uint64_t)v.f_bavail * v.f_frsize;
	return room >= ROOM && room >= (uint64_t)st->st_blocks * 512;
}

static void hand_over(int file)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair) < 0) {
		close(file);
		return;
	}
	int fds[2] = {file, pair[0]};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(fds))];
	} control = {0};
	char byte = 0;
	struct iovec io = {&byte, 1};
	struct msghdr m = {
		.msg_iov = &io,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(h), fds, sizeof(fds));
	(void)sendmsg(pair[1], &m, MSG_DONTWAIT | MSG_NOSIGNAL);
	close(file); /* before the sockets: ours must not be the last reference */
	close(pair[1]);
	close(pair[0]);
}

int store_unlink(int dirfd, const char *name)
{
	struct stat st;
	int fd cleanup_fd = -1;
	if (fstatat(dirfd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		st.st_nlink == 1 && st.st_size >= LARGE)
		fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && !can_wait(fd, &st))
		close(STEAL_FD(fd));
	if (unlinkat(dirfd, name, 0) < 0)
		return -errno;
	if (fd >= 0)
		hand_over(STEAL_FD(fd));
	return 0;
}
