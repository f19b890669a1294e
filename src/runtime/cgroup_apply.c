/* Writing limits into the files of a group that is there. */
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what stood there before ---- */

/* Files that hold one line a device: "8:0 rbps=1 wbps=max", and how a line without limits looks */
static const struct {
	const char *file, *none;
} keyed_files[] = {
	{"io.max", "rbps=max wbps=max riops=max wiops=max"},
	{"io.latency", "target=0"},
	{"rdma.max", "hca_handle=max hca_object=max"},
	{"blkio.throttle.read_bps_device", "0"},
	{"blkio.throttle.write_bps_device", "0"},
	{"blkio.throttle.read_iops_device", "0"},
	{"blkio.throttle.write_iops_device", "0"},
	{"blkio.weight_device", "0"},
	{"blkio.bfq.weight_device", "0"},
	{"blkio.leaf_weight_device", "0"},
	{"net_prio.ifpriomap", "0"},
	{"io.weight", "default"},
	{"io.bfq.weight", "default"},
};

char *cgroup_previous_value(const char *file, const char *text, const char *value)
{
	for (size_t i = 0; i < ARRAY_SIZE(keyed_files); i++) {
		if (!str_eq(keyed_files[i].file, file))
			continue;
		size_t key = strcspn(value, " ");
		if (!value[key])
			break; /* "100": the file's one number */
		for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n')
			if (strncmp(p, value, key) == 0 && p[key] == ' ')
				return mem_printf("%.*s", (int)strcspn(p, "\n"), p);
		return mem_printf("%.*s %s", (int)key, value, keyed_files[i].none);
	}
	if (str_eq(file, "memory.oom_control")) /* "oom_kill_disable 0" and more lines */
		return mem_strdup(str_starts(text, "oom_kill_disable 1") ? "1" : "0");
	return mem_printf("%.*s", (int)strcspn(text, "\n"), text);
}

struct undo {
	const struct cgroup_write *w;
	char *value;
};

static void remember(const struct runtime_cgroup *g, const struct cgroup_write *w, struct undo *u)
{
	char text[8192];
	*u = (struct undo){w, NULL};
	if (cgroup_read(g, w->controller, w->file, text, sizeof(text)) >= 0)
		u->value = cgroup_previous_value(w->file, text, w->value);
}

static void put_back(const struct runtime_cgroup *g, struct undo *u, size_t n)
{
	while (n-- > 0) {
		int r = u[n].value ? cgroup_write(g, u[n].w->controller, u[n].w->file, u[n].value)
				   : -ENODATA;
		if (r < 0)
			log_warn("cgroup '%s': '%s' could not be put back: %s", g->path,
				u[n].w->file, err_text(r));
	}
}

/* ---- writing ---- */

static int explain(
	const struct runtime_cgroup *g, const struct cgroup_write *w, int r, struct err *e)
{
	if (r == -ENOENT && g->mode == RUNTIME_CGROUP_V2 && !cgroup_exists(g)) {
		return err_set(e, ERR_NOT_FOUND, "cgroup '%s' is gone", g->path);
	}
	int k = err_sysno(e, r, "cgroup '%s': write '%s' to '%s'", g->path, w->value, w->file);
	if (r == -ENOENT)
		err_hint(e, "the kernel lacks the file, or its controller is not switched on in "
			    "cgroup.subtree_control of the groups above");
	else if (r == -EBUSY && str_starts(w->file, "memory."))
		err_hint(e, "more memory is in use than the new limit");
	else if (str_eq(w->file, "memory.memsw.limit_in_bytes"))
		err_hint(e, "it is memory and swap together: not less than the limit of memory");
	else if (str_starts(w->file, "cpuset."))
		err_hint(e, "the host, or a group above, has not all of these");
	return k;
}

/* The file that was written last: the rules for devices all go into the same one. */
struct open_file {
	const struct cgroup_write *w;
	int *fd;
};

static int write_value(
	const struct runtime_cgroup *g, const struct cgroup_write *w, struct open_file *last)
{
	if (!last->w || last->w->controller != w->controller || !str_eq(last->w->file, w->file)) {
		if (*last->fd >= 0)
			close(*last->fd);
		*last->fd = cgroup_open_file(g, w->controller, w->file);
		last->w = *last->fd < 0 ? NULL : w;
	}
	if (*last->fd < 0)
		return *last->fd;
	return write(*last->fd, w->value, strlen(w->value)) < 0 ? -errno : 0;
}

/* Whether the group has what a file belongs to; in a hybrid the v2 tree brings its controllers. */
static bool has_controller(
	const struct cgroup_aim *aim, const struct runtime_cgroup *g, const struct cgroup_write *w)
{
	unsigned have = g->controllers;
	if (g->mode == RUNTIME_CGROUP_HYBRID && (have & w->controller & RUNTIME_CG_UNIFIED))
		have |= aim->host.v2 & ~aim->host.v1;
	return (have & w->controller) == w->controller;
}

/* 1: written, 0: left out */
static int write_one(const struct cgroup_aim *aim, const struct runtime_cgroup *g,
	const struct cgroup_write *w, struct open_file *last, int *ret_kernel, struct err *e)
{
	*ret_kernel = 0;
	/* what the host lacks was told when the controllers were chosen */
	if (!has_controller(aim, g, w))
		return 0;
	int r = write_value(g, w, last);
	if (r == -ENOENT && w->need != CGROUP_MUST) {
		if (w->need != CGROUP_MAY)
			return 0;
		char why[128];
		snprintf(why, sizeof(why), "this kernel has no '%s'", w->file);
		return cgroup_cannot(aim, e, w->file, why);
	}
	*ret_kernel = r;
	return r < 0 ? r : 1;
}

/*
 * Some limits bound each other (memory and memory with swap, quota and period and burst), and the
 * right order depends on what stands there: what the kernel refuses as invalid is tried once more
 * after the others.
 */
static int write_round(const struct cgroup_aim *aim, const struct runtime_cgroup *g,
	struct cgroup_writes *w, bool *done, bool last, struct undo *undo, size_t *nundo,
	struct err *e)
{
	cleanup_fd int fd = -1;
	struct open_file file = {NULL, &fd};
	for (size_t i = 0; i < w->n; i++) {
		if (done[i])
			continue;
		struct undo u = {NULL, NULL};
		int kernel;
		if (undo)
			remember(g, &w->v[i], &u);
		int r = write_one(aim, g, &w->v[i], &file, &kernel, e);
		bool again = (kernel == -EINVAL || kernel == -EBUSY) && !last;
		if (r > 0 && undo)
			undo[(*nundo)++] = u;
		else
			free(u.value);
		if (r < 0 && !again)
			return kernel ? explain(g, &w->v[i], kernel, e) : r;
		done[i] = r >= 0;
		if (r > 0 && w->v[i].need == CGROUP_ELSE && i + 1 < w->n)
			done[i + 1] = true;
	}
	return 0;
}

int cgroup_writes_apply(const struct cgroup_aim *aim, const struct runtime_cgroup *g,
	struct cgroup_writes *w, bool all_or_nothing, struct err *e)
{
	cleanup_free bool *done = mem_array(w->n + 1, sizeof(*done));
	cleanup_free struct undo *undo =
		all_or_nothing ? mem_array(2 * w->n + 1, sizeof(*undo)) : NULL;
	size_t nundo = 0;
	int r = write_round(aim, g, w, done, false, undo, &nundo, e);
	if (r == 0)
		r = write_round(aim, g, w, done, true, undo, &nundo, e);
	if (r < 0)
		put_back(g, undo, nundo);
	for (size_t i = 0; i < nundo; i++)
		free(undo[i].value);
	return r;
}

/* ---- a whole section ---- */

static int check_usage(
	const struct runtime_cgroup *g, const struct runtime_resources *r, struct err *e)
{
	struct runtime_usage u;
	if (!r->check_before_update || r->memory.v <= 0)
		return 0;
	int k = runtime_cgroup_usage(g, &u, e);
	if (k < 0 || u.memory <= r->memory.v)
		return MIN(k, 0);
	return err_set(e, ERR_STATE,
		"memory.limit %" PRId64 " is below the %" PRId64 " bytes that are in use "
		"(checkBeforeUpdate)",
		r->memory.v, u.memory);
}

int cgroup_apply(const struct cgroup_aim *aim, const struct runtime_cgroup *g,
	const struct runtime_resources *r, bool all_or_nothing, struct err *e)
{
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	int k = check_usage(g, r, e);
	if (k == 0)
		k = cgroup_limits(aim, r, &w, e);
	if (k == 0)
		k = cgroup_writes_apply(aim, g, &w, all_or_nothing, e);
	if (k < 0 || g->mode != RUNTIME_CGROUP_V2 || !aim->devices)
		return k;
	cleanup_fd int dir = cgroup_open_dir(g, e);
	size_t n;
	cleanup_free struct runtime_device_rule *rules = cgroup_device_rules(r, &n);
	return dir < 0 ? dir : cgroup_bpf_devices(dir, rules, n, e);
}
