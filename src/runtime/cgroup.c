/* Where control groups are, and making them; see cgroup.h. Limits are in cgroup_limits.c. */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#define TOP "/sys/fs/cgroup"

static const struct {
	unsigned bit;
	const char *name, *v2_name;
} controllers[] = {
	{RUNTIME_CG_CPU, "cpu", "cpu"},
	{RUNTIME_CG_CPUACCT, "cpuacct", "cpu"},
	{RUNTIME_CG_CPUSET, "cpuset", "cpuset"},
	{RUNTIME_CG_MEMORY, "memory", "memory"},
	{RUNTIME_CG_DEVICES, "devices", NULL},
	{RUNTIME_CG_FREEZER, "freezer", NULL},
	{RUNTIME_CG_BLKIO, "blkio", "io"},
	{RUNTIME_CG_PIDS, "pids", "pids"},
	{RUNTIME_CG_HUGETLB, "hugetlb", "hugetlb"},
	{RUNTIME_CG_NET_CLS, "net_cls", NULL},
	{RUNTIME_CG_NET_PRIO, "net_prio", NULL},
	{RUNTIME_CG_PERF_EVENT, "perf_event", NULL},
	{RUNTIME_CG_RDMA, "rdma", "rdma"},
	{RUNTIME_CG_MISC, "misc", "misc"},
	{RUNTIME_CG_UNIFIED, "unified", NULL},
};

const char *cgroup_controller_name(unsigned controller)
{
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (controllers[i].bit == controller)
			return controllers[i].name;
	return "";
}

unsigned cgroup_controller_of_file(const char *file)
{
	size_t len = strcspn(file, ".");
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		const char *name = controllers[i].v2_name;
		if (name && controllers[i].bit != RUNTIME_CG_CPUACCT && strlen(name) == len &&
			strncmp(name, file, len) == 0)
			return controllers[i].bit;
	}
	return 0;
}

const char *runtime_cgroup_mode_name(enum runtime_cgroup_mode mode)
{
	static const char *const names[] = {"none", "v1", "hybrid", "v2"};
	return names[mode];
}

void cgroup_dir(bool v2, unsigned controller, const char *path, char *out)
{
	if (v2)
		snprintf(out, CGROUP_PATH_MAX, TOP "%s", path);
	else
		snprintf(out, CGROUP_PATH_MAX, TOP "/%s%s", cgroup_controller_name(controller),
			path);
}

void runtime_cgroup_release(struct runtime_cgroup *g)
{
	free(g->path);
	free(g->unit);
	free(g->socket);
	g->path = g->unit = g->socket = NULL;
}

/* ---- what the host has ---- */

/* The controllers that a file lists */
static unsigned v2_controllers(const char *path)
{
	char text[512];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : io_read_full(fd, text, sizeof(text) - 1);
	text[MAX(n, 0)] = 0;
	unsigned found = 0;
	for (char *p = text; *p;) {
		size_t len = strcspn(p, " \n");
		for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
			const char *name = controllers[i].v2_name;
			if (name && strlen(name) == len && strncmp(p, name, len) == 0)
				found |= controllers[i].bit;
		}
		p += len;
		p += strspn(p, " \n");
	}
	return found;
}

void runtime_cgroup_probe(struct runtime_cgroup_host *ret)
{
	*ret = (struct runtime_cgroup_host){RUNTIME_CGROUP_NONE, 0, 0};
	struct statfs fs;
	if (statfs(TOP, &fs) == 0 && fs.f_type == CGROUP2_SUPER_MAGIC) {
		ret->mode = RUNTIME_CGROUP_V2;
		ret->v2 = v2_controllers(TOP "/cgroup.controllers");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		char path[64];
		snprintf(path, sizeof(path), TOP "/%s", controllers[i].name);
		if (statfs(path, &fs) < 0)
			continue;
		if (fs.f_type == CGROUP_SUPER_MAGIC)
			ret->v1 |= controllers[i].bit;
		else if (controllers[i].bit == RUNTIME_CG_UNIFIED &&
			 fs.f_type == CGROUP2_SUPER_MAGIC)
			ret->v2 = v2_controllers(TOP "/unified/cgroup.controllers") |
				  RUNTIME_CG_UNIFIED;
	}
	if (ret->v1)
		ret->mode = ret->v2 ? RUNTIME_CGROUP_HYBRID : RUNTIME_CGROUP_V1;
}

int cgroup_path_make(
	const char *config_path, const char *parent, const char *id, char **ret, struct err *e)
{
	if (str_empty(parent))
		parent = "/kist";
	cleanup_free char *path = NULL;
	if (str_empty(config_path))
		path = mem_printf("%s/%s", parent, id);
	else if (config_path[0] == '/')
		path = mem_strdup(config_path);
	else if (strchr(config_path, ':')) {
		int r = err_set(e, ERR_FORMAT,
			"linux.cgroupsPath '%s' is one for systemd, which is not asked to make it",
			config_path);
		err_hint(e, "use --systemd-cgroup");
		return r;
	} else
		path = mem_printf("%s/%s", parent, config_path);
	size_t len = strlen(path);
	while (len > 1 && path[len - 1] == '/')
		path[--len] = 0;
	if (len < 2 || len > 2048)
		return err_set(e, EINVAL, "linux.cgroupsPath '%s' cannot be used", path);
	for (const char *p = path; p; p = strchr(p + 1, '/'))
		if (str_eq(p, "/..") || str_starts(p, "/../") || str_starts(p, "/./"))
			return err_set(e, EINVAL, "linux.cgroupsPath '%s' leads elsewhere", path);
	*ret = STEAL(path);
	return 0;
}

/* ---- which of them a container needs ---- */

static int tell_missing(const struct cgroup_aim *aim, unsigned missing, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if (missing & controllers[i].bit)
			buf_printf(&b, "%s%s", b.len ? ", " : "", controllers[i].name);
	if (aim->lenient) {
		log_warn("this host has no cgroup controller for: %s; these limits are left out",
			buf_str(&b));
		return 0;
	}
	return err_set(e, ERR_UNSUPPORTED,
		"linux.resources: this host has no cgroup controller for: %s", buf_str(&b));
}

int cgroup_choose(const struct cgroup_aim *aim, const struct runtime_resources *r, bool accounting,
	struct runtime_cgroup *ret, struct err *e)
{
	const struct runtime_cgroup_host *h = &aim->host;
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	int k = cgroup_limits(aim, r, &w, e);
	if (k < 0)
		return k;
	unsigned need = 0, below = 0;
	for (size_t i = 0; i < w.n; i++) {
		if (w.v[i].need != CGROUP_EXTRA)
			need |= w.v[i].controller;
		if (w.v[i].controller & RUNTIME_CG_UNIFIED)
			below |= w.v[i].controller & h->v2;
	}
	ret->mode = h->mode;
	ret->controllers = 0;
	if (h->mode == RUNTIME_CGROUP_V2) {
		ret->controllers = RUNTIME_CG_UNIFIED | (need & h->v2);
		if (accounting)
			ret->controllers |= h->v2;
		ret->enable = ret->controllers;
		need &= ~(h->v2 | RUNTIME_CG_DEVICES | RUNTIME_CG_UNIFIED);
	} else if (h->mode != RUNTIME_CGROUP_NONE) {
		/* in a hybrid, what only the v2 tree has comes from there */
		ret->enable = below & ~h->v1;
		if (need & RUNTIME_CG_UNIFIED)
			ret->controllers |= RUNTIME_CG_UNIFIED;
		/* what counts has to be there from the start; the freezer is made when asked */
		const unsigned count = RUNTIME_CG_MEMORY | RUNTIME_CG_CPUACCT;
		ret->controllers |= (need | (accounting ? count : 0)) & h->v1;
		need &= ~(ret->controllers | ret->enable);
	}
	/* without the host's root no device node can be made, and no rule for one set */
	if ((need & RUNTIME_CG_DEVICES) && !cgroup_host_root())
		need &= ~(unsigned)RUNTIME_CG_DEVICES;
	return need ? tell_missing(aim, need, e) : 0;
}

/* ---- making ---- */

static bool in_v2(const struct runtime_cgroup *g, unsigned bit)
{
	return g->mode == RUNTIME_CGROUP_V2 || bit == RUNTIME_CG_UNIFIED;
}

/* New groups of cpuset have no CPU and no memory: a task cannot enter before they have. */
static int copy_cpuset(const char *dir, const char *parent)
{
	static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		char path[CGROUP_PATH_MAX + 32], text[4096];
		snprintf(path, sizeof(path), "%s/%s", dir, files[i]);
		cleanup_fd int own = open(path, O_RDWR | O_CLOEXEC);
		if (own < 0)
			return -errno;
		ssize_t n = io_read_full(own, text, sizeof(text));
		if (n > 1)
			continue;
		snprintf(path, sizeof(path), "%s/%s", parent, files[i]);
		cleanup_fd int up = open(path, O_RDONLY | O_CLOEXEC);
		n = up < 0 ? -errno : io_read_full(up, text, sizeof(text));
		if (n < 0)
			return (int)n;
		if (n > 0 && pwrite(own, text, (size_t)n, 0) < 0)
			return -errno;
	}
	return 0;
}

/* v2: a group's controllers are switched on in its parent; all at once, and when that fails each
 * for itself. A limit whose controller is missing fails later, at its file. */
static void enable_below(const char *dir, unsigned wanted)
{
	char path[CGROUP_PATH_MAX + 32], all[256] = "";
	snprintf(path, sizeof(path), "%s/cgroup.subtree_control", dir);
	unsigned missing = wanted & ~v2_controllers(path);
	size_t len = 0;
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++)
		if ((missing & controllers[i].bit) && controllers[i].v2_name &&
			controllers[i].bit != RUNTIME_CG_CPUACCT)
			len += (size_t)snprintf(
				all + len, sizeof(all) - len, "+%s ", controllers[i].v2_name);
	if (!len)
		return;
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, all, len) >= 0)
		return;
	for (char *p = all, *end; (end = strchr(p, ' ')); p = end + 1)
		if (write(fd, p, (size_t)(end - p)) < 0)
			log_debug("cgroup '%s': %.*s: %s", dir, (int)(end - p), p, strerror(errno));
}

/* mkdir -p below the top of one hierarchy, with what each level needs. 1: the last one was there */
static int make_levels(const struct runtime_cgroup *g, unsigned bit, char *dir, size_t top_len)
{
	for (char *p = dir + top_len;; p++) {
		if (*p && !(*p == '/' && p > dir + top_len))
			continue;
		char end = *p;
		char *slash;
		*p = 0;
		slash = strrchr(dir, '/');
		*slash = 0;
		if (in_v2(g, bit))
			enable_below(dir, g->enable);
		cleanup_free char *parent = mem_strdup(dir);
		*slash = '/';
		bool there = mkdir(dir, 0755) < 0;
		if (there && errno != EEXIST)
			return -errno;
		int r = bit == RUNTIME_CG_CPUSET && !in_v2(g, bit) ? copy_cpuset(dir, parent) : 0;
		if (r < 0)
			return r;
		*p = end;
		if (!end)
			return there;
	}
}

static int make_one(const struct runtime_cgroup *g, unsigned bit, struct err *e)
{
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(g->mode == RUNTIME_CGROUP_V2, bit, g->path, dir);
	/* usually only the last level is missing */
	if (bit != RUNTIME_CG_CPUSET && !in_v2(g, bit) && mkdir(dir, 0755) == 0)
		return 0;
	int r = make_levels(g, bit, dir, strlen(dir) - strlen(g->path));
	return r < 0 ? err_sysno(e, r, "make cgroup '%s'", dir) : r;
}

static bool has_dir(const struct runtime_cgroup *g, unsigned bit)
{
	if (g->mode == RUNTIME_CGROUP_V2)
		return bit == RUNTIME_CG_UNIFIED;
	return g->controllers & bit;
}

int cgroup_make(const struct runtime_cgroup *g, bool *ret_there, struct err *e)
{
	bool there = false;
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		int r = has_dir(g, controllers[i].bit) ? make_one(g, controllers[i].bit, e) : 0;
		if (r < 0)
			return r;
		there |= r;
	}
	if (ret_there)
		*ret_there = there;
	return 0;
}

void cgroup_unmake(const struct runtime_cgroup *g)
{
	char dir[CGROUP_PATH_MAX];
	for (size_t i = 0; i < ARRAY_SIZE(controllers); i++) {
		if (!has_dir(g, controllers[i].bit))
			continue;
		cgroup_dir(g->mode == RUNTIME_CGROUP_V2, controllers[i].bit, g->path, dir);
		rmdir(dir); /* one that holds somebody stays */
	}
}

int cgroup_open_tasks(const struct runtime_cgroup *g, int *fds, size_t max, struct err *e)
{
	size_t n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(controllers) && n < max; i++) {
		unsigned bit = controllers[i].bit;
		if (!has_dir(g, bit))
			continue;
		char path[CGROUP_PATH_MAX + 32];
		cgroup_dir(g->mode == RUNTIME_CGROUP_V2, bit, g->path, path);
		size_t len = strlen(path);
		snprintf(path + len, sizeof(path) - len, "/%s",
			bit == RUNTIME_CG_UNIFIED ? "cgroup.procs" : "tasks");
		fds[n] = open(path, O_WRONLY | O_CLOEXEC);
		if (fds[n] < 0) {
			int r = err_sys(e, "open '%s'", path);
			while (n > 0)
				close(fds[--n]);
			return r;
		}
		n++;
	}
	return (int)n;
}

int cgroup_open_dir(const struct runtime_cgroup *g, struct err *e)
{
	if (g->mode != RUNTIME_CGROUP_V2)
		return -1;
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(true, RUNTIME_CG_UNIFIED, g->path, dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open cgroup '%s'", dir) : fd;
}

/* ---- files ---- */

static void file_path(const struct runtime_cgroup *g, unsigned controller, const char *file,
	char *out, size_t size)
{
	bool unified = g->mode == RUNTIME_CGROUP_HYBRID && (controller & RUNTIME_CG_UNIFIED);
	cgroup_dir(g->mode == RUNTIME_CGROUP_V2, unified ? RUNTIME_CG_UNIFIED : controller, g->path,
		out);
	size_t len = strlen(out);
	snprintf(out + len, size - len, "/%s", file);
}

int cgroup_read(const struct runtime_cgroup *g, unsigned controller, const char *file, char *out,
	size_t size)
{
	char path[CGROUP_PATH_MAX + 80];
	file_path(g, controller, file, path, sizeof(path));
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	ssize_t n = io_read_full(fd, out, size - 1);
	out[MAX(n, 0)] = 0;
	return (int)n;
}

int cgroup_open_file(const struct runtime_cgroup *g, unsigned controller, const char *file)
{
	char path[CGROUP_PATH_MAX + 80];
	file_path(g, controller, file, path, sizeof(path));
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int cgroup_write(
	const struct runtime_cgroup *g, unsigned controller, const char *file, const char *value)
{
	cleanup_fd int fd = cgroup_open_file(g, controller, file);
	if (fd < 0)
		return fd;
	return write(fd, value, strlen(value)) < 0 ? -errno : 0;
}
