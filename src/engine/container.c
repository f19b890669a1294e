/* Finding containers, and judging what their state files say against /proc and the boot. */
#include "engine/container.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "engine/option.h"
#include "store/image.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

void engine_container_release(struct engine_container *c)
{
	store_container_release(&c->row);
	engine_config_release(&c->config);
}

void engine_containers_release(struct engine_containers *l)
{
	for (size_t i = 0; i < l->n; i++)
		engine_container_release(&l->v[i]);
	free(l->v);
	*l = (struct engine_containers){0};
}

static bool is_alive(pid_t pid, uint64_t start)
{
	uint64_t now;
	return pid > 0 && proc_start_time(pid, &now) == 0 && now == start;
}

static void nap(int ms)
{
	nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L}, NULL);
}

/* What a record is worth whose monitor cannot write it any more. */
static void lost(struct engine_state *s, const char *why)
{
	s->status = ENGINE_EXITED;
	s->exit_code = 255;
	s->pid = 0;
	snprintf(s->error, sizeof(s->error), "%s", why);
}

/* 1: the record should change within moments; look again. */
static int judge(struct engine_state *s, const char *boot, bool *ret_monitored)
{
	bool this_boot = str_eq(s->boot, boot);
	*ret_monitored = this_boot && is_alive(s->monitor, s->monitor_start);
	switch (s->status) {
	case ENGINE_RUNNING:
	case ENGINE_PAUSED:
		if (!this_boot)
			lost(s, "the machine was restarted while it ran");
		else if (is_alive(s->pid, s->pid_start))
			return 0;
		else if (*ret_monitored)
			return 1;
		else
			lost(s, "its monitor was killed; how it ended is not known");
		return 0;
	case ENGINE_RESTARTING:
		if (!*ret_monitored)
			s->status = ENGINE_EXITED;
		return 0;
	default:
		return 0;
	}
}

int engine_container_state(struct engine *g, const char *id, struct engine_state *ret,
	bool *ret_monitored, struct err *e)
{
	cleanup_free char *path = store_container_path(g->store, id, "state");
	bool monitored = false;
	for (int tries = 0; tries < 100; tries++) {
		struct err local = ERR_INIT;
		int r = engine_state_load(AT_FDCWD, path, ret, &local);
		if (r == -ENOENT) {
			*ret = (struct engine_state){.status = ENGINE_CREATED};
			break;
		}
		if (r == -ERR_FORMAT) { /* the machine stopped while it was written */
			*ret = (struct engine_state){0};
			lost(ret, local.msg);
			break;
		}
		if (r < 0)
			return err_set(e, local.code, "%s", local.msg);
		if (judge(ret, store_boot(g->store), &monitored) == 0)
			break;
		nap(10);
	}
	if (ret_monitored)
		*ret_monitored = monitored;
	return 0;
}

/* Made to be started at once, and not started yet: whether its kist still lives. */
static void judge_starter(struct engine *g, struct engine_container *c)
{
	int pid;
	uint64_t start;
	char boot[40];
	if (c->state.status != ENGINE_CREATED || c->state.monitor || !c->config.starter ||
		sscanf(c->config.starter, "%d %" SCNu64 " %39s", &pid, &start, boot) != 3)
		return;
	c->state.monitor = pid;
	c->state.monitor_start = start;
	c->monitored = str_eq(boot, store_boot(g->store)) && is_alive(pid, start);
}

/* Takes the row over. */
static int complete(
	struct engine *g, struct store_container *row, struct engine_container *ret, struct err *e)
{
	struct engine_container c = {.config = ENGINE_CONFIG_INIT};
	c.row = *row;
	*row = (struct store_container){0};
	int r = engine_config_parse(c.row.data, &c.config, e);
	if (r >= 0)
		r = engine_container_state(g, c.row.id, &c.state, &c.monitored, e);
	if (r < 0) {
		err_wrap(e, r, "container '%s'", c.row.name);
		engine_container_release(&c);
		return r;
	}
	judge_starter(g, &c);
	*ret = c;
	return 0;
}

int engine_container_find(
	struct engine *g, const char *text, struct engine_container *ret, struct err *e)
{
	struct store_container row = {0};
	int r = store_container_find(g->store, text, &row, e);
	return r < 0 ? r : complete(g, &row, ret, e);
}

int engine_container_list(struct engine *g, struct engine_containers *ret, struct err *e)
{
	struct store_containers rows cleanup_store_containers = {0};
	struct engine_containers l cleanup_engine_containers = {0};
	int r = store_container_list(g->store, &rows, e);
	if (r < 0)
		return r;
	l.v = mem_array(rows.n + 1, sizeof(*l.v));
	for (size_t i = 0; i < rows.n; i++) {
		r = complete(g, &rows.v[i], &l.v[l.n], e);
		if (r < 0)
			return r;
		l.n++;
	}
	*ret = l;
	l = (struct engine_containers){0};
	return 0;
}

int engine_container_lock(struct engine *g, const char *id, int wait_ms, struct err *e)
{
	cleanup_free char *path = store_container_path(g->store, id, NULL);
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open '%s'", path);
	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return STEAL_FD(fd);
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(e, "lock '%s'", path);
		if (wait_ms <= 0)
			return err_set(e, ERR_IN_USE,
				"container '%.12s' is being used by another kist", id);
		nap(5);
		wait_ms -= 5;
	}
}
