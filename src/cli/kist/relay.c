/* The foreground client: our terminal and signals on one side, the container's monitor on the
 * other. Nothing here blocks on one side while the other has something to say. */
#include "base/clock.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "engine/attach.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

enum { MAX_KEYS = 8, FORCE_COUNT = 3 };

struct state {
	const struct relay *r;
	char input[ENGINE_ATTACH_DATA];
	size_t input_len; /* read and not yet sent */
	bool input_end;   /* to be told */
	bool input_open;
	bool closed[2]; /* standard output, standard error: nobody reads them */
	char keys[MAX_KEYS];
	size_t nkeys, matched;
	unsigned interrupts;
	int result;
	bool done;
};

void relay_block_signals(void)
{
	static const int signals[] = {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2, SIGALRM,
		SIGWINCH, SIGCONT, SIGPIPE};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(&set, signals[i]);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

void relay_terminal_size(uint16_t *ret_rows, uint16_t *ret_columns)
{
	struct winsize ws;
	*ret_rows = *ret_columns = 0;
	for (int fd = 0; fd <= 2; fd++)
		if (ioctl(fd, TIOCGWINSZ, &ws) == 0) {
			*ret_rows = ws.ws_row;
			*ret_columns = ws.ws_col;
			return;
		}
}

int relay_raw(struct termios *old)
{
	struct termios raw;
	if (!isatty(0) || tcgetattr(0, old) < 0)
		return -ENOTTY;
	raw = *old;
	cfmakeraw(&raw);
	return tcsetattr(0, TCSADRAIN, &raw) < 0 ? -errno : 0;
}

void relay_cooked(const struct termios *old)
{
	tcsetattr(0, TCSADRAIN, old);
}

/* "ctrl-p,ctrl-q", "a,b" */
static int parse_keys(struct state *s, const char *text, struct err *e)
{
	while (text && *text) {
		size_t len = strcspn(text, ",");
		char key = 0;
		if (len == 1)
			key = text[0];
		else if (len == 6 && str_starts(text, "ctrl-") && isalpha((unsigned char)text[5]))
			key = (char)(text[5] & 31);
		else if (len == 6 && str_starts(text, "ctrl-") && strchr("@[\\]^_", text[5]))
			key = (char)(text[5] & 31);
		if ((!key && !(len == 6 && text[5] == '@')) || s->nkeys == MAX_KEYS)
			return err_set(e, ERR_USAGE,
				"--detach-keys: expected keys such as ctrl-p,ctrl-q or a,b");
		s->keys[s->nkeys++] = key;
		text += len + (text[len] == ',');
	}
	return 0;
}

static void send_size(struct state *s)
{
	struct engine_attach_size size;
	relay_terminal_size(&size.rows, &size.columns);
	if (size.rows && s->r->tty)
		engine_attach_send(s->r->fd, ENGINE_ATTACH_RESIZE, &size, sizeof(size));
}

static void finish(struct state *s, int result)
{
	s->result = result;
	s->done = true;
}

/* Takes the detach keys out of what was typed. True when they are complete. */
static bool filter_keys(struct state *s)
{
	char out[ENGINE_ATTACH_DATA];
	size_t n = 0;
	for (size_t i = 0; i < s->input_len; i++) {
		char c = s->input[i];
		if (c == s->keys[s->matched]) {
			if (++s->matched == s->nkeys)
				return true;
			continue;
		}
		/* what was held back belongs to the program after all */
		size_t held = MIN(s->matched, sizeof(out) - n);
		memcpy(out + n, s->keys, held);
		n += held;
		s->matched = c == s->keys[0] && s->nkeys > 1;
		if (!s->matched && n < sizeof(out))
			out[n++] = c;
	}
	memcpy(s->input, out, n);
	s->input_len = n;
	return false;
}

static void send_input(struct state *s)
{
	if (s->input_len) {
		int r = engine_attach_send(s->r->fd, ENGINE_ATTACH_INPUT, s->input, s->input_len);
		if (r == -EAGAIN)
			return;
		s->input_len = 0; /* any other error: the end will come as a message */
	}
	if (s->input_end && engine_attach_send(s->r->fd, ENGINE_ATTACH_INPUT_END, NULL, 0) == 0)
		s->input_end = false;
}

static void take_input(struct state *s)
{
	/* room for keys that were held back */
	ssize_t n = read(0, s->input, sizeof(s->input) - MAX_KEYS);
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (n <= 0) {
		s->input_open = false;
		s->input_end = true;
	} else {
		s->input_len = (size_t)n;
		if (s->nkeys && filter_keys(s)) {
			engine_attach_send(s->r->fd, ENGINE_ATTACH_DETACH, NULL, 0);
			finish(s, RELAY_DETACHED);
			return;
		}
	}
	send_input(s);
}

/* Output that nobody here reads any more: the program shall see it as in a pipeline. */
static void stream_closed(struct state *s, int fd)
{
	char which = fd == 1 ? ENGINE_ATTACH_STDOUT : ENGINE_ATTACH_STDERR;
	s->closed[fd - 1] = true;
	engine_attach_send(s->r->fd, ENGINE_ATTACH_CLOSE, &which, 1);
}

static void print(struct state *s, int fd, const char *p, size_t len)
{
	bool wanted = fd == 1 ? s->r->output : s->r->error;
	if (wanted && !s->closed[fd - 1] && io_write_all(fd, p, len) < 0)
		stream_closed(s, fd);
}

static void take_message(struct state *s)
{
	char data[ENGINE_ATTACH_DATA];
	struct engine_attach_exit x;
	int type;
	ssize_t n = engine_attach_recv(s->r->fd, &type, data, NULL);
	if (n == -EAGAIN)
		return;
	switch (n < 0 ? 0 : type) {
	case ENGINE_ATTACH_STDOUT:
		print(s, 1, data, (size_t)n);
		break;
	case ENGINE_ATTACH_STDERR:
		print(s, 2, data, (size_t)n);
		break;
	case ENGINE_ATTACH_EXIT:
		if (n != sizeof(x))
			break;
		memcpy(&x, data, sizeof(x));
		finish(s, x.status);
		break;
	case 0:
		finish(s, RELAY_LOST);
		break;
	default:
		break;
	}
}

static void take_signal(struct state *s, int sfd)
{
	struct signalfd_siginfo si;
	while (read(sfd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		int sig = (int)si.ssi_signo;
		if (sig == SIGWINCH) {
			send_size(s);
		} else if (sig == SIGCONT || sig == SIGPIPE) {
			continue;
		} else if (s->r->sig_proxy && s->r->pidfd >= 0) {
			proc_pidfd_kill(s->r->pidfd, sig);
			s->interrupts += sig == SIGINT || sig == SIGTERM;
			if (s->interrupts >= FORCE_COUNT) /* the person wants out */
				finish(s, RELAY_DETACHED);
		} else {
			finish(s, RELAY_DETACHED);
		}
	}
}

static int open_signals(void)
{
	sigset_t set;
	sigprocmask(SIG_BLOCK, NULL, &set);
	sigdelset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

static void loop(struct state *s, int sfd)
{
	while (!s->done) {
		bool pending = s->input_len || s->input_end;
		struct pollfd p[] = {
			{s->r->fd, (short)(POLLIN | (pending ? POLLOUT : 0)), 0},
			{sfd, POLLIN, 0},
			{s->input_open && !pending ? 0 : -1, POLLIN, 0},
		};
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			take_signal(s, sfd);
		if (p[0].revents & POLLOUT)
			send_input(s);
		if (!s->done && p[0].revents & (POLLIN | POLLHUP | POLLERR))
			take_message(s);
		if (!s->done && p[2].revents)
			take_input(s);
	}
}

/* The monitor puts the network and the cgroup away: when the stream ends, nothing is left. */
static void wait_put_away(const struct relay *r)
{
	char data[ENGINE_ATTACH_DATA];
	int64_t until = clock_monotonic() + 20 * CLOCK_NS_PER_S;
	for (;;) {
		struct pollfd p = {r->fd, POLLIN, 0};
		int64_t left = (until - clock_monotonic()) / 1000000;
		int type = 0;
		if (left <= 0 || poll(&p, 1, (int)left) <= 0 ||
			engine_attach_recv(r->fd, &type, data, NULL) < 0 || type == 0)
			return;
	}
}

int relay_run(const struct relay *r, struct err *e)
{
	struct state *s = mem_alloc(sizeof(*s));
	struct termios old;
	s->r = r;
	s->input_open = r->input;
	int result = parse_keys(s,
		r->detach_keys ? r->detach_keys
		: r->tty       ? "ctrl-p,ctrl-q"
			       : "",
		e);
	cleanup_fd int sfd = result < 0 ? -1 : open_signals();
	if (sfd >= 0) {
		bool raw = r->tty && r->input && relay_raw(&old) == 0;
		io_set_nonblock(r->fd, true);
		send_size(s);
		if (!r->input) {
			s->input_end = true;
			send_input(s);
		}
		loop(s, sfd);
		if (raw)
			relay_cooked(&old);
		result = s->result;
	}
	free(s);
	if (result >= 0) {
		if (r->on_exit)
			r->on_exit(r->arg);
		wait_put_away(r);
	}
	return result;
}
