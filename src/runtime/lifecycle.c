/* What any process can do with a container by its state directory. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/container_priv.h"
#include "runtime/hooks_priv.h"
#include "runtime/rdt_priv.h"
#include "runtime/state_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static int wrong_state(const struct runtime_state *s, const char *verb, struct err *e)
{
	/* containerd takes a kill that came too late for none by runc's words */
	return err_set(e, ERR_STATE, "cannot %s container '%s': it is %s%s", verb, s->id,
		runtime_status_name(s->status),
		s->status == RUNTIME_STOPPED && str_eq(verb, "kill") ? " (container not running)"
								     : "");
}

void state_run_poststop(const char *state_dir, const struct runtime_state *s)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	if (!(s->hooks >> RUNTIME_HOOK_POSTSTOP & 1) ||
		runtime_state_config(state_dir, &c, NULL) < 0)
		return;
	cleanup_free char *doc =
		state_document(s->version, s->id, s->bundle, s->annotations, RUNTIME_STOPPED, 0);
	hooks_run_all(&c->hooks[RUNTIME_HOOK_POSTSTOP], doc);
}

int state_run_poststart(const char *state_dir, const struct runtime_state *s, struct err *e)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	if (!(s->hooks >> RUNTIME_HOOK_POSTSTART & 1))
		return 0;
	int r = runtime_state_config(state_dir, &c, e);
	if (r < 0)
		return r;
	cleanup_free char *doc = state_document(
		s->version, s->id, s->bundle, s->annotations, RUNTIME_RUNNING, s->pid);
	return hooks_run(&c->hooks[RUNTIME_HOOK_POSTSTART], doc, e);
}

/* Kills the first process and waits until it is gone; everything else in its pid namespace goes
 * with it. */
static int stop_now(const struct runtime_state *s, struct err *e)
{
	struct runtime_cgroup g = state_cgroup(s);
	cleanup_fd int fd = state_open_pid(s);
	if (fd < 0)
		return 0;
	int r = proc_pidfd_kill(fd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_sysno(e, r, "kill the container's process");
	if (s->status == RUNTIME_PAUSED)
		runtime_cgroup_freeze(&g, false, NULL);
	struct pollfd p = {fd, POLLIN, 0};
	if (poll(&p, 1, 10000) == 0)
		return err_set(e, ETIMEDOUT, "the container's process does not die");
	return 0;
}

int runtime_start_saved(const char *state_dir, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	if (s->status != RUNTIME_CREATED)
		return wrong_state(s, "start", e);
	cleanup_fd int dir = file_open_dir(AT_FDCWD, state_dir, e);
	cleanup_fd int sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (dir < 0 || sock < 0)
		return dir < 0 ? dir : err_sys(e, "socket");
	struct sockaddr_un a;
	socklen_t len = state_socket_address(dir, &a);
	if (connect(sock, (struct sockaddr *)&a, len) < 0)
		return err_sys(e, "reach the container's process");
	/* one start only: whoever removes the name has the right to go on */
	if (unlinkat(dir, SOCKET_FILE, 0) < 0)
		return err_set(e, ERR_STATE, "container '%s' is being started already", s->id);
	r = container_let_go(sock, state_dir, s->pid, e);
	if (r < 0)
		stop_now(s,
			NULL); /* it may be beyond its exec: the agent of its filter is missing */
	/* who has failed to start a container deletes it: that is left to him */
	if (r == 0 && (r = state_run_poststart(state_dir, s, e)) < 0)
		stop_now(s, NULL);
	return r;
}

int runtime_kill(const char *state_dir, int sig, bool all, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	struct runtime_cgroup g = state_cgroup(s);
	if (all && *s->cgroup_path)
		return runtime_cgroup_kill(&g, sig, e);
	if (s->status == RUNTIME_STOPPED || s->status == RUNTIME_CREATING)
		return wrong_state(s, "kill", e);
	cleanup_fd int fd = state_open_pid(s);
	r = fd < 0 ? fd : proc_pidfd_kill(fd, sig);
	if (r == -ESRCH) {
		s->status = RUNTIME_STOPPED;
		return wrong_state(s, "kill", e);
	}
	if (r < 0)
		return err_sysno(e, r, "signal the container's process");
	/* what is frozen would die only when it thaws */
	if (sig == SIGKILL && s->status == RUNTIME_PAUSED)
		runtime_cgroup_freeze(&g, false, NULL);
	return 0;
}

int runtime_pause(const char *state_dir, bool pause, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	enum runtime_status from = pause ? RUNTIME_RUNNING : RUNTIME_PAUSED;
	if (s->status != from && !(pause && s->status == RUNTIME_CREATED))
		return wrong_state(s, pause ? "pause" : "resume", e);
	struct runtime_cgroup g = state_cgroup(s);
	return runtime_cgroup_freeze(&g, pause, e);
}

/* A directory without a readable state: nothing was made yet when its maker died. */
static int delete_half_made(const char *state_dir, int r, struct err *e)
{
	if (r != -ERR_NOT_FOUND || !file_exists(AT_FDCWD, state_dir))
		return r;
	err_clear(e);
	return state_dir_remove(state_dir, e);
}

/* Groups go when their processes are gone; without resctrl they are gone already. */
static int remove_rdt(const char *state_dir, const struct runtime_state *s, struct err *e)
{
	struct runtime_config *c cleanup_runtime_config = NULL;
	cleanup_free char *mount = NULL;
	if (!s->rdt || rdt_find_mount(&mount, NULL) < 0)
		return 0;
	int r = runtime_state_config(state_dir, &c, e);
	return r < 0 ? r : rdt_remove(mount, &c->rdt, s->id, e);
}

int runtime_delete(const char *state_dir, bool force, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return force ? delete_half_made(state_dir, r, e) : r;
	/* deleting what was created and never started is allowed: its process is only ours */
	if (s->status != RUNTIME_STOPPED && s->status != RUNTIME_CREATED && !force)
		return wrong_state(s, "delete", e);
	if ((r = stop_now(s, e)) < 0)
		return r;
	struct runtime_cgroup g = state_cgroup(s);
	if (*s->cgroup_path && (r = runtime_cgroup_remove(&g, e)) < 0)
		return r;
	if ((r = remove_rdt(state_dir, s, e)) < 0)
		return r;
	state_run_poststop(state_dir, s);
	return state_dir_remove(state_dir, e);
}
