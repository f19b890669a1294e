/* The control groups of one more process: those of the container, or groups below them. */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/exec_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool leads_elsewhere(const char *path)
{
	for (const char *p = path; *p; p += strcspn(p, "/"), p += strspn(p, "/"))
		if (str_eq(p, "..") || str_starts(p, "../"))
			return true;
	return false;
}

/* "cpu,memory:a/b" → mask and "a/b"; without a colon: all. Pure. */
int exec_cgroup_parse(
	const char *text, unsigned *ret_controllers, const char **ret_path, struct err *e)
{
	const char *colon = strchr(text, ':');
	unsigned mask = colon ? 0 : RUNTIME_CG_ALL;
	for (const char *p = text; colon && p < colon;) {
		size_t len = strcspn(p, ",:");
		unsigned found = 0;
		for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED && !found; bit <<= 1) {
			const char *name = cgroup_controller_name(bit);
			if (len && strlen(name) == len && strncmp(name, p, len) == 0)
				found = bit;
		}
		if (!found)
			return err_set(e, ERR_USAGE, "cgroup '%s': unknown controller '%.*s'", text,
				(int)len, p);
		mask |= found;
		p += len + (p[len] == ',');
	}
	*ret_controllers = mask;
	*ret_path = colon ? colon + 1 : text;
	if (!mask || leads_elsewhere(*ret_path))
		return err_set(e, ERR_USAGE, "cgroup '%s' is none below the container's", text);
	return 0;
}

static char *below(const char *top, const char *path)
{
	path += strspn(path, "/");
	return *path ? mem_printf("%s/%s", top, path) : mem_strdup(top);
}

/* v2: a container that has made groups with controllers of its own below its group has no
 * processes in that itself, nor may others be there: they go where its first process is. */
static char *group_of_init(const struct runtime_state *s, const struct runtime_cgroup *g)
{
	char text[CGROUP_PATH_MAX + 64], file[64];
	if (cgroup_read(g, RUNTIME_CG_UNIFIED, "cgroup.subtree_control", text, sizeof(text)) <= 1)
		return NULL;
	snprintf(file, sizeof(file), "/proc/%d/cgroup", (int)s->pid);
	cleanup_file FILE *f = fopen(file, "re");
	size_t len = strlen(g->path);
	while (f && fgets(text, sizeof(text), f)) {
		text[strcspn(text, "\n")] = 0;
		const char *path = text + strlen("0::");
		if (str_starts(text, "0::") && strncmp(path, g->path, len) == 0 &&
			path[len] == '/' && !leads_elsewhere(path))
			return mem_strdup(path);
	}
	return NULL;
}

static int enter_v2(const struct runtime_state *s, const struct runtime_exec_options *o,
	bool clone_into, struct child *ch, struct spawn *sp, struct err *e)
{
	struct runtime_cgroup g = state_cgroup(s);
	cleanup_free char *path = NULL;
	if (o->ncgroups > 1)
		return err_set(
			e, ERR_USAGE, "there is one tree of cgroups: one --cgroup is enough");
	if (o->ncgroups) {
		unsigned mask;
		const char *sub;
		int r = exec_cgroup_parse(o->cgroups[0], &mask, &sub, e);
		if (r < 0)
			return r;
		if (mask != RUNTIME_CG_ALL)
			return err_set(e, ERR_USAGE,
				"cgroup '%s': cgroup v2 has one tree for all controllers",
				o->cgroups[0]);
		path = below(g.path, sub);
	} else {
		path = group_of_init(s, &g);
	}
	if (path)
		g.path = path;
	if (!clone_into) {
		int n = cgroup_open_tasks(&g, ch->tasks, CHILD_MAX_CGROUPS, e);
		ch->ntasks = (size_t)MAX(n, 0);
		return MIN(n, 0);
	}
	sp->cgroup_fd = cgroup_open_dir(&g, e);
	return MIN(sp->cgroup_fd, 0);
}

static int enter_v1(const struct runtime_state *s, const struct runtime_exec_options *o,
	struct child *ch, struct err *e)
{
	struct runtime_cgroup g = state_cgroup(s);
	unsigned left = g.controllers;
	/* the last word for a controller counts */
	for (size_t i = o->ncgroups; i-- > 0;) {
		struct runtime_cgroup sub = {.mode = g.mode};
		const char *path;
		unsigned mask;
		int r = exec_cgroup_parse(o->cgroups[i], &mask, &path, e);
		if (r < 0)
			return r;
		if (mask != RUNTIME_CG_ALL && (mask & ~g.controllers))
			return err_set(e, ERR_STATE,
				"cgroup '%s': container '%s' is in no group of that controller",
				o->cgroups[i], s->id);
		sub.controllers = mask & left;
		cleanup_free char *whole = below(g.path, path);
		sub.path = whole;
		int n = cgroup_open_tasks(
			&sub, ch->tasks + ch->ntasks, CHILD_MAX_CGROUPS - ch->ntasks, e);
		if (n < 0)
			return n;
		ch->ntasks += (size_t)n;
		left &= ~mask;
	}
	g.controllers = left;
	int n = cgroup_open_tasks(&g, ch->tasks + ch->ntasks, CHILD_MAX_CGROUPS - ch->ntasks, e);
	ch->ntasks += (size_t)MAX(n, 0);
	return MIN(n, 0);
}

int exec_cgroup_enter(const struct runtime_state *s, const struct runtime_exec_options *o,
	bool clone_into, struct child *ch, struct spawn *sp, struct err *e)
{
	ch->cgroup_path = s->cgroup_path;
	if (!*s->cgroup_path || !s->cgroup_controllers)
		return o->ncgroups
			       ? err_set(e, ERR_STATE, "container '%s' has no control group", s->id)
			       : 0;
	return s->cgroup_mode == RUNTIME_CGROUP_V2 ? enter_v2(s, o, clone_into, ch, sp, e)
						   : enter_v1(s, o, ch, e);
}
