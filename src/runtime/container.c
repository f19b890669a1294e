/* The handle: spawning, the dialogue with the child, start, wait. create.c makes containers. */
#include "runtime/container_priv.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "runtime/hooks_priv.h"
#include "runtime/seccomp_priv.h"
#include "runtime/state_priv.h"
#include "runtime/wire_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

struct runtime_container *container_new(void)
{
	struct runtime_container *k = mem_alloc(sizeof(*k));
	k->pidfd = k->sock = k->master = k->state_dir = k->console_socket = -1;
	return k;
}

void child_init(struct child *c)
{
	*c = (struct child){.sock = -1,
		.parent_end = -1,
		.start_sock = -1,
		.root = -1,
		.proc = -1,
		.dev = -1,
		.null_dev = -1,
		.empty = -1,
		.slave = -1,
		.lsm = {.fd = {-1, -1}},
		.final_file = -1,
		.stdio = {-1, -1, -1}};
}

void child_release(struct child *c)
{
	for (size_t i = 0; i < c->ntasks; i++)
		close(c->tasks[i]);
	if (c->start_sock >= 0)
		close(c->start_sock);
	free(c->filter.filter);
}

int container_spawn(
	struct runtime_container *k, struct child *child, struct spawn *sp, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "socketpair");
	cleanup_fd int theirs = pair[1];
	k->sock = pair[0];
	child->parent_end = pair[0];
	child->sock = theirs;
	sp->run = child_main;
	sp->arg = child;
	pid_t pid = spawn_process(sp, &k->pidfd, e);
	if (pid < 0)
		return pid;
	k->pid = pid;
	return 0;
}

static int reap(struct runtime_container *k)
{
	if (k->waited)
		return k->status;
	siginfo_t info = {0};
	int r;
	do
		r = waitid(P_PIDFD, (id_t)k->pidfd, &info, WEXITED);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	k->waited = true;
	k->status = info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status;
	return k->status;
}

void container_abort(struct runtime_container *k)
{
	if (k->pid <= 0 || k->waited)
		return;
	proc_pidfd_kill(k->pidfd, SIGKILL);
	reap(k);
}

static int take_terminal(struct runtime_container *k, int fd, struct err *e)
{
	cleanup_fd int master = fd;
	if (k->console_socket < 0) {
		k->master = STEAL_FD(master);
		return 0;
	}
	/* engines expect the master with a message of any bytes; runc sends the name */
	int r = io_send_fds(k->console_socket, "/dev/ptmx", 9, &master, 1);
	return r < 0 ? err_sysno(e, r, "send the terminal to the console socket") : 0;
}

static int take_listener(const char *state_path, pid_t pid, int fd, struct err *e)
{
	cleanup_fd int listener = fd;
	return seccomp_deliver_listener(state_path, pid, listener, e);
}

static int runtime_hooks_run(struct runtime_container *k, struct err *e)
{
	const struct runtime_config *c = k->config;
	cleanup_free char *notes = state_annotations(c);
	cleanup_free char *state = state_document(
		c->version, k->id, k->bundle ? k->bundle : "/", notes, RUNTIME_CREATING, k->pid);
	int r = hooks_run(&c->hooks[RUNTIME_HOOK_PRESTART], state, e);
	if (r == 0)
		r = hooks_run(&c->hooks[RUNTIME_HOOK_CREATE_RUNTIME], state, e);
	if (r == 0)
		r = wire_send(k->sock, WIRE_HOOKS_DONE, NULL);
	return r;
}

static int child_died(struct runtime_container *k, struct err *e)
{
	int status = reap(k);
	if (status > 128) {
		const struct runtime_i64 *limit =
			k->config ? &k->config->resources.memory : &(struct runtime_i64){0};
		int r = err_set(e, ERR_CHILD,
			"the container's process was killed by signal %d while it was set up",
			status - 128);
		if (status == 128 + SIGKILL && limit->set && limit->v > 0)
			err_hint(e,
				"linux.resources.memory.limit, %" PRId64 " bytes, may be too low",
				limit->v);
		return r;
	}
	return err_set(e, ERR_CHILD, "the container's process ended while it was set up");
}

static int take_error(const struct wire_msg *m, struct err *e)
{
	if (e && !e->code)
		*e = m->e;
	return m->e.code ? -m->e.code : -EIO;
}

int container_await_ready(struct runtime_container *k, struct err *e)
{
	for (;;) {
		struct wire_msg m;
		int fd = -1;
		int r = wire_recv(k->sock, &m, &fd);
		if (r < 0)
			return err_sysno(e, r, "read from the container's process");
		if (r == 0)
			return child_died(k, e);
		switch (m.type) {
		case WIRE_READY:
			return 0;
		case WIRE_ERROR:
			return take_error(&m, e);
		case WIRE_WARN:
			log_warn("%s", m.e.msg);
			break;
		case WIRE_TERMINAL:
			r = take_terminal(k, fd, e);
			break;
		case WIRE_LISTENER:
			r = take_listener(k->state_path, k->pid, fd, e);
			break;
		case WIRE_HOOKS:
			r = runtime_hooks_run(k, e);
			break;
		default:
			return err_set(
				e, EPROTO, "unexpected message %d from the container", (int)m.type);
		}
		if (r < 0)
			return r;
	}
}

static int exec_failed(const struct wire_msg *m, struct err *e)
{
	int code = m->e.code;
	const char *why = code == ENOEXEC  ? "exec format error"
			  : code == EACCES ? "permission denied"
			  : code == ENOENT ? "no such file or directory"
					   : err_text(code);
	return err_set(e, code == ENOENT || code == ENOTDIR ? ERR_NOPROG : ERR_NOEXEC, "%s: %s",
		m->e.msg, why);
}

/* The descriptor closes by itself at the exec: end of file means that the program runs. */
int container_let_go(int sock, const char *state_path, pid_t pid, struct err *e)
{
	int r = wire_send(sock, WIRE_START, NULL);
	if (r < 0)
		return err_sysno(e, r == -EPIPE ? -ESRCH : r, "start the container's process");
	for (;;) {
		struct wire_msg m;
		int fd = -1;
		r = wire_recv(sock, &m, &fd);
		if (r < 0)
			return err_sysno(e, r, "read from the container's process");
		if (r == 0)
			return 0;
		if (m.type == WIRE_LISTENER && (r = take_listener(state_path, pid, fd, e)) < 0)
			return r;
		if (m.type == WIRE_ERROR)
			return take_error(&m, e);
		if (m.type == WIRE_EXEC_FAILED)
			return exec_failed(&m, e);
		if (m.type == WIRE_CALL_FAILED)
			return err_sysno(e, m.e.code, "%s", m.e.msg);
		if (m.type == WIRE_WARN)
			log_warn("%s", m.e.msg);
		if (m.type == WIRE_WARN_CALL)
			log_warn("%s: %s", m.e.msg, err_text(m.e.code));
	}
}

int runtime_start(struct runtime_container *k, struct err *e)
{
	if (k->started)
		return err_set(e, ERR_STATE, "the container is started already");
	if (k->start_later) {
		int r = runtime_start_saved(k->state_path, e);
		k->started = r == 0;
		return r;
	}
	/* from now on the state directory knows it: who finds it can kill it */
	int r = k->state_dir >= 0 ? state_write_pid(k->state_dir, k->pid, e) : 0;
	if (k->before_start)
		k->before_start();
	if (r == 0)
		r = container_let_go(k->sock, k->state_path, k->pid, e);
	close(k->sock);
	k->sock = -1;
	if (r < 0) {
		container_abort(k);
		return r;
	}
	k->started = true;
	struct runtime_state *s cleanup_runtime_state = NULL;
	if (!k->poststart)
		return 0;
	r = runtime_state_load(k->state_path, &s, e);
	if (r == 0)
		r = state_run_poststart(k->state_path, s, e);
	if (r < 0)
		container_abort(k);
	return r;
}

int runtime_wait(struct runtime_container *k, struct err *e)
{
	int r = reap(k);
	return r < 0 ? err_sysno(e, r, "wait for process %d", (int)k->pid) : r;
}

void runtime_container_free(struct runtime_container *k)
{
	if (!k)
		return;
	if (!k->started && !k->start_later)
		container_abort(k);
	int fds[] = {k->pidfd, k->sock, k->master, k->state_dir};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		if (fds[i] >= 0)
			close(fds[i]);
	runtime_cgroup_release(&k->cgroup);
	free(k->state_path);
	free(k);
}

pid_t runtime_container_pid(const struct runtime_container *k)
{
	return k->pid;
}

int runtime_container_pidfd(const struct runtime_container *k)
{
	return k->pidfd;
}

int runtime_container_take_master(struct runtime_container *k)
{
	return STEAL_FD(k->master);
}

int pid_file_write(const char *path, pid_t pid, struct err *e)
{
	char text[16];
	int len = snprintf(text, sizeof(text), "%d", (int)pid);
	return path ? file_write(AT_FDCWD, path, text, (size_t)len, 0644, 0, e) : 0;
}
