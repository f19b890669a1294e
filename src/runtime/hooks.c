/* Runs hooks; see hooks_priv.h. */
#include "runtime/hooks_priv.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	PIPE_ROOM = 4096,   /* what the smallest pipe holds, pipe(7) */
	OUTPUT_KEPT = 512,  /* of what a hook says, for the message when it fails */
	READS_AT_END = 256, /* something it started may go on writing for ever */
};

struct hook_child {
	const struct runtime_hook *h;
	int in, out;
};

/* The end of what a hook wrote to its standard output and error. Neither is the container's: an
 * engine would take it for words of the program. */
struct hook_output {
	int fd;
	char text[OUTPUT_KEPT + 1];
	size_t len;
};

static int hook_main(void *arg)
{
	const struct hook_child *c = arg;
	const struct runtime_hook *h = c->h;
	sigset_t none;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0);
	setpgid(0, 0); /* one name for it and what it starts, should it take too long */
	dup2(c->in, 0);
	dup2(c->out, 1);
	dup2(c->out, 2);
	proc_cloexec_fds(3, ~0U);
	const char *const just_path[] = {h->path, NULL};
	const char *const *args = h->args.n ? h->args.v : just_path;
	const char *const none_env[] = {NULL};
	const char *const *env = h->env.n ? h->env.v : none_env;
	execve(h->path, (char *const *)(void *)args, (char *const *)(void *)env);
	return errno == ENOENT ? 127 : 126;
}

/* false: nothing more comes now */
static bool read_output(struct hook_output *o)
{
	char part[OUTPUT_KEPT];
	ssize_t n = read(o->fd, part, sizeof(part));
	if (n <= 0)
		return false;
	size_t add = (size_t)n, keep = MIN(o->len, OUTPUT_KEPT - add);
	memmove(o->text, o->text + o->len - keep, keep);
	memcpy(o->text + keep, part, add);
	o->len = keep + add;
	return true;
}

/* One line of it, as a message wants it: ": why it failed", or nothing */
static const char *output_line(struct hook_output *o, char *out, size_t size)
{
	while (o->len && isspace((unsigned char)o->text[o->len - 1]))
		o->len--;
	o->text[o->len] = 0;
	for (size_t i = 0; i < o->len; i++)
		if (iscntrl((unsigned char)o->text[i]))
			o->text[i] = ' ';
	snprintf(out, size, "%s%s", o->len ? ": " : "", o->text);
	return out;
}

/* Until the hook ends: 1, or 0 when its time is over */
static int follow(const struct runtime_hook *h, int pidfd, struct hook_output *o)
{
	struct pollfd p[] = {{pidfd, POLLIN, 0}, {o->fd, POLLIN, 0}};
	int64_t end = clock_monotonic() + (int64_t)h->timeout_s * 1000000000;
	while (!p[0].revents) {
		int64_t left = h->timeout_s ? (end - clock_monotonic() + 999999) / 1000000 : -1;
		int r = poll(p, 2, (int)(h->timeout_s ? MAX(left, 0) : -1));
		if (r == 0)
			return 0;
		if (r > 0 && p[1].revents && !read_output(o))
			p[1].fd = -1;
	}
	for (int i = 0; i < READS_AT_END && read_output(o); i++)
		;
	return 1;
}

static int wait_hook(
	const struct runtime_hook *h, pid_t pid, int pidfd, struct hook_output *o, struct err *e)
{
	char said[OUTPUT_KEPT + 3];
	bool ended = follow(h, pidfd, o);
	if (!ended) {
		kill(-pid, SIGKILL); /* the leader is not reaped yet: nobody else has the number */
		proc_pidfd_kill(pidfd, SIGKILL);
	}
	int status = proc_wait(pid, e);
	output_line(o, said, sizeof(said));
	if (!ended)
		return err_set(e, ERR_CHILD, "hook '%s' took longer than %d s%s", h->path,
			h->timeout_s, said);
	if (status < 0)
		return status;
	if (status > 128)
		return err_set(e, ERR_CHILD, "hook '%s' was killed by signal %d%s", h->path,
			status - 128, said);
	if (status == 127 && !o->len)
		return err_set(e, ERR_CHILD, "hook '%s' cannot be found, or ended with status 127",
			h->path);
	return status ? err_set(e, ERR_CHILD, "hook '%s' ended with status %d%s", h->path, status,
				said)
		      : 0;
}

/* A pipe that holds the whole document, or where that is too large an unnamed file: nobody has to
 * write while the hook reads. A hook that reads nothing is no error. */
static int open_state(const char *state, struct err *e)
{
	size_t len = strlen(state);
	if (len > PIPE_ROOM) {
		cleanup_fd int file = memfd_create("state", MFD_CLOEXEC);
		if (file < 0 || io_write_all(file, state, len) < 0 || lseek(file, 0, SEEK_SET) < 0)
			return err_sys(e, "state for a hook");
		return STEAL_FD(file);
	}
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int from = p[0], to = p[1];
	return io_write_all(to, state, len) < 0 ? err_sys(e, "state for a hook") : STEAL_FD(from);
}

static int run_one(const struct runtime_hook *h, const char *state, struct err *e)
{
	int p[2];
	cleanup_fd int from = open_state(state, e), pidfd = -1;
	if (from < 0)
		return from;
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int read_end = p[0], write_end = p[1];
	io_set_nonblock(read_end, true);
	struct hook_child c = {h, from, write_end};
	struct hook_output o = {.fd = read_end};
	pid_t pid = proc_fork(hook_main, &c, &pidfd, e);
	if (pid < 0)
		return pid;
	close(STEAL_FD(write_end));
	return wait_hook(h, pid, pidfd, &o, e);
}

int hooks_run(const struct runtime_hooks *h, const char *state, struct err *e)
{
	for (size_t i = 0; i < h->n; i++) {
		int r = run_one(&h->v[i], state, e);
		if (r < 0)
			return r;
	}
	return 0;
}

void hooks_run_all(const struct runtime_hooks *h, const char *state)
{
	for (size_t i = 0; i < h->n; i++) {
		struct err e = ERR_INIT;
		if (run_one(&h->v[i], state, &e) < 0)
			log_warn("%s", e.msg);
	}
}
