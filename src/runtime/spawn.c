/* Makes a process in new or joined namespaces; see spawn_priv.h. */
#include "runtime/spawn_priv.h"
#include "base/err.h"
#include "base/io.h"
#include "base/proc.h"
#include "runtime/ns_priv.h"
#include "runtime/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t clone_into(const struct spawn *s, uint64_t extra, int *pidfd)
{
	struct clone_args a = {
		.flags = s->flags | extra | CLONE_CLEAR_SIGHAND,
		.pidfd = (uint64_t)(uintptr_t)pidfd,
		.exit_signal = extra & CLONE_PARENT ? 0 : SIGCHLD,
	};
	if (s->cgroup_fd >= 0) {
		a.flags |= CLONE_INTO_CGROUP;
		a.cgroup = (uint64_t)s->cgroup_fd;
	}
	return (pid_t)syscall(SYS_clone3, &a, sizeof(a));
}

struct stage {
	const struct spawn *s;
	int pipe;
};

struct stage_result {
	pid_t pid;
	int error;
	int join;     /* which one failed; -1: the clone */
	struct err e; /* of before_joins */
};

static bool joins_user(const struct spawn *s)
{
	for (size_t i = 0; i < s->njoins; i++)
		if (s->joins[i].flags & CLONE_NEWUSER)
			return true;
	return false;
}

/* One pass: the user namespace alone, or all others that are still open. The index of the one that
 * failed, or -1. */
static int join_pass(const struct spawn *s, bool user, bool may_wait, bool done[])
{
	for (size_t i = 0; i < s->njoins; i++) {
		const struct spawn_join *j = &s->joins[i];
		if (done[i] || user != !!(j->flags & CLONE_NEWUSER))
			continue;
		done[i] = setns(j->fd, (int)j->flags) == 0;
		if (!done[i] && !(may_wait && errno == EPERM))
			return (int)i;
	}
	return -1;
}

static int join_all(const struct spawn *s)
{
	bool done[RUNTIME_NS_KINDS] = {false};
	int failed = join_pass(s, false, joins_user(s), done);
	if (failed < 0)
		failed = join_pass(s, true, false, done);
	return failed < 0 ? join_pass(s, false, false, done) : failed;
}

/* A process that joins a pid namespace is not in it, only its children are: so one process
 * joins, makes the real one as its brother (CLONE_PARENT), and goes. */
static int stage_main(void *arg)
{
	const struct stage *st = arg;
	const struct spawn *s = st->s;
	struct stage_result r = {.pid = -1, .join = -1, .e = ERR_INIT};
	if (s->before_joins && s->before_joins(s->arg, &r.e) < 0)
		return io_write_all(st->pipe, &r, sizeof(r)) < 0;
	/* the real one begins as a copy of this, and whoever has the power to in the namespaces that
	 * are joined sees it at once: too late to close it there. Only newuidmap has to look. */
	if (!(s->flags & CLONE_NEWUSER))
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	r.join = join_all(s);
	if (r.join < 0) {
		r.pid = clone_into(s, CLONE_PARENT, NULL);
		if (r.pid == 0)
			_exit(s->run(s->arg));
	}
	r.error = r.pid < 0 ? errno : 0;
	return io_write_all(st->pipe, &r, sizeof(r)) < 0;
}

static int cannot_clone(const struct spawn *s, int code, struct err *e)
{
	bool user = s->flags & CLONE_NEWUSER;
	if (user && (code == ENOSPC || code == EPERM)) {
		err_set(e, code, "this host gives no user namespace: %s", strerror(code));
		if (!runtime_userns_hint(e) && code == ENOSPC)
			err_hint(e, "see sysctl user.max_user_namespaces; they nest 32 deep");
		return -code;
	}
	err_set(e, code, "make namespaces: %s", strerror(code));
	if (code == ENOSPC)
		err_hint(e, "see sysctl user.max_pid_namespaces and its kin");
	else if (code == EPERM)
		err_hint(e, "without root they need a user namespace: type \"user\" in "
			    "linux.namespaces, as spec --rootless writes it");
	return -code;
}

static pid_t spawn_by_stage(const struct spawn *s, int *ret_pidfd, struct err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "pipe");
	cleanup_fd int from = p[0], to = p[1];
	struct stage st = {s, to};
	pid_t stage = proc_fork(stage_main, &st, NULL, e);
	if (stage < 0)
		return stage;
	close(to);
	to = -1;
	struct stage_result r;
	ssize_t n = io_read_full(from, &r, sizeof(r));
	proc_wait(stage, NULL);
	if (n != (ssize_t)sizeof(r))
		return err_set(e, ERR_CHILD, "the process that joins namespaces died");
	if (r.e.code)
		return err_set(e, r.e.code, "%s", r.e.msg);
	if (r.pid < 0 && r.join < 0)
		return cannot_clone(s, r.error, e);
	if (r.pid < 0) {
		const struct spawn_join *j = &s->joins[r.join];
		return ns_join_error(j->fd, j->path, j->flags, r.error, e);
	}
	*ret_pidfd = proc_pidfd_open(r.pid);
	if (*ret_pidfd < 0) {
		kill(r.pid, SIGKILL);
		waitpid(r.pid, NULL, 0);
		return err_sysno(e, *ret_pidfd, "pidfd_open");
	}
	return r.pid;
}

pid_t spawn_process(const struct spawn *s, int *ret_pidfd, struct err *e)
{
	if (s->njoins)
		return spawn_by_stage(s, ret_pidfd, e);
	int pidfd = -1;
	pid_t pid = clone_into(s, CLONE_PIDFD, &pidfd);
	if (pid == 0)
		_exit(s->run(s->arg));
	if (pid < 0)
		return cannot_clone(s, errno, e);
	*ret_pidfd = pidfd;
	return pid;
}
