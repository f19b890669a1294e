/* Processes into groups, more hierarchies for a group, and groups into other hands. */
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/userns.h"
#include "runtime/cgroup_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOVE_ROUNDS = 32 };

bool cgroup_host_root(void)
{
	return geteuid() == 0 && !userns_inside();
}

bool cgroup_exists(const struct runtime_cgroup *g)
{
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(true, RUNTIME_CG_UNIFIED, g->path, dir);
	return access(dir, F_OK) == 0;
}

int cgroup_add_pid(const struct runtime_cgroup *g, pid_t pid, struct err *e)
{
	char text[16];
	snprintf(text, sizeof(text), "%d", (int)pid);
	for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED; bit <<= 1) {
		bool v2 = g->mode == RUNTIME_CGROUP_V2;
		if (v2 ? bit != RUNTIME_CG_UNIFIED : !(g->controllers & bit))
			continue;
		int r = cgroup_write(g, bit, "cgroup.procs", text);
		if (r == -ESRCH)
			return r;
		if (r < 0)
			return err_sysno(e, r, "move process %s to cgroup '%s' (%s)", text, g->path,
				cgroup_controller_name(bit));
	}
	return 0;
}

/* Processes move until a round finds none that is not there yet. */
int cgroup_extend(struct runtime_cgroup *g, unsigned controllers, struct err *e)
{
	struct runtime_cgroup more = *g;
	more.controllers = controllers & ~g->controllers;
	if (!more.controllers)
		return 0;
	int r = cgroup_make(&more, NULL, e);
	for (size_t before = SIZE_MAX, i = 0; r == 0 && i < MOVE_ROUNDS; i++) {
		cleanup_free pid_t *v = NULL;
		size_t n = 0;
		r = runtime_cgroup_pids(g, &v, &n, e);
		for (size_t j = 0; r == 0 && j < n; j++) {
			r = cgroup_add_pid(&more, v[j], e);
			if (r == -ESRCH)
				r = 0;
		}
		if (n == before)
			break;
		before = n;
	}
	if (r == 0)
		g->controllers |= more.controllers;
	return r;
}

/* The files that the kernel says make a group somebody's: never those of limits, which would let
 * the container raise its own. */
int cgroup_delegate(const struct runtime_cgroup *g, uid_t owner, struct err *e)
{
	char list[1024] = "cgroup.procs\ncgroup.subtree_control\ncgroup.threads\n";
	cleanup_fd int known = open("/sys/kernel/cgroup/delegate", O_RDONLY | O_CLOEXEC);
	if (known >= 0) {
		ssize_t n = io_read_full(known, list, sizeof(list) - 1);
		list[MAX(n, 0)] = 0;
	}
	cleanup_fd int dir = cgroup_open_dir(g, e);
	if (dir < 0)
		return dir;
	if (fchown(dir, owner, (gid_t)-1) < 0)
		return err_sys(e, "give cgroup '%s' to user %u", g->path, (unsigned)owner);
	for (char *p = list, *end; (end = strchr(p, '\n')); p = end + 1) {
		*end = 0;
		/* the list is that of the kernel; a group lacks those of absent controllers */
		if (fchownat(dir, p, owner, (gid_t)-1, AT_SYMLINK_NOFOLLOW) < 0 && errno != ENOENT)
			return err_sys(e, "give '%s' of cgroup '%s' to user %u", p, g->path,
				(unsigned)owner);
	}
	return 0;
}
