/* Runs hooks; see hooks_priv.h. */
#include "runtime/hooks_priv.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPE_ROOM = 4096 }; /* what the smallest pipe holds, pipe(7) */

struct hook_child {
	const struct runtime_hook *h;
	int in;
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
	close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
	const char *const just_path[] = {h->path, NULL};
	const char *const *args = h->args.n ? h->args.v : just_path;
	const char *const none_env[] = {NULL};
	const char *const *env = h->env.n ? h->env.v : none_env;
	execve(h->path, (char *const *)(void *)args, (char *const *)(void *)env);
	return errno == ENOENT ? 127 : 126;
}

static int wait_hook(const struct runtime_hook *h, pid_t pid, int pidfd, struct err *e)
{
	struct pollfd p = {pidfd, POLLIN, 0};
	int r;
	do
		r = poll(&p, 1, h->timeout_s ? h->timeout_s * 1000 : -1);
	while (r < 0 && errno == EINTR);
	if (r == 0) {
		kill(-pid, SIGKILL); /* the leader is not reaped yet: nobody else has the number */
		proc_pidfd_kill(pidfd, SIGKILL);
	}
	int status = proc_wait(pid, e);
	if (r == 0)
		return err_set(
			e, ERR_CHILD, "hook '%s' took longer than %d s", h->path, h->timeout_s);
	if (status < 0)
		return status;
	if (status > 128)
		return err_set(
			e, ERR_CHILD, "hook '%s' was killed by signal %d", h->path, status - 128);
	if (status == 127)
		return err_set(e, ERR_CHILD, "hook '%s' cannot be found, or ended with status 127",
			h->path);
	return status ? err_set(e, ERR_CHILD, "hook '%s' ended with status %d", h->path, status)
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
	cleanup_fd int from = open_state(state, e), pidfd = -1;
	if (from < 0)
		return from;
	struct hook_child c = {h, from};
	pid_t pid = proc_fork(hook_main, &c, &pidfd, e);
	return pid < 0 ? pid : wait_hook(h, pid, pidfd, e);
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
