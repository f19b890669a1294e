/*
 * SCMP_ACT_NOTIFY (config-linux.md, "Seccomp"; seccomp_unotify(2)): the filter is
 * loaded with a listener, whose descriptor goes to the runtime and from there to
 * the agent at listenerPath.
 *
 * The process that has loaded the filter can make no call any more without the
 * agent's leave, and the agent knows nothing of it yet. So a thread that has no
 * filter hands the descriptor over, while the process waits in user space. The
 * thread ends before the process goes on: nothing of it is left at the exec.
 */
#include "base/arena.h"
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/seccomp_priv.h"
#include "runtime/state_priv.h"
#include "runtime/wire_priv.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* ---- the container's side ---- */

enum { WAITING = -1, FAILED = -2 }; /* else: the descriptor */

struct handover {
	int sock;
	atomic_int listener;
	atomic_int thread; /* the kernel clears it when the thread is gone */
	int result;
};

static int hand_over(void *arg)
{
	struct handover *h = arg;
	const struct timespec pause = {0, 50 * 1000};
	int fd;
	while ((fd = atomic_load(&h->listener)) == WAITING)
		nanosleep(&pause, NULL);
	if (fd >= 0) {
		struct wire_msg m = {.type = WIRE_LISTENER};
		h->result = io_send_fds(h->sock, &m, sizeof(m.type), &fd, 1);
		close(fd);
	}
	return 0;
}

int seccomp_load_with_listener(
	int sock, const struct sock_fprog *prog, unsigned flags, struct err *e)
{
	static _Alignas(16) char stack[64 * 1024];
	struct handover h = {.sock = sock, .listener = WAITING, .thread = 1};
	const int thread = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			   CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
	/* all threads at once: there is only this one, and the kernel takes one of the two flags */
	flags &= ~(unsigned)SECCOMP_FILTER_FLAG_TSYNC;
	if (clone(hand_over, stack + sizeof(stack), thread, &h, NULL, NULL, &h.thread) < 0)
		return err_sys(e, "thread for the seccomp listener");
	int fd = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
		flags | SECCOMP_FILTER_FLAG_NEW_LISTENER, prog);
	int error = errno;
	atomic_store(&h.listener, fd < 0 ? FAILED : fd);
	/* no system call here: it could be one that waits for the agent */
	while (atomic_load(&h.thread))
		;
	if (fd < 0)
		return err_sysno(e, error, "load the seccomp filter with a listener");
	return h.result < 0 ? err_sysno(e, h.result, "hand over the seccomp listener") : 0;
}

/* ---- the runtime's side ---- */

/* The document ContainerProcessState; its state is that of the container */
static char *process_state(
	const struct runtime_state *s, const struct runtime_seccomp *f, pid_t pid)
{
	cleanup_free char *text = runtime_state_format(s);
	json_t *state = json_loads(text, 0, NULL);
	if (s->status == RUNTIME_CREATING)
		json_object_set_new(state, "pid", json_integer(pid));
	json_t *o = json_pack("{s:s, s:[s], s:i, s:o}", "ociVersion", s->version, "fds",
		"seccompFd", "pid", (int)pid, "state", state);
	if (f->listener_metadata)
		json_object_set_new(o, "metadata", json_string(f->listener_metadata));
	char *out = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return out;
}

static int connect_agent(const char *path, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(a.sun_path))
		return err_sysno(e, ENAMETOOLONG, "linux.seccomp.listenerPath '%s'", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "linux.seccomp.listenerPath: connect to '%s'", path);
	return STEAL_FD(fd);
}

int seccomp_deliver_listener(const char *state_dir, pid_t pid, int fd, struct err *e)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct runtime_state *s cleanup_runtime_state = NULL;
	struct arena a cleanup_arena = ARENA_INIT;
	struct runtime_seccomp *f = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0 || (r = runtime_state_config(state_dir, &c, e)) < 0 ||
		(r = seccomp_parse(c->seccomp, c->seccomp_len, &a, &f, e)) < 0)
		return r;
	cleanup_fd int sock = connect_agent(f->listener_path, e);
	if (sock < 0)
		return sock;
	char *text = process_state(s, f, pid);
	r = io_send_fds(sock, text, strlen(text), &fd, 1);
	free(text);
	return r < 0 ? err_sysno(e, r, "send the seccomp listener to '%s'", f->listener_path) : 0;
}
