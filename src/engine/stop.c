/* Ending containers from outside: signals, waiting, removal, and what the dead left behind. */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/userns.h"
#include "engine/container.h"
#include "engine/volume.h"
#include "network/bridge.h"
#include "network/usermode.h"
#include "runtime/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { STOP_TIMEOUT_S = 10, MONITOR_GRACE_MS = 20000 };

/* A pidfd of that very process; -ESRCH when it has ended. */
static int open_process(pid_t pid, uint64_t start)
{
	cleanup_fd int fd = pid > 0 ? proc_pidfd_open(pid) : -ESRCH;
	uint64_t now;
	/* the descriptor first: then the start time is that of what it refers to, or nobody's */
	if (fd < 0 || proc_start_time(pid, &now) < 0 || now != start)
		return -ESRCH;
	return STEAL_FD(fd);
}

/* True when the process has ended within the time; -1: as long as it takes. */
static bool wait_end(int pidfd, int timeout_ms)
{
	struct pollfd p = {pidfd, POLLIN, 0};
	int64_t until = clock_monotonic() + (int64_t)timeout_ms * 1000000;
	for (;;) {
		int64_t left = timeout_ms < 0 ? -1 : (until - clock_monotonic()) / 1000000;
		if (timeout_ms >= 0 && left < 0)
			left = 0;
		int r = poll(&p, 1, (int)left);
		if (r > 0 || pidfd < 0)
			return true;
		if (r == 0)
			return false;
		if (errno != EINTR)
			return true;
	}
}

/* The monitor notes the end and puts everything away. */
static void wait_monitor(const struct engine_state *s, int timeout_ms)
{
	cleanup_fd int fd = open_process(s->monitor, s->monitor_start);
	if (fd >= 0)
		wait_end(fd, timeout_ms);
}

static void mark_stopped(struct engine *g, const char *id)
{
	cleanup_free char *path = store_container_path(g->store, id, "stop");
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)fd;
}

static int not_running(const char *id, struct err *e)
{
	return err_set(e, ERR_STATE, "container '%.12s' is not running", id);
}

int engine_container_kill(struct engine *g, const char *id, int sig, struct err *e)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(g, id, &c, e);
	if (r < 0)
		return r;
	int own = c.config.config.stop_signal ? proc_parse_signal(c.config.config.stop_signal) : 0;
	if (sig == SIGKILL || sig == SIGTERM || sig == own)
		mark_stopped(g, c.row.id);
	if (c.state.status == ENGINE_RESTARTING && sig == SIGKILL) {
		kill(c.state.monitor, SIGTERM);
		return 0;
	}
	if (c.state.status != ENGINE_RUNNING)
		return not_running(c.row.id, e);
	cleanup_fd int fd = open_process(c.state.pid, c.state.pid_start);
	r = fd < 0 ? fd : proc_pidfd_kill(fd, sig);
	if (r == -ESRCH)
		return not_running(c.row.id, e);
	return r < 0 ? err_sysno(e, r, "signal container '%.12s'", c.row.id) : 0;
}

static int stop_signal(const struct engine_config *c)
{
	int sig = c->config.stop_signal ? proc_parse_signal(c->config.stop_signal) : 0;
	return sig > 0 ? sig : SIGTERM;
}

int engine_container_stop(struct engine *g, const char *id, int timeout_s, struct err *e)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(g, id, &c, e);
	if (r < 0)
		return r;
	if (c.state.status == ENGINE_RESTARTING) {
		mark_stopped(g, c.row.id);
		kill(c.state.monitor, SIGTERM);
		wait_monitor(&c.state, MONITOR_GRACE_MS);
		return ENGINE_STOP_DONE;
	}
	if (c.state.status != ENGINE_RUNNING)
		return ENGINE_STOP_NOT_RUNNING;
	mark_stopped(g, c.row.id);
	if (timeout_s < 0)
		timeout_s = c.config.config.stop_timeout >= 0 ? (int)c.config.config.stop_timeout
							      : STOP_TIMEOUT_S;
	cleanup_fd int fd = open_process(c.state.pid, c.state.pid_start);
	int result = ENGINE_STOP_DONE;
	if (fd >= 0) {
		r = proc_pidfd_kill(fd, stop_signal(&c.config));
		if (r >= 0 && !wait_end(fd, (int)MIN((int64_t)timeout_s * 1000, INT32_MAX))) {
			result = ENGINE_STOP_KILLED;
			r = proc_pidfd_kill(fd, SIGKILL);
			wait_end(fd, -1);
		}
		if (r < 0 && r != -ESRCH)
			return err_sysno(e, r, "signal container '%.12s'", c.row.id);
	}
	wait_monitor(&c.state, MONITOR_GRACE_MS);
	return result;
}

int engine_container_wait(struct engine *g, const char *id, struct err *e)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(g, id, &c, e);
	if (r < 0)
		return r;
	cleanup_free char *path = store_container_path(g->store, c.row.id, "state");
	/* held open: the record can be read even when the container removes itself */
	cleanup_fd int file = open(path, O_RDONLY | O_CLOEXEC);
	bool busy = c.state.status == ENGINE_RUNNING || c.state.status == ENGINE_RESTARTING;
	if (!busy || file < 0)
		return c.state.exit_code;
	if (c.monitored) {
		wait_monitor(&c.state, -1);
	} else {
		cleanup_fd int fd = open_process(c.state.pid, c.state.pid_start);
		if (fd >= 0)
			wait_end(fd, -1);
	}
	struct engine_state s;
	r = engine_state_read(file, &s, e);
	return r < 0 ? r : s.status == ENGINE_RUNNING ? 255 : s.exit_code;
}

/* Short: it holds a socket. */
char *engine_usermode_dir(const struct engine *g, const char *id)
{
	return mem_printf("%s/net/%.12s", store_run_path(g->store), id);
}

int engine_container_cleanup(struct engine *g, const char *id, struct err *e)
{
	cleanup_free char *network = mem_printf("%s/network", store_run_path(g->store));
	cleanup_free char *run = store_container_run_path(g->store, id);
	cleanup_free char *usermode = engine_usermode_dir(g, id);
	int r = userns_owns_network() ? network_detach(network, id, NETWORK_LINGER, e)
				      : network_usermode_detach(usermode, e);
	if (!file_exists(AT_FDCWD, run))
		return r;
	int r2 = runtime_delete(run, true, e);
	int r3 = file_remove_tree(AT_FDCWD, run, e);
	return r < 0 ? r : r2 < 0 ? r2 : r3;
}

static void remove_volumes(struct engine *g, const struct engine_config *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].anonymous && c->mounts.v[i].name)
			engine_volume_remove(g, c->mounts.v[i].name, NULL);
}

/* The lock is held; nothing runs. */
static int remove_stopped(struct engine *g, struct engine_container *c, bool volumes, struct err *e)
{
	int r = engine_container_cleanup(g, c->row.id, e);
	if (r >= 0)
		r = store_container_delete(g->store, c->row.id, e);
	if (r >= 0 && volumes)
		remove_volumes(g, &c->config);
	return r;
}

static int end_by_force(const struct engine_container *c)
{
	cleanup_fd int fd = open_process(c->state.pid, c->state.pid_start);
	if (fd >= 0) {
		int r = proc_pidfd_kill(fd, SIGKILL);
		if (r < 0 && r != -ESRCH)
			return r;
		wait_end(fd, -1);
	} else if (c->state.status == ENGINE_RESTARTING) {
		kill(c->state.monitor, SIGTERM);
	}
	wait_monitor(&c->state, MONITOR_GRACE_MS);
	return 0;
}

int engine_container_remove(
	struct engine *g, const char *id, enum engine_remove_flags flags, struct err *e)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(g, id, &c, e);
	if (r < 0)
		return r;
	bool busy = c.state.status == ENGINE_RUNNING || c.state.status == ENGINE_RESTARTING;
	if (busy && !(flags & ENGINE_REMOVE_FORCE)) {
		r = err_set(e, ERR_IN_USE, "container '%s' is %s", c.row.name,
			engine_status_name(c.state.status));
		err_hint(e, "stop it first, or remove it by force: kist rm -f %s", c.row.name);
		return r;
	}
	if (busy) {
		mark_stopped(g, c.row.id);
		r = end_by_force(&c);
		if (r < 0)
			return err_sysno(e, r, "kill container '%s'", c.row.name);
	}
	struct err local = ERR_INIT;
	cleanup_fd int lock = engine_container_lock(g, c.row.id, MONITOR_GRACE_MS, &local);
	if (lock == -ENOENT && c.config.auto_remove)
		return 0;    /* its monitor was faster */
	if (lock == -ENOENT) /* files gone, the row is left: nothing to lock */
		err_clear(&local);
	else if (lock < 0) {
		if (e && !e->code)
			*e = local;
		return lock;
	}
	bool volumes = c.config.auto_remove || (flags & ENGINE_REMOVE_VOLUMES);
	r = remove_stopped(g, &c, volumes, e);
	return r < 0 ? err_wrap(e, r, "remove container '%s'", c.row.name) : 0;
}

/* One id of the run directory: put away when its monitor is dead and nothing of it runs. */
static void sweep_one(struct engine *g, const char *id)
{
	struct engine_container c cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(g, id, &c, NULL);
	if (r == -ERR_NOT_FOUND)
		engine_container_cleanup(g, id, NULL);
	if (r < 0)
		return;
	if (c.monitored || c.state.status == ENGINE_RUNNING || c.state.status == ENGINE_RESTARTING)
		return;
	cleanup_fd int lock = engine_container_lock(g, id, 0, NULL);
	if (lock < 0)
		return;
	/* locked now: nobody can have started it since */
	bool ran = c.state.status == ENGINE_EXITED || c.state.monitor;
	if (c.config.auto_remove && ran)
		remove_stopped(g, &c, true, NULL);
	else
		engine_container_cleanup(g, id, NULL);
}

int engine_sweep(struct engine *g, struct err *e)
{
	cleanup_free char *path = mem_printf("%s/containers", store_run_path(g->store));
	cleanup_dir DIR *d = opendir(path);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", path);
	for (struct dirent *ent; (ent = readdir(d));)
		if (strlen(ent->d_name) == ENGINE_ID - 1)
			sweep_one(g, ent->d_name);
	return 0;
}
