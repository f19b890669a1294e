/* Without the host's root: the hierarchies in which we may make a group, and doing without the
 * others. */
#include "base/buf.h"
#include "base/err.h"
#include "runtime/cgroup_priv.h"
#include "runtime/cgroup_setup_priv.h"
#include "runtime/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The group itself, or the nearest one above it that is there, is ours to write. */
static bool is_reachable(const struct runtime_cgroup *g, unsigned bit)
{
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(g->mode == RUNTIME_CGROUP_V2, bit, g->path, dir);
	for (char *slash; access(dir, W_OK) < 0; *slash = 0) {
		slash = strrchr(dir, '/');
		if (errno != ENOENT || !slash || slash == dir)
			return false;
	}
	return true;
}

/* The controllers that a limit asks for, device rules aside */
static int limited(const struct cgroup_aim *aim, const struct runtime_resources *r, unsigned *ret,
	struct err *e)
{
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	struct cgroup_aim limits = *aim;
	limits.devices = false;
	int k = cgroup_limits(&limits, r, &w, e);
	*ret = 0;
	for (size_t i = 0; k >= 0 && i < w.n; i++)
		if (w.v[i].need != CGROUP_EXTRA)
			*ret |= w.v[i].controller;
	return k < 0 ? k : 0;
}

static int tell(const struct cgroup_aim *aim, unsigned lost, struct err *e)
{
	struct buf names cleanup_buf = BUF_INIT;
	for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED; bit <<= 1)
		if (lost & bit)
			buf_printf(
				&names, "%s%s", names.len ? ", " : "", cgroup_controller_name(bit));
	int r = cgroup_cannot(aim, e, buf_str(&names),
		"without root a limit needs a control group that is delegated to this user");
	if (r < 0)
		err_hint(e, "on cgroup v2: systemd-run --user --scope -p Delegate=yes ...");
	return r;
}

int cgroup_reach(struct cgroup_aim *aim, const struct runtime_resources *r,
	struct runtime_cgroup *g, struct err *e)
{
	unsigned lost = 0, needed;
	if (cgroup_host_root() || !g->path)
		return 0;
	for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED; bit <<= 1)
		if ((g->controllers & bit) &&
			(g->mode != RUNTIME_CGROUP_V2 || bit == RUNTIME_CG_UNIFIED) &&
			!is_reachable(g, bit))
			lost |= bit;
	if (!lost)
		return 0;
	if (g->mode == RUNTIME_CGROUP_V2)
		lost = RUNTIME_CG_ALL;
	int k = limited(aim, r, &needed, e);
	if (k >= 0 && (needed & lost))
		k = tell(aim, needed & lost, e);
	if (k < 0)
		return k;
	g->controllers &= ~lost;
	g->enable &= ~lost;
	aim->devices &= !(lost & RUNTIME_CG_DEVICES);
	if (!g->controllers) {
		free(g->path);
		*g = (struct runtime_cgroup){.path = NULL};
	}
	return 0;
}
