/* Child processes; see the header. */
#include "base/proc.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int proc_pidfd_open(pid_t pid)
{
	long fd = syscall(SYS_pidfd_open, pid, 0);
	return fd < 0 ? -errno : (int)fd;
}

int proc_pidfd_kill(int pidfd, int sig)
{
	return syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0) < 0 ? -errno : 0;
}

pid_t proc_fork(int (*fn)(void *arg), void *arg, int *ret_pidfd, struct err *e)
{
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		_exit(fn(arg) & 255);
	if (ret_pidfd) {
		*ret_pidfd = proc_pidfd_open(pid);
		if (*ret_pidfd < 0) {
			int r = err_sysno(e, *ret_pidfd, "pidfd_open");
			kill(pid, SIGKILL);
			waitpid(pid, NULL, 0);
			return r;
		}
	}
	return pid;
}

int proc_status(int wait_status)
{
	if (WIFEXITED(wait_status))
		return WEXITSTATUS(wait_status);
	return 128 + (WIFSIGNALED(wait_status) ? WTERMSIG(wait_status) : 0);
}

int proc_wait(pid_t pid, struct err *e)
{
	int status;
	pid_t r;
	do
		r = waitpid(pid, &status, 0);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, "wait for process %d", (int)pid) : proc_status(status);
}

static no_return void exec_child(char *const argv[], int in, int out, enum proc_flags flags)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL); /* ignored here, and that would be inherited */
	dup2(in >= 0 ? in : null, 0);
	dup2(out >= 0 ? out : null, 1);
	if (flags & PROC_QUIET_STDERR)
		dup2(null, 2);
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Until the end of the pipe or the deadline (0: none). */
static int read_until(int fd, struct buf *out, int64_t deadline)
{
	char chunk[16384];
	for (;;) {
		int64_t left = deadline ? (deadline - clock_monotonic()) / 1000000 : -1;
		if (deadline && left <= 0)
			return -ETIMEDOUT;
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int n = poll(&p, 1, (int)MIN(left, 1 << 30));
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n <= 0)
			continue;
		ssize_t k = read(fd, chunk, sizeof(chunk));
		if (k < 0 && errno == EINTR)
			continue;
		if (k <= 0)
			return k < 0 ? -errno : buf_reserve(out, 0);
		int r = buf_add(out, chunk, (size_t)k);
		explicit_bzero(chunk, (size_t)k); /* what a child says may be a secret */
		if (r < 0)
			return r;
	}
}

/* A pidfd is readable when its process has ended. */
static void kill_after(pid_t pid, int64_t deadline, int *r)
{
	cleanup_fd int fd = proc_pidfd_open(pid);
	struct pollfd p = {.fd = fd, .events = POLLIN};
	int n = 0;
	while (*r >= 0 && fd >= 0 && n <= 0) {
		int64_t left = (deadline - clock_monotonic()) / 1000000;
		n = left > 0 ? poll(&p, 1, (int)MIN(left, 1 << 30)) : 0;
		if (left <= 0)
			*r = -ETIMEDOUT;
	}
	if (*r < 0)
		kill(pid, SIGKILL);
}

int proc_run_within(char *const argv[], int in_fd, struct buf *out, enum proc_flags flags,
	int64_t ms, struct err *e)
{
	int64_t deadline = ms ? clock_monotonic() + ms * 1000000 : 0;
	int p[2] = {-1, -1};
	if (out && pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int from = p[0], to = p[1];
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0)
		exec_child(argv, in_fd, to, flags);
	int r = 0;
	if (out) {
		close(to);
		to = -1;
		r = read_until(from, out, deadline);
		close(from); /* a child that writes on gets SIGPIPE, not a full pipe */
		from = -1;
	}
	if (deadline)
		kill_after(pid, deadline, &r);
	int status = proc_wait(pid, e);
	if (r == -ETIMEDOUT)
		return err_set(e, ETIMEDOUT, "'%s' did not end within %lld seconds", argv[0],
			(long long)(ms / 1000));
	if (r < 0)
		return err_sysno(e, r, "read the output of '%s'", argv[0]);
	return status;
}

int proc_run(char *const argv[], int in_fd, struct buf *out, enum proc_flags flags, struct err *e)
{
	return proc_run_within(argv, in_fd, out, flags, 0, e);
}

pid_t proc_start(char *const argv[], int *ret_out, int *ret_err, struct err *e)
{
	int o[2], r[2];
	if (pipe2(o, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int out = o[0], out_to = o[1];
	if (pipe2(r, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int errors = r[0], errors_to = r[1];
	pid_t us = getpid(), pid = fork();
	if (pid < 0)
		return err_sys(e, "fork");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != us)
			_exit(127); /* we died before that */
		dup2(errors_to, 2);
		exec_child(argv, -1, out_to, 0);
	}
	io_set_nonblock(out, true);
	io_set_nonblock(errors, true);
	*ret_out = STEAL_FD(out);
	*ret_err = STEAL_FD(errors);
	return pid;
}

bool proc_is_installed(const char *name)
{
	const char *path = getenv("PATH");
	for (const char *p = path ? path : "/bin:/usr/bin"; *p;) {
		char file[4096];
		size_t n = strcspn(p, ":");
		int len = snprintf(file, sizeof(file), "%.*s/%s", (int)n, p, name);
		if (n && len < (int)sizeof(file) && access(file, X_OK) == 0)
			return true;
		p += n + (p[n] == ':');
	}
	return false;
}

static no_return void exec_detached(char *const argv[], int keep_fd, int out)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig,
			SIG_DFL); /* ignored ones would stay so: pasta takes that for an error */
	/* above all targets first: none of them may be overwritten before it is copied */
	int high_keep = keep_fd < 0 ? -1 : fcntl(keep_fd, F_DUPFD_CLOEXEC, 4);
	int high_out = fcntl(out, F_DUPFD_CLOEXEC, 4);
	dup2(null, 0);
	dup2(high_out, 1);
	dup2(high_out, 2);
	if (high_keep >= 0)
		dup2(high_keep, 3);
	execvp(argv[0], argv);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

pid_t proc_detach(char *const argv[], int keep_fd, int out, struct err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int from = p[0], to = p[1];
	pid_t between = fork();
	if (between < 0)
		return err_sys(e, "fork");
	if (between == 0) {
		setsid();
		pid_t pid = fork();
		if (pid == 0)
			exec_detached(argv, keep_fd, out);
		_exit(io_write_all(to, &pid, sizeof(pid)) < 0);
	}
	close(to);
	to = -1;
	pid_t pid = -1;
	ssize_t n = io_read_full(from, &pid, sizeof(pid));
	proc_wait(between, NULL);
	if (n != (ssize_t)sizeof(pid) || pid < 0)
		return err_set(e, ERR_CHILD, "start '%s'", argv[0]);
	return pid;
}

int proc_name(pid_t pid, char *out, size_t size)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/comm", (int)pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = io_read_full(fd, out, size - 1);
	if (n < 0)
		return (int)n;
	out[n] = 0;
	out[strcspn(out, "\n")] = 0;
	return 0;
}

int proc_start_time(pid_t pid, uint64_t *ret_ticks)
{
	char path[64], text[1024];
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	ssize_t n = read(fd, text, sizeof(text) - 1); /* it comes whole */
	if (n <= 0)
		return -ESRCH;
	text[n] = 0;
	/* the name in field 2 may hold blanks and parentheses: count from the last ')' */
	char *p = strrchr(text, ')');
	if (!p || !p[1] || !p[2] || p[2] == 'Z' || p[2] == 'X')
		return -ESRCH; /* a zombie has ended */
	for (int field = 2; field < 22 && p; field++)
		p = strchr(p + 1, ' ');
	if (!p)
		return -ESRCH;
	p++;
	p[strcspn(p, " ")] = 0;
	return str_parse_u64(p, 10, ret_ticks);
}

void proc_close_fds(unsigned first, unsigned last)
{
	syscall(SYS_close_range, first, last, 0);
}

void proc_cloexec_fds(unsigned first, unsigned last)
{
	syscall(SYS_close_range, first, last, CLOSE_RANGE_CLOEXEC);
}

/* What programs mean by RTMIN and RTMAX: glibc's numbers, whatever our own C library keeps. */
enum { FIRST_REALTIME = 34, LAST_REALTIME = 64 };

int proc_parse_signal(const char *s)
{
	static const struct {
		const char *name;
		int sig;
	} aliases[] = {{"SIGPOLL", SIGPOLL}, {"SIGIOT", SIGIOT}, {"SIGCLD", SIGCHLD}};
	uint64_t v;
	if (str_parse_u64(s, 10, &v) == 0)
		return v >= 1 && v <= LAST_REALTIME ? (int)v : -EINVAL;
	if (strncasecmp(s, "SIG", 3) == 0)
		s += 3;
	for (int sig = 1; sig < FIRST_REALTIME; sig++) {
		const char *name = proc_signal_name(sig);
		if (name && strcasecmp(name + 3, s) == 0)
			return sig;
	}
	for (size_t i = 0; i < ARRAY_SIZE(aliases); i++)
		if (strcasecmp(aliases[i].name + 3, s) == 0)
			return aliases[i].sig;
	bool min = strncasecmp(s, "RTMIN", 5) == 0, max = strncasecmp(s, "RTMAX", 5) == 0;
	if (!min && !max)
		return -EINVAL;
	v = 0;
	if (s[5] && ((s[5] != (min ? '+' : '-')) || str_parse_u64(s + 6, 10, &v) < 0 || v > 30))
		return -EINVAL;
	return min ? FIRST_REALTIME + (int)v : LAST_REALTIME - (int)v;
}

const char *proc_signal_name(int sig)
{
	static const char *const names[] = {
#define N(x) [SIG##x] = "SIG" #x
		N(HUP), N(INT), N(QUIT), N(ILL), N(TRAP), N(ABRT), N(BUS), N(FPE), N(KILL), N(USR1),
		N(SEGV), N(USR2), N(PIPE), N(ALRM), N(TERM), N(STKFLT), N(CHLD), N(CONT), N(STOP),
		N(TSTP), N(TTIN), N(TTOU), N(URG), N(XCPU), N(XFSZ), N(VTALRM), N(PROF), N(WINCH),
		N(IO), N(PWR), N(SYS)
#undef N
	};
	return sig > 0 && (size_t)sig < ARRAY_SIZE(names) ? names[sig] : NULL;
}
