/* The messages of attach.h on the wire. libc only. */
#include "engine/attach.h"
#include "base/io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

int engine_attach_send(int fd, enum engine_attach_type type, const void *p, size_t len)
{
	char byte = (char)type;
	struct iovec v[2] = {{&byte, 1}, {(void *)p, len}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = len ? 2 : 1};
	ssize_t n;
	do
		n = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

ssize_t engine_attach_recv(int fd, int *ret_type, void *buf, int *ret_fd)
{
	char byte = 0;
	struct iovec v[2] = {{&byte, 1}, {buf, ENGINE_ATTACH_DATA}};
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control;
	struct msghdr m = {.msg_iov = v,
		.msg_iovlen = 2,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	/* A peer that ended with a message of ours unread is reported before what it had said: that
	 * is still there, so ask again. */
	int resets = 0;
	do
		n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return -errno;
	int got = -1;
	struct cmsghdr *c = n ? CMSG_FIRSTHDR(&m) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&got, CMSG_DATA(c), sizeof(got));
	if (ret_fd)
		*ret_fd = got;
	else if (got >= 0)
		close(got);
	*ret_type = n ? (unsigned char)byte : 0;
	return n ? n - 1 : 0;
}
