/* Messages between the caller's process and the new one; see wire_priv.h. */
#include "runtime/wire_priv.h"
#include "base/io.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int wire_send(int sock, enum wire_type type, const struct err *e)
{
	struct wire_msg m = {.type = type};
	size_t len = sizeof(m.type);
	if (e) {
		m.e = *e;
		len = sizeof(m);
	}
	ssize_t n;
	do
		n = send(sock, &m, len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int wire_recv(int sock, struct wire_msg *m, int *ret_fd)
{
	struct iovec iov = {m, sizeof(*m)};
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr h = {.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.space,
		.msg_controllen = sizeof(control.space)};
	memset(&m->e, 0, sizeof(m->e.code));
	m->e.msg[0] = m->e.hint[0] = 0;
	ssize_t n;
	int resets = 0;
	/* whoever goes without having read everything resets the connection: the kernel says so
	 * once, and then gives what he had sent before */
	do
		n = recvmsg(sock, &h, MSG_CMSG_CLOEXEC);
	while (n < 0 && (errno == EINTR || (errno == ECONNRESET && resets++ == 0)));
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	int fd = -1;
	struct cmsghdr *c = n > 0 ? CMSG_FIRSTHDR(&h) : NULL;
	if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	if (ret_fd)
		*ret_fd = fd;
	else if (fd >= 0)
		close(fd);
	return n > 0;
}

int wire_expect(int sock, enum wire_type type, struct err *e)
{
	/* plain read: a filter that is loaded already may know no recvmsg */
	struct wire_msg m;
	ssize_t n;
	do
		n = read(sock, &m, sizeof(m));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return err_sys(e, "read from the runtime");
	if (n < (ssize_t)sizeof(m.type) || m.type != type)
		return err_set(e, ERR_INTERRUPTED, "the runtime has gone");
	return 0;
}
