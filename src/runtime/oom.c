/* Being told when the kernel kills for want of memory; see stats.h. */
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "runtime/stats.h"
#include "runtime/stats_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

/* v1: an eventfd that is named in cgroup.event_control */
static int watch_v1(const char *dir, const char *file, struct runtime_oom_watch *w, struct err *e)
{
	char control[CGROUP_PATH_MAX + 32], text[64];
	cleanup_fd int oom = open(file, O_RDONLY | O_CLOEXEC);
	snprintf(control, sizeof(control), "%s/cgroup.event_control", dir);
	cleanup_fd int out = open(control, O_WRONLY | O_CLOEXEC);
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int n = snprintf(text, sizeof(text), "%d %d", w->fd, oom);
	if (oom < 0 || out < 0 || w->fd < 0 || write(out, text, (size_t)n) < 0)
		return err_sys(e, "watch '%s'", file);
	return 0;
}

static int watch_v2(const char *file, struct runtime_oom_watch *w, struct err *e)
{
	w->fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->fd < 0 || inotify_add_watch(w->fd, file, IN_MODIFY) < 0)
		return err_sys(e, "watch '%s'", file);
	return 0;
}

static int64_t kills(const char *path)
{
	char text[1024];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);
	if (n < 0)
		return 0;
	text[n] = 0;
	return (int64_t)stats_keyed(text, "oom_kill");
}

int runtime_oom_watch(const char *state_dir, struct runtime_oom_watch *ret, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	struct runtime_cgroup g = state_cgroup(s);
	bool v2 = g.mode == RUNTIME_CGROUP_V2;
	if (!*s->cgroup_path || !(g.controllers & RUNTIME_CG_MEMORY))
		return 0;
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(v2, RUNTIME_CG_MEMORY, g.path, dir);
	ret->path = mem_printf("%s/%s", dir, v2 ? "memory.events" : "memory.oom_control");
	r = v2 ? watch_v2(ret->path, ret, e) : watch_v1(dir, ret->path, ret, e);
	ret->seen = kills(ret->path);
	return r < 0 ? r : 1;
}

int64_t runtime_oom_count(struct runtime_oom_watch *w)
{
	char drop[4096];
	while (w->fd >= 0 && read(w->fd, drop, sizeof(drop)) > 0)
		;
	int64_t now = w->path ? kills(w->path) : 0;
	int64_t more = MAX(now - w->seen, 0);
	w->seen = MAX(now, w->seen);
	return more;
}

void runtime_oom_release(struct runtime_oom_watch *w)
{
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	*w = (struct runtime_oom_watch)RUNTIME_OOM_WATCH_INIT;
}
