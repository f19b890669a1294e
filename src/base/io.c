/* Whole reads and writes; see the header. */
#include "base/io.h"
#include "base/buf.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int io_write_all(int fd, const void *p, size_t len)
{
	const char *c = p;
	while (len) {
		ssize_t n = write(fd, c, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		c += n;
		len -= (size_t)n;
	}
	return 0;
}

int io_pwrite_all(int fd, const void *p, size_t len, off_t offset)
{
	const char *c = p;
	while (len) {
		ssize_t n = pwrite(fd, c, len, offset);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		c += n;
		offset += n;
		len -= (size_t)n;
	}
	return 0;
}

int io_write_ahead(int fd, const void *p, size_t len, uint64_t *ahead)
{
	int r = io_write_all(fd, p, len);
	if (r < 0)
		return r;
	uint64_t before = *ahead / IO_AHEAD, after = (*ahead + len) / IO_AHEAD;
	*ahead += len;
	if (after > before) /* a file system that cannot only loses the head start */
		(void)sync_file_range(fd, (off_t)(before * IO_AHEAD),
			(off_t)((after - before) * IO_AHEAD), SYNC_FILE_RANGE_WRITE);
	return 0;
}

ssize_t io_read_full(int fd, void *p, size_t len)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = read(fd, (char *)p + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t io_pread_full(int fd, void *p, size_t len, off_t offset)
{
	size_t done = 0;
	while (done < len) {
		ssize_t n = pread(fd, (char *)p + done, len - done, offset + (off_t)done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int io_read_to_end(int fd, struct buf *b)
{
	char chunk[16384];
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof(chunk));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return buf_reserve(b, 0);
		int r = buf_add(b, chunk, (size_t)n);
		if (r < 0)
			return r;
	}
}

int64_t io_copy(int from, int to, uint64_t len)
{
	uint64_t done = 0;
	bool in_kernel = true;
	char chunk[65536];
	while (done < len) {
		ssize_t n;
		if (in_kernel) {
			n = copy_file_range(from, NULL, to, NULL, MIN(len - done, 1UL << 30), 0);
			if (n <= 0 && done == 0) {
				in_kernel = false; /* other file systems, pipes, /proc: by hand */
				continue;
			}
		} else {
			n = read(from, chunk, MIN(len - done, sizeof(chunk)));
		}
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		if (!in_kernel) {
			int r = io_write_all(to, chunk, (size_t)n);
			if (r < 0)
				return r;
		}
		done += (uint64_t)n;
	}
	return (int64_t)done;
}

static int set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);
	if (flags < 0 || fcntl(fd, set, on ? flags | flag : flags & ~flag) < 0)
		return -errno;
	return 0;
}

void io_fill_stdio(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDWR) != fd)
			abort();
}

int io_set_nonblock(int fd, bool on)
{
	return set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, on);
}

int io_set_cloexec(int fd, bool on)
{
	return set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, on);
}

enum { MAX_FDS = 16 };

int io_send_fds(int sock, const void *msg, size_t len, const int *fds, size_t nfds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
		struct cmsghdr align;
	} control = {{0}};
	struct iovec iov = {(void *)msg, len};
	struct msghdr m = {.msg_iov = &iov, .msg_iovlen = 1};
	if (nfds > MAX_FDS)
		return -E2BIG;
	if (nfds) {
		m.msg_control = control.bytes;
		m.msg_controllen = CMSG_SPACE(sizeof(int) * nfds);
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int) * nfds);
		memcpy(CMSG_DATA(c), fds, sizeof(int) * nfds);
	}
	ssize_t n;
	do
		n = sendmsg(sock, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t io_recv_fds(int sock, void *msg, size_t len, int *fds, size_t max_fds, size_t *ret_nfds)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * MAX_FDS)];
		struct cmsghdr align;
	} control;
	struct iovec iov = {msg, len};
	struct msghdr m = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	do
		n = recvmsg(sock, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	size_t got = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&m); c; c = CMSG_NXTHDR(&m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int fd;
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int), sizeof(int));
			if (got < max_fds)
				fds[got++] = fd;
			else
				close(fd);
		}
	}
	*ret_nfds = got;
	return n;
}
