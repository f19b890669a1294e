/* One connection over a unix socket; see dbus_priv.h. */
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "runtime/dbus_priv.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

enum { TIMEOUT_S = 30, LINE_MAX_LEN = 512 };

static int timed(int r)
{
	return r == -EAGAIN || r == -EWOULDBLOCK ? -ETIMEDOUT : r;
}

static int read_exactly(int fd, void *p, size_t len, struct err *e)
{
	for (size_t n = 0; n < len;) {
		ssize_t k = recv(fd, (char *)p + n, len - n, 0);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sysno(e, timed(-errno), "wait for an answer of systemd");
		if (k == 0)
			return err_set(e, EPIPE, "systemd closed the connection");
		n += (size_t)k;
	}
	return 0;
}

static int write_all(int fd, const void *p, size_t len, struct err *e)
{
	for (size_t n = 0; n < len;) {
		ssize_t k = send(fd, (const char *)p + n, len - n, MSG_NOSIGNAL);
		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return err_sysno(e, timed(-errno), "ask systemd");
		n += (size_t)k;
	}
	return 0;
}

/* Byte by byte: what follows the last line is binary already. */
static int read_line(int fd, char *out, struct err *e)
{
	for (size_t n = 0; n + 1 < LINE_MAX_LEN; n++) {
		int r = read_exactly(fd, out + n, 1, e);
		if (r < 0)
			return r;
		if (out[n] == '\n') {
			out[n] = 0;
			return 0;
		}
	}
	return err_set(e, EPROTO, "systemd's greeting has no end");
}

static int ask_line(int fd, const char *text, char *answer, struct err *e)
{
	int r = write_all(fd, text, strlen(text), e);
	return r < 0 ? r : read_line(fd, answer, e);
}

/* By the credentials of the socket. The number helps older ones along; inside a user namespace it is
 * not the one that the other side sees, and without it that asks the kernel alone. */
static int authenticate(int fd, struct err *e)
{
	char uid[16], line[64], answer[LINE_MAX_LEN];
	snprintf(uid, sizeof(uid), "%u", (unsigned)geteuid());
	int n = snprintf(line, sizeof(line), "AUTH EXTERNAL ");
	for (const char *p = uid; *p; p++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%02x", (unsigned)*p);
	snprintf(line + n, sizeof(line) - (size_t)n, "\r\n");
	int r = write_all(fd, "", 1, e);
	if (r == 0)
		r = ask_line(fd, line, answer, e);
	if (r == 0 && strncmp(answer, "OK", 2) != 0) {
		r = ask_line(fd, "AUTH EXTERNAL\r\n", answer, e);
		if (r == 0 && strncmp(answer, "DATA", 4) == 0)
			r = ask_line(fd, "DATA\r\n", answer, e);
	}
	if (r == 0 && strncmp(answer, "OK", 2) != 0)
		r = err_set(e, EACCES, "systemd does not let user %s in", uid);
	return r < 0 ? r : write_all(fd, "BEGIN\r\n", 7, e);
}

static int greet(struct dbus *d, struct err *e)
{
	static const char match[] =
		"type='signal',interface='org.freedesktop.systemd1.Manager',member='JobRemoved'";
	const char *const bus = "org.freedesktop.DBus";
	struct dbus_message m;
	struct buf body cleanup_buf = BUF_INIT;
	struct dbus_call hello = {bus, "/org/freedesktop/DBus", bus, "Hello", NULL, NULL, false};
	struct dbus_call add = {bus, "/org/freedesktop/DBus", bus, "AddMatch", "s", &body, false};
	struct dbus_call subscribe = {"org.freedesktop.systemd1", "/org/freedesktop/systemd1",
		"org.freedesktop.systemd1.Manager", "Subscribe", NULL, NULL, false};
	dbus_put_str(&body, match);
	int r = dbus_call(d, &hello, &m, NULL, e);
	if (r == 0)
		r = dbus_call(d, &add, &m, NULL, e);
	return r < 0 ? r : dbus_call(d, &subscribe, &m, NULL, e);
}

/*
 * systemd's end reads up to 256 bytes at once while it lets us in; a whole message among them lies
 * there until more comes. So the first message is longer than that: one that asks for nothing.
 */
static int push_through(struct dbus *d, struct err *e)
{
	char path[512];
	memset(path, 'x', sizeof(path));
	path[0] = '/';
	path[sizeof(path) - 1] = 0;
	const struct dbus_call ping = {"org.freedesktop.systemd1", path,
		"org.freedesktop.DBus.Peer", "Ping", NULL, NULL, true};
	struct buf out cleanup_buf = BUF_INIT;
	dbus_format_call(&out, ++d->serial, &ping);
	return write_all(d->fd, out.data, out.len, e);
}

int dbus_open(struct dbus *d, const char *socket_path, bool broker, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	const struct timeval limit = {TIMEOUT_S, 0};
	if (strlen(socket_path) >= sizeof(a.sun_path))
		return err_set(e, ENAMETOOLONG, "socket '%s'", socket_path);
	snprintf(a.sun_path, sizeof(a.sun_path), "%s", socket_path);
	d->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (d->fd < 0 || connect(d->fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "connect to systemd at '%s'", socket_path);
	setsockopt(d->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(d->fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	int r = authenticate(d->fd, e);
	if (r < 0)
		return r;
	return broker ? greet(d, e) : push_through(d, e);
}

void dbus_close(struct dbus *d)
{
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	buf_release(&d->in);
}

int dbus_receive(struct dbus *d, struct dbus_message *ret, struct err *e)
{
	char header[DBUS_FIXED_HEADER];
	int r = read_exactly(d->fd, header, sizeof(header), e);
	if (r < 0)
		return r;
	int64_t size = dbus_message_size(header, e);
	if (size < 0)
		return (int)size;
	buf_clear(&d->in);
	buf_add(&d->in, header, sizeof(header));
	buf_reserve(&d->in, (size_t)size - sizeof(header));
	r = read_exactly(d->fd, d->in.data + sizeof(header), (size_t)size - sizeof(header), e);
	d->in.len = (size_t)size;
	r = r < 0 ? r : dbus_parse(d->in.data, d->in.len, ret, e);
	if (r == 0)
		log_debug("systemd: %s%s%s", ret->type == DBUS_SIGNAL ? "signal " : "answer ",
			ret->member ? ret->member : "", ret->error ? ret->error : "");
	return r;
}

int dbus_call(struct dbus *d, const struct dbus_call *c, struct dbus_message *ret,
	const char **ret_error, struct err *e)
{
	struct buf out cleanup_buf = BUF_INIT;
	uint32_t serial = ++d->serial;
	if (ret_error)
		*ret_error = NULL;
	dbus_format_call(&out, serial, c);
	int r = write_all(d->fd, out.data, out.len, e);
	do
		r = r < 0 ? r : dbus_receive(d, ret, e);
	while (r == 0 && (ret->reply_serial != serial ||
				 (ret->type != DBUS_RETURN && ret->type != DBUS_ERROR)));
	if (r < 0 || ret->type == DBUS_RETURN)
		return r;
	struct dbus_reader body = {ret->body, ret->body_len, 0};
	const char *why = ret->error ? ret->error : "error";
	if (ret_error)
		*ret_error = ret->error;
	if (ret->signature[0] == 's')
		dbus_get_str(&body, &why);
	return err_set(e, ERR_CHILD, "systemd refuses %s: %s", c->member, why);
}
