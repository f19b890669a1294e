/* The monitor's clients: output goes to all of them, input comes from any. A client that does not
 * read holds the container's output back, as a terminal would; libc only. */
#include "base/clock.h"
#include "base/io.h"
#include "engine/monitor_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

void monitor_client_add(struct engine_monitor *m, int fd)
{
	if (m->nclients == ENGINE_MONITOR_CLIENTS || io_set_nonblock(fd, true) < 0) {
		close(fd);
		return;
	}
	m->clients[m->nclients++] = (struct engine_client){.fd = fd};
}

void monitor_client_drop(struct engine_monitor *m, size_t i, bool detached)
{
	close(m->clients[i].fd);
	m->nclients--;
	memmove(&m->clients[i], &m->clients[i + 1], (m->nclients - i) * sizeof(m->clients[0]));
	if (m->stdin_once && !detached && m->nclients == 0) {
		m->input_end = true;
		monitor_input_flush(m);
	}
}

bool monitor_clients_late(const struct engine_monitor *m)
{
	for (size_t i = 0; i < m->nclients; i++)
		if (m->clients[i].late)
			return true;
	return false;
}

/* True when the client is still there. */
static bool send_piece(struct engine_monitor *m, size_t i)
{
	struct engine_client *c = &m->clients[i];
	int r = engine_attach_send(
		c->fd, (enum engine_attach_type)m->piece_type, monitor_piece(m), m->piece_len);
	if (r == -EAGAIN && !c->late)
		c->since = clock_monotonic();
	c->late = r == -EAGAIN;
	if (r == 0 || r == -EAGAIN)
		return true;
	monitor_client_drop(m, i, false);
	return false;
}

void monitor_client_flush(struct engine_monitor *m)
{
	for (size_t i = 0; i < m->nclients;) {
		/* After the end nobody is waited for for ever: the exit must be recorded. */
		bool hopeless = m->ended && m->clients[i].late &&
				clock_monotonic() - m->clients[i].since > 5 * CLOCK_NS_PER_S;
		if (hopeless)
			monitor_client_drop(m, i, true);
		else if (!m->clients[i].late || send_piece(m, i))
			i++;
	}
}

void monitor_clients_say(
	struct engine_monitor *m, enum engine_attach_type type, const void *p, size_t len)
{
	for (size_t i = 0; i < m->nclients; i++)
		engine_attach_send(m->clients[i].fd, type, p, len);
}

bool monitor_output(struct engine_monitor *m, int *fd, enum engine_attach_type type)
{
	ssize_t n;
	do
		n = read(*fd, monitor_piece(m), ENGINE_ATTACH_DATA);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) { /* a terminal whose last user has gone answers EIO */
		monitor_close(fd);
		return false;
	}
	engine_log_write(&m->log, type == ENGINE_ATTACH_STDERR ? ENGINE_STDERR : ENGINE_STDOUT,
		clock_now(), monitor_piece(m), (size_t)n);
	m->piece_type = (char)type;
	m->piece_len = (size_t)n;
	for (size_t i = 0; i < m->nclients;)
		i += send_piece(m, i);
	return true;
}

void monitor_input_flush(struct engine_monitor *m)
{
	int fd = m->master >= 0 ? m->master : m->in;
	while (m->input_pos < m->input_len && fd >= 0) {
		ssize_t n = write(fd, monitor_input(m) + m->input_pos, m->input_len - m->input_pos);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n < 0) {
			monitor_close(&m->in);
			break;
		}
		m->input_pos += (size_t)n;
	}
	m->input_len = m->input_pos = 0;
	if (m->input_end)
		monitor_close(&m->in);
}

static void resize(struct engine_monitor *m, const char *p, ssize_t len)
{
	struct engine_attach_size size;
	if (len != sizeof(size) || m->master < 0)
		return;
	memcpy(&size, p, sizeof(size));
	struct winsize ws = {.ws_row = size.rows, .ws_col = size.columns};
	ioctl(m->master, TIOCSWINSZ, &ws);
}

void monitor_client_read(struct engine_monitor *m, size_t i)
{
	int type;
	ssize_t n = engine_attach_recv(m->clients[i].fd, &type, monitor_input(m), NULL);
	if (n == -EAGAIN)
		return;
	switch (n < 0 ? 0 : type) {
	case ENGINE_ATTACH_INPUT:
		m->input_len = (size_t)n;
		m->input_pos = 0;
		monitor_input_flush(m);
		break;
	case ENGINE_ATTACH_INPUT_END:
		m->input_end = true;
		monitor_input_flush(m);
		break;
	case ENGINE_ATTACH_RESIZE:
		resize(m, monitor_input(m), n);
		break;
	case ENGINE_ATTACH_CLOSE:
		/* only when nobody else listens: the program then sees a broken pipe, as it would
		 * without us */
		if (n == 1 && m->nclients == 1 && m->leave_with_client)
			monitor_close(
				monitor_input(m)[0] == ENGINE_ATTACH_STDERR ? &m->err : &m->out);
		break;
	case ENGINE_ATTACH_DETACH:
		monitor_client_drop(m, i, true);
		break;
	default: /* gone, or nothing that we know */
		monitor_client_drop(m, i, false);
	}
}
