/* The monitor's process: forked here, set up by launch.c, and what it becomes afterwards. */
#include "engine/start.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/attach.h"
#include "engine/launch_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

void engine_started_release(struct engine_started *s)
{
	if (s->client >= 0)
		close(s->client);
	if (s->pidfd >= 0)
		close(s->pidfd);
	s->client = s->pidfd = -1;
}

/* Nobody's terminal and nobody's output may be held open by what goes on in the background. */
static void leave_stdio(void)
{
	cleanup_fd int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	for (int fd = 0; fd <= 2 && null >= 0; fd++)
		dup2(null, fd);
}

static void become_monitor(struct engine *g, struct engine_monitor *m)
{
	struct strv argv cleanup_strv = STRV_INIT;
	/* what our caller left open is not for a process that stays */
	syscall(SYS_close_range, 3U, ~0U, 1U << 2 /* CLOSE_RANGE_CLOEXEC */);
	strv_add(&argv, "kist-monitor");
	/* the first client is one of the loop's by now, when there was a loop */
	if (m->client < 0 && m->nclients == 1)
		m->client = m->clients[0].fd;
	engine_monitor_format(m, &argv);
	execv(g->monitor, argv.v);
}

static bool client_lives(const struct engine_monitor *m)
{
	struct pollfd p = {m->nclients ? m->clients[0].fd : -1, 0, 0};
	return m->nclients && poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR));
}

/* The container runs: watch it until it ends, here or as kist-monitor. Does not return. */
static no_return void watch(struct engine_launch *l, struct engine_monitor *m, bool in_place)
{
	struct engine *g = l->g;
	if (!in_place)
		become_monitor(g, m);
	m->leave_with_client = in_place;
	int r = engine_monitor_run(m);
	if (r == ENGINE_MONITOR_ALONE) {
		launch_listen(l, m, NULL);
		become_monitor(g, m);
		m->leave_with_client = false;
		r = engine_monitor_run(m);
	}
	if (r == ENGINE_MONITOR_RESTART || !in_place)
		engine_monitor_exec(
			m, r == ENGINE_MONITOR_RESTART ? "container_restart" : "container_cleanup");
	/* The client removes an --rm container itself meanwhile: it has the store open. */
	engine_container_cleanup(g, m->id, NULL);
	if (!client_lives(m))
		engine_monitor_exec(m, "container_cleanup");
	engine_monitor_release(m); /* the client need not wait for our memory to be freed */
	_exit(0);
}

static void report_failure(int fd, int r, const struct err *e)
{
	struct engine_attach_failure f = {.code = e->code ? e->code : -r};
	memcpy(f.msg, e->msg, sizeof(f.msg));
	memcpy(f.hint, e->hint, sizeof(f.hint));
	engine_attach_send(fd, ENGINE_ATTACH_FAILED, &f, sizeof(f));
}

static void report_start(int fd, const struct engine_monitor *m)
{
	char byte = ENGINE_ATTACH_STARTED;
	cleanup_fd int pidfd = (int)syscall(SYS_pidfd_open, m->state.pid, 0);
	io_send_fds(fd, &byte, 1, &pidfd, pidfd >= 0);
}

struct fork_context {
	struct engine_launch *launch;
	const struct engine_start_options *o;
	struct engine_state before;
	int client;
};

static no_return void monitor_process(struct fork_context *c)
{
	struct engine_monitor m = ENGINE_MONITOR_INIT;
	struct err e = ERR_INIT;
	m.state = c->before;
	setsid();
	engine_monitor_signals();
	int r = launch_run(c->launch, &m, &e);
	if (r < 0) {
		/* a socket that is closed with a message unread loses those that it has sent */
		launch_wait(c->launch, NULL);
		report_failure(c->client, r, &e);
		_exit(1);
	}
	report_start(c->client, &m);
	if (chdir("/") < 0)
		_exit(1);
	leave_stdio();
	if (c->o->attach)
		m.client = c->client;
	else
		close(c->client);
	watch(c->launch, &m, c->o->in_place);
}

static int wait_start(int fd, struct engine_started *ret, struct err *e)
{
	union {
		char bytes[ENGINE_ATTACH_DATA];
		struct engine_attach_failure failure;
	} u;
	int type, pidfd = -1;
	ssize_t n = engine_attach_recv(fd, &type, u.bytes, &pidfd);
	if (n < 0)
		return err_sysno(e, (int)n, "wait for the monitor");
	if (type == ENGINE_ATTACH_STARTED) {
		ret->pidfd = pidfd;
		return 0;
	}
	if (pidfd >= 0)
		close(pidfd);
	if (type != ENGINE_ATTACH_FAILED || n != sizeof(u.failure))
		return err_set(
			e, ERR_CHILD, "the container's monitor ended before the container started");
	u.failure.msg[sizeof(u.failure.msg) - 1] = 0;
	u.failure.hint[sizeof(u.failure.hint) - 1] = 0;
	int r = err_set(e, u.failure.code, "%s", u.failure.msg);
	if (u.failure.hint[0])
		err_hint(e, "%s", u.failure.hint);
	return r;
}

/* M is our child, but nobody waits for it: forked twice it would lose nothing, forked once it is a
 * zombie only as long as we live. */
static int fork_monitor(struct fork_context *c, int theirs, int ours, pid_t *ret, struct err *e)
{
	pid_t pid = fork();
	if (pid < 0)
		return err_sys(e, "fork the monitor");
	if (pid == 0) {
		close(ours);
		c->client = theirs;
		c->launch->gate = theirs;
		monitor_process(c);
	}
	*ret = pid;
	return 0;
}

static int start_locked(struct engine *g, struct engine_container *c, int lock,
	const struct engine_start_options *o, struct engine_started *ret, struct err *e)
{
	struct engine_launch l cleanup(launch_release) = {
		.root = -1, .etc = -1, .gate = -1, .dns = {-1, -1}};
	int r = launch_prepare(g, c, lock, &l, e);
	if (r < 0)
		return r;
	l.rows = o->rows;
	l.columns = o->columns;
	l.listen = !o->in_place;
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	cleanup_fd int ours = pair[0];
	cleanup_fd int theirs = pair[1];
	struct fork_context f = {.launch = &l, .o = o, .before = c->state};
	f.before.restarts = f.before.backoff_ms = 0;
	struct engine_started s = ENGINE_STARTED_INIT;
	r = fork_monitor(&f, theirs, ours, &s.monitor, e);
	if (r < 0)
		return r;
	close(STEAL_FD(theirs));
	r = o->commit ? engine_container_commit(g, c, e) : 0;
	ret->committed = r >= 0;
	if (r >= 0) {
		engine_attach_send(ours, ENGINE_ATTACH_GO, NULL, 0);
		r = wait_start(ours, &s, e);
	} else {
		close(STEAL_FD(ours)); /* it gives up */
	}
	if (r < 0) {
		waitpid(s.monitor, NULL, 0);
		return r;
	}
	s.committed = true;
	if (o->attach)
		s.client = STEAL_FD(ours);
	*ret = s;
	return 0;
}

int engine_start(struct engine *g, struct engine_container *c, const struct engine_start_options *o,
	struct engine_started *ret, struct err *e)
{
	struct err local = ERR_INIT;
	ret->committed = !o->commit;
	cleanup_fd int lock = engine_container_lock(g, c->row.id, 0, &local);
	if (lock == -ERR_IN_USE)
		return err_set(e, ERR_STATE, "container '%s' is already running", c->row.name);
	if (lock < 0) {
		if (e && !e->code)
			*e = local;
		return lock;
	}
	/* what we knew may be older than the lock */
	int r = engine_container_state(g, c->row.id, &c->state, &c->monitored, e);
	if (r < 0)
		return r;
	if (c->state.status == ENGINE_RUNNING)
		return err_set(e, ERR_STATE, "container '%s' is already running", c->row.name);
	return start_locked(g, c, lock, o, ret, e);
}

int engine_after_end(struct engine *g, const char *id, int dir_fd, struct err *e)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_cleanup(g, id, e);
	struct err local = ERR_INIT;
	int found = engine_container_find(g, id, &c, &local);
	if (found == -ERR_NOT_FOUND) /* its client has removed it */
		return r;
	if (found < 0)
		return r < 0 ? r : err_set(e, local.code, "%s", local.msg);
	if (!c.config.auto_remove)
		return r;
	close(dir_fd); /* removal takes the lock itself */
	return engine_container_remove(g, c.row.id, ENGINE_REMOVE_VOLUMES, e);
}

int engine_restart(struct engine *g, const char *id, int dir_fd, struct err *e)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct engine_launch l cleanup(launch_release) = {
		.root = -1, .etc = -1, .gate = -1, .dns = {-1, -1}};
	int r = engine_container_cleanup(g, id, e);
	if (r >= 0)
		r = engine_container_find(g, id, &c, e);
	if (r >= 0)
		r = launch_prepare(g, &c, dir_fd, &l, e);
	if (r < 0)
		return r;
	l.listen = true;
	struct engine_monitor m = ENGINE_MONITOR_INIT;
	m.state = c.state;
	m.state.restarts++;
	engine_monitor_signals();
	r = launch_run(&l, &m, e);
	if (r < 0)
		return r;
	leave_stdio();
	watch(&l, &m, false);
}

int engine_attach_open(struct engine *g, const struct engine_container *c,
	struct engine_started *ret, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (c->state.status != ENGINE_RUNNING)
		return err_set(e, ERR_STATE, "container '%s' is not running", c->row.name);
	cleanup_free char *run = store_container_run_path(g->store, c->row.id);
	cleanup_fd int dir = file_open_dir(AT_FDCWD, run, e);
	if (dir < 0)
		return dir;
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/attach", dir);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0) {
		int r = err_sys(e, "reach the monitor of container '%s'", c->row.name);
		err_hint(e, "it may be in the foreground of another terminal, or have been killed");
		return r;
	}
	ret->pidfd = proc_pidfd_open(c->state.pid);
	ret->client = STEAL_FD(fd);
	return 0;
}
