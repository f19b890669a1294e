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
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

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
	if (r == 0)
		proc_pidfd_kill(pidfd, SIGKILL);
	int status = proc_wait(pid, e);
	if (r == 0)
		return err_set(
			e, ERR_CHILD, "hook '%s' took longer than %d s", h->path, h->timeout_s);
	if (status < 0)
		return status;
	return status ? err_set(e, ERR_CHILD, "hook '%s' ended with status %d", h->path, status)
		      : 0;
}

static int run_one(const struct runtime_hook *h, const char *state, struct err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int from = p[0], to = p[1];
	struct hook_child c = {h, from};
	cleanup_fd int pidfd = -1;
	pid_t pid = proc_fork(hook_main, &c, &pidfd, e);
	if (pid < 0)
		return pid;
	close(from);
	from = -1;
	/* a hook that reads nothing is no error; the document fits the pipe */
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigaction(SIGPIPE, &ignore, &old);
	io_set_nonblock(to, true);
	io_write_all(to, state, strlen(state));
	sigaction(SIGPIPE, &old, NULL);
	close(to);
	to = -1;
	return wait_hook(h, pid, pidfd, e);
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
