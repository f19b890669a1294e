/* Stays with a process in the foreground: passes signals on, copies a terminal, waits. */
#include "base/err.h"
#include "base/io.h"
#include "base/proc.h"
#include "cli/runtime/runtime.h"
#include "runtime/container.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

static void copy_size(int master)
{
	struct winsize size;
	if (ioctl(0, TIOCGWINSZ, &size) == 0)
		ioctl(master, TIOCSWINSZ, &size);
}

/* Orphans that came to us; the container's own process is waited for by its owner. */
static void reap_orphans(struct runtime_container *k)
{
	siginfo_t info = {0};
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid &&
		info.si_pid != runtime_container_pid(k)) {
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
}

static void pass_signal(int fd, struct runtime_container *k, int master)
{
	struct signalfd_siginfo info;
	if (read(fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (info.ssi_signo == SIGWINCH && master >= 0)
		copy_size(master);
	else if (info.ssi_signo == SIGCHLD)
		reap_orphans(k);
	else
		proc_pidfd_kill(runtime_container_pidfd(k), (int)info.ssi_signo);
}

/* false: the other side has ended */
static bool copy_some(int from, int to)
{
	char text[8192];
	ssize_t n = read(from, text, sizeof(text));
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return true;
	return n > 0 && io_write_all(to, text, (size_t)n) == 0;
}

static void serve(struct runtime_container *k, int signals, int master)
{
	struct pollfd p[] = {
		{runtime_container_pidfd(k), POLLIN, 0},
		{signals, POLLIN, 0},
		{master, POLLIN, 0},
		{master >= 0 ? 0 : -1, POLLIN, 0},
	};
	for (;;) {
		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return;
		if (p[1].revents)
			pass_signal(signals, k, master);
		if (p[2].revents && !copy_some(master, 1))
			p[2].fd = -1;
		if (p[3].revents && !copy_some(0, master))
			p[3].fd = -1;
		if (p[0].revents && (p[2].fd < 0 || !p[2].revents))
			return;
	}
}

static void passed_signals(sigset_t *ret)
{
	/* those that mean a fault of our own stay as they are */
	const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPIPE};
	sigfillset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		sigdelset(ret, own[i]);
}

/* They stay blocked to the end: one that comes after the program's must not keep us from removing
 * the container. */
void attend_signals(void)
{
	sigset_t all;
	passed_signals(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

int attend(struct runtime_container *k, struct err *e)
{
	sigset_t all;
	cleanup_fd int master = runtime_container_take_master(k);
	passed_signals(&all);
	cleanup_fd int signals = signalfd(-1, &all, SFD_CLOEXEC);
	struct termios before;
	bool raw = master >= 0 && tcgetattr(0, &before) == 0;
	if (raw) {
		struct termios t = before;
		cfmakeraw(&t);
		tcsetattr(0, TCSANOW, &t);
		copy_size(master);
	}
	serve(k, signals, master);
	if (raw)
		tcsetattr(0, TCSANOW, &before);
	return runtime_wait(k, e);
}
