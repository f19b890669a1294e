/* kist exec. */
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "engine/exec.h"
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

struct session {
	int master; /* of its terminal, or the pipes to its standard streams; -1: none */
	int in, out[2];
	int pidfd;
	bool raw;
	struct termios old;
};

static void session_release(struct session *s)
{
	int *fds[] = {&s->master, &s->in, &s->out[0], &s->out[1]};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (*fds[i] >= 0)
			close(STEAL_FD(*fds[i]));
	if (s->raw)
		relay_cooked(&s->old);
	s->raw = false;
}

static void resize(struct session *s)
{
	uint16_t rows, columns;
	relay_terminal_size(&rows, &columns);
	struct winsize ws = {.ws_row = rows, .ws_col = columns};
	if (rows && s->master >= 0)
		ioctl(s->master, TIOCSWINSZ, &ws);
}

/* One piece from a to b. False: the end. */
static bool copy(int a, int b)
{
	char data[16384];
	ssize_t n = read(a, data, sizeof(data));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && io_write_all(b, data, (size_t)n) == 0;
}

static void take_signals(struct session *s, int sfd)
{
	struct signalfd_siginfo si;
	while (read(sfd, &si, sizeof(si)) == (ssize_t)sizeof(si))
		if (si.ssi_signo == SIGWINCH)
			resize(s);
		else if (si.ssi_signo != SIGCONT && si.ssi_signo != SIGPIPE)
			proc_pidfd_kill(s->pidfd, (int)si.ssi_signo);
}

static void close_input(struct session *s)
{
	if (s->in >= 0)
		close(STEAL_FD(s->in));
}

/* Copies until the program has ended and its output has been read. */
static void pump(struct session *s, bool input)
{
	sigset_t set;
	sigprocmask(SIG_BLOCK, NULL, &set);
	cleanup_fd int sfd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	int to = s->master >= 0 ? s->master : s->in;
	for (bool ended = false;;) {
		int out = s->master >= 0 ? s->master : s->out[0];
		struct pollfd p[] = {{out, POLLIN, 0}, {s->out[1], POLLIN, 0},
			{ended ? -1 : s->pidfd, POLLIN, 0}, {sfd, POLLIN, 0},
			{input ? 0 : -1, POLLIN, 0}};
		if (poll(p, ARRAY_SIZE(p), ended ? 0 : -1) < 0 && errno != EINTR)
			return;
		bool any = false;
		if (p[3].revents)
			take_signals(s, sfd);
		if (p[0].revents && !(any = copy(out, 1)))
			close(s->master >= 0 ? STEAL_FD(s->master) : STEAL_FD(s->out[0]));
		if (p[1].revents && !(any |= copy(s->out[1], 2)))
			close(STEAL_FD(s->out[1]));
		if (p[4].revents && !copy(0, to)) {
			input = false;
			close_input(s);
		}
		if (ended && !any)
			return;
		ended |= p[2].revents != 0;
	}
}

static int make_pipe(int *ours, int *theirs, bool we_write, struct err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*ours = p[we_write];
	*theirs = p[!we_write];
	return 0;
}

/* Pipes rather than our own descriptors: what runs inside must not get hold of our terminal or of
 * files that our streams come from. */
static int make_stdio(struct session *s, struct engine_exec_options *o, bool input, struct err *e)
{
	int r = make_pipe(&s->out[0], &o->stdio[1], false, e);
	if (r >= 0)
		r = make_pipe(&s->out[1], &o->stdio[2], false, e);
	if (r >= 0 && input)
		return make_pipe(&s->in, &o->stdio[0], true, e);
	if (r >= 0) {
		o->stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		r = o->stdio[0] < 0 ? err_sys(e, "open /dev/null") : 0;
	}
	return r;
}

static void exec_options_release(struct engine_exec_options *o)
{
	strv_release(&o->args);
	strv_release(&o->env);
	for (size_t i = 0; i < 3; i++)
		if (o->stdio[i] >= 0)
			close(STEAL_FD(o->stdio[i]));
}

static int run_attached(struct cli *c, struct containers *s, struct engine_container *k,
	struct engine_exec_options *o)
{
	struct session session cleanup(session_release) = {
		.master = -1, .in = -1, .out = {-1, -1}, .pidfd = -1};
	struct runtime_container *p cleanup_runtime_container = NULL;
	bool input = cli_flag(c, "interactive");
	int r = o->tty ? 0 : make_stdio(&session, o, input, &c->err);
	if (r < 0)
		return r;
	relay_terminal_size(&o->rows, &o->columns);
	relay_block_signals();
	r = engine_exec(&s->g, k, o, &p, &c->err);
	if (r < 0)
		return containers_start_failed(c, r);
	for (size_t i = 0; i < 3; i++)
		if (o->stdio[i] >= 0)
			close(STEAL_FD(o->stdio[i]));
	session.master = o->tty ? runtime_container_take_master(p) : -1;
	session.pidfd = runtime_container_pidfd(p);
	session.raw = o->tty && input && relay_raw(&session.old) == 0;
	pump(&session, input);
	session_release(&session);
	return runtime_wait(p, &c->err);
}

static int run_detached(struct cli *c, struct containers *s, struct engine_container *k,
	struct engine_exec_options *o)
{
	struct runtime_container *p cleanup_runtime_container = NULL;
	o->tty = false;
	for (size_t i = 0; i < 3; i++)
		o->stdio[i] = open("/dev/null", O_RDWR | O_CLOEXEC);
	int r = engine_exec(&s->g, k, o, &p, &c->err);
	return r < 0 ? containers_start_failed(c, r) : 0;
}

static int cmd_exec(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct engine_exec_options o cleanup(exec_options_release) = {
		.cwd = cli_value(c, "workdir"),
		.user = cli_value(c, "user"),
		.tty = cli_flag(c, "tty"),
		.privileged = cli_flag(c, "privileged"),
		.stdio = {-1, -1, -1}};
	for (int i = 1; i < c->n_operands; i++)
		strv_add(&o.args, c->operands[i]);
	bool detach = cli_flag(c, "detach");
	if (o.tty && cli_flag(c, "interactive") && !detach && !isatty(0))
		return err_set(
			&c->err, ERR_USAGE, "the input device is not a terminal: -t needs one");
	int r = containers_env(c, &o.env);
	if (r >= 0)
		r = containers_open(c, &s);
	if (r >= 0)
		r = engine_container_find(&s.g, c->operands[0], &k, &c->err);
	if (r < 0)
		return r;
	return detach ? run_detached(c, &s, &k, &o) : run_attached(c, &s, &k, &o);
}

CLI_COMMAND(exec, cmd_exec);

/* One health check, for the monitor: its status decides, its output is kept for inspect. */
static int cmd_healthcheck(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct engine_exec_options o cleanup(exec_options_release) = {.stdio = {-1, -1, -1}};
	struct runtime_container *p cleanup_runtime_container = NULL;
	int r = containers_open(c, &s);
	if (r >= 0)
		r = engine_container_find(&s.g, c->operands[0], &k, &c->err);
	if (r < 0)
		return r;
	const struct strv *test = &k.config.config.healthcheck.test;
	if (test->n < 2)
		return err_set(
			&c->err, ERR_STATE, "container '%s' has no health check", k.row.name);
	if (str_eq(test->v[0], "CMD-SHELL")) {
		const struct strv *shell = &k.config.config.shell;
		if (shell->n)
			strv_add_all(&o.args, shell);
		else {
			strv_add(&o.args, "/bin/sh");
			strv_add(&o.args, "-c");
		}
	}
	for (size_t i = 1; i < test->n; i++)
		strv_add(&o.args, test->v[i]);
	cleanup_free char *path = store_container_path(s.store, k.row.id, "health");
	for (size_t i = 0; i < 3; i++)
		o.stdio[i] = open(i ? path : "/dev/null",
			O_RDWR | O_CLOEXEC | (i ? O_CREAT | O_APPEND : 0) | (i == 1 ? O_TRUNC : 0),
			0600);
	r = engine_exec(&s.g, &k, &o, &p, &c->err);
	return r < 0 ? containers_start_failed(c, r) : runtime_wait(p, &c->err);
}

CLI_COMMAND(healthcheck, cmd_healthcheck);
