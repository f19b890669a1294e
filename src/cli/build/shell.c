/* A shell on a pty of the container, and this terminal around it. */
#include "cli/build/shell.h"
#include "base/err.h"
#include "base/io.h"
#include "base/strv.h"
#include "build/run.h"
#include "cli/build/progress.h"
#include "cli/cli.h"
#include "runtime/container.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

/* 0: go on; -1: one side has ended */
static int relay(int from, int to)
{
	char room[4096];
	ssize_t n = read(from, room, sizeof(room));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	return n <= 0 || io_write_all(to, room, (size_t)n) < 0 ? -1 : 0;
}

static void follow_size(int master, struct winsize *known)
{
	struct winsize w;
	if (ioctl(STDIN_FILENO, TIOCGWINSZ, &w) < 0)
		return;
	if (w.ws_col != known->ws_col || w.ws_row != known->ws_row)
		ioctl(master, TIOCSWINSZ, &w);
	*known = w;
}

/* Until the shell ends. The size is looked at twice a second: no signal handler for a rare thing. */
static void serve(struct runtime_container *k, int master, struct winsize *size)
{
	struct pollfd p[] = {{STDIN_FILENO, POLLIN, 0}, {master, POLLIN, 0},
		{runtime_container_pidfd(k), POLLIN, 0}};
	for (;;) {
		int n = poll(p, 3, 500);
		if (n < 0 && errno != EINTR)
			return;
		follow_size(master, size);
		if (n <= 0)
			continue;
		if (p[1].revents && relay(master, STDOUT_FILENO) < 0)
			return;
		if (p[2].revents && !p[1].revents)
			return;
		if (p[0].revents && relay(STDIN_FILENO, master) < 0)
			p[0].fd = -1;
	}
}

static int enter(struct build_running *x, struct err *e)
{
	struct strv argv cleanup_strv = STRV_INIT;
	strv_add(&argv, build_running_shell(x));
	struct winsize size = {.ws_row = 24, .ws_col = 80};
	ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	struct runtime_container *k cleanup_runtime_container = NULL;
	int r = build_running_enter(x, &argv, size.ws_row, size.ws_col, &k, e);
	if (r < 0)
		return r;
	cleanup_fd int master = runtime_container_take_master(k);
	struct termios before, raw;
	bool terminal = tcgetattr(STDIN_FILENO, &before) == 0;
	raw = before;
	cfmakeraw(&raw);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &raw);
	serve(k, master, &size);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &before);
	defs_close_cleanup(&master); /* a shell that is still there gets a hangup */
	master = -1;
	return runtime_wait(k, e);
}

void shell_in_step(void *arg, struct build_running *x)
{
	progress_pause(arg);
	fprintf(stderr, "The step failed. This is %s in its file system; exit ends the build.\n",
		build_running_shell(x));
	struct err e = ERR_INIT;
	if (enter(x, &e) < 0) {
		cli_error(&e);
		fprintf(stderr, "kist: no shell could be started in the step\n");
	}
}
