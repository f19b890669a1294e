/* What is done with an existing group: its processes, freezing, killing, usage, the end. */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/systemd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
	MAX_DEPTH = 256,      /* groups that a container made below its own; a descriptor each */
	MAX_PROCS = 16 << 20, /* bytes of pids read from one group */
	REMOVE_TRIES = 200,
};

static bool exists_in(const struct runtime_cgroup *g, unsigned bit)
{
	if (g->mode == RUNTIME_CGROUP_V2)
		return bit == RUNTIME_CG_UNIFIED;
	return g->controllers & bit;
}

/* One hierarchy that holds all processes of the container; 0: none */
static unsigned any_hierarchy(const struct runtime_cgroup *g)
{
	for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED; bit <<= 1)
		if (exists_in(g, bit))
			return bit;
	return 0;
}

struct pids {
	pid_t *v;
	size_t n;
};

static int read_pids(int dir, struct pids *p)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(MAX_PROCS);
	cleanup_fd int fd = openat(dir, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	int r = io_read_to_end(fd, &b);
	if (r < 0)
		return r == -EOPNOTSUPP ? 0 : r; /* a threaded group of v2 */
	for (char *s = b.data, *end; s && *s; s = end + 1) {
		long pid = strtol(s, &end, 10);
		if (end == s || *end != '\n')
			break;
		if (pid <= 0)
			continue; /* of a pid namespace that we cannot see */
		p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
		p->v[p->n++] = (pid_t)pid;
	}
	return 0;
}

static int open_group(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int list_pids(int dir, int depth, struct pids *p)
{
	int r = read_pids(dir, p);
	int own = fcntl(dir, F_DUPFD_CLOEXEC, 0);
	DIR *d cleanup_dir = own < 0 ? NULL : fdopendir(own);
	if (!d)
		return -errno;
	for (struct dirent *de; r == 0 && (de = readdir(d));) {
		if (de->d_type != DT_DIR || de->d_name[0] == '.')
			continue;
		if (depth == MAX_DEPTH)
			return -ELOOP;
		cleanup_fd int fd = open_group(dir, de->d_name);
		r = fd < 0 ? (fd == -ENOENT ? 0 : fd) : list_pids(fd, depth + 1, p);
		if (r == -ENOENT || r == -ENODEV)
			r = 0; /* it went meanwhile */
	}
	return r;
}

/* The first group below, or "" */
static int first_below(int dir, char *out, size_t size)
{
	int own = open_group(dir, ".");
	DIR *d cleanup_dir = own < 0 ? NULL : fdopendir(own);
	if (!d)
		return -errno;
	*out = 0;
	for (struct dirent *de; !*out && (de = readdir(d));)
		if (de->d_type == DT_DIR && de->d_name[0] != '.')
			snprintf(out, size, "%s", de->d_name);
	return 0;
}

/* Whatever a container made below its group, as deep as it liked: with one descriptor, down to a
 * group without groups, and from the top again. */
static int remove_groups(const char *top)
{
	for (;;) {
		cleanup_fd int at = open_group(AT_FDCWD, top);
		char name[NAME_MAX + 1], next[NAME_MAX + 1];
		int r = at < 0 ? at : first_below(at, name, sizeof(name));
		if (r < 0)
			return r == -ENOENT ? 0 : r;
		if (!*name)
			break;
		for (;;) {
			cleanup_fd int below = open_group(at, name);
			r = below < 0 ? below : first_below(below, next, sizeof(next));
			if (r < 0 || !*next)
				break;
			close(at);
			at = STEAL_FD(below);
			memcpy(name, next, sizeof(name));
		}
		if (r < 0 && r != -ENOENT)
			return r;
		if (unlinkat(at, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
			return -errno;
	}
	return rmdir(top) < 0 && errno != ENOENT ? -errno : 0;
}

int runtime_cgroup_pids(const struct runtime_cgroup *g, pid_t **ret, size_t *ret_n, struct err *e)
{
	struct pids p = {NULL, 0};
	unsigned bit = any_hierarchy(g);
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(g->mode == RUNTIME_CGROUP_V2, bit, g->path, dir);
	cleanup_fd int fd = bit ? open_group(AT_FDCWD, dir) : -1;
	int r = bit && fd < 0 && fd != -ENOENT ? fd : fd >= 0 ? list_pids(fd, 0, &p) : 0;
	if (r < 0) {
		free(p.v);
		return err_sysno(e, r, "processes of cgroup '%s'", g->path);
	}
	*ret = p.v;
	*ret_n = p.n;
	return 0;
}

/* ---- freezing ---- */

enum { FREEZE_MS = 10000 };

int runtime_cgroup_frozen(const struct runtime_cgroup *g)
{
	char text[256];
	if (g->mode == RUNTIME_CGROUP_V2) {
		int n = cgroup_read(g, RUNTIME_CG_UNIFIED, "cgroup.freeze", text, sizeof(text));
		return n < 0 ? n : text[0] == '1';
	}
	int n = cgroup_read(g, RUNTIME_CG_FREEZER, "freezer.state", text, sizeof(text));
	return n < 0 ? n : str_starts(text, "FROZEN") || str_starts(text, "FREEZING");
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){0, ms * 1000000}, NULL);
}

/* The freezer of v1 is made when it is first needed: most containers are never frozen, and each
 * hierarchy costs a start its share. */
static int make_freezer(const struct runtime_cgroup *g, struct err *e)
{
	struct runtime_cgroup f = *g;
	struct runtime_cgroup_host host;
	runtime_cgroup_probe(&host);
	if (!(host.v1 & RUNTIME_CG_FREEZER) || !any_hierarchy(g))
		return err_set(e, ERR_UNSUPPORTED,
			"this container has no control group that can freeze it");
	return cgroup_extend(&f, RUNTIME_CG_FREEZER, e);
}

/* v2: the request is taken at once, the last process stops when it comes out of its system call. */
static int wait_frozen_v2(const struct runtime_cgroup *g, struct err *e)
{
	for (int i = 0; i < FREEZE_MS; i++) {
		char text[256];
		int n = cgroup_read(g, RUNTIME_CG_UNIFIED, "cgroup.events", text, sizeof(text));
		if (n < 0)
			return err_sysno(e, n, "freeze cgroup '%s'", g->path);
		if (strstr(text, "frozen 1"))
			return 0;
		pause_ms(1);
	}
	(void)cgroup_write(g, RUNTIME_CG_UNIFIED, "cgroup.freeze", "0");
	return err_set(e, EBUSY, "the processes of cgroup '%s' did not stop within %d s", g->path,
		FREEZE_MS / 1000);
}

/* It says FREEZING until the last process has stopped, which one that waits for a disk does late;
 * asking again makes the kernel look again. What cannot be frozen goes on. */
static int wait_frozen(const struct runtime_cgroup *g, struct err *e)
{
	for (int i = 0; i < FREEZE_MS; i++) {
		char text[32];
		int n = cgroup_read(g, RUNTIME_CG_FREEZER, "freezer.state", text, sizeof(text));
		if (n < 0)
			return err_sysno(e, n, "freeze cgroup '%s'", g->path);
		if (str_starts(text, "FROZEN"))
			return 0;
		pause_ms(1);
		if (i % 64 == 63)
			(void)cgroup_write(g, RUNTIME_CG_FREEZER, "freezer.state", "FROZEN");
	}
	(void)cgroup_write(g, RUNTIME_CG_FREEZER, "freezer.state", "THAWED");
	return err_set(e, EBUSY, "the processes of cgroup '%s' did not stop within %d s", g->path,
		FREEZE_MS / 1000);
}

int runtime_cgroup_freeze(const struct runtime_cgroup *g, bool freeze, struct err *e)
{
	int r = 0;
	if (g->mode == RUNTIME_CGROUP_V2) {
		r = cgroup_write(g, RUNTIME_CG_UNIFIED, "cgroup.freeze", freeze ? "1" : "0");
		if (r < 0)
			return err_sysno(
				e, r, "%s cgroup '%s'", freeze ? "freeze" : "thaw", g->path);
		return freeze ? wait_frozen_v2(g, e) : 0;
	}
	if (freeze && (r = make_freezer(g, e)) < 0)
		return r;
	r = cgroup_write(g, RUNTIME_CG_FREEZER, "freezer.state", freeze ? "FROZEN" : "THAWED");
	if (r < 0)
		return err_sysno(e, r, "%s cgroup '%s'", freeze ? "freeze" : "thaw", g->path);
	return freeze ? wait_frozen(g, e) : 0;
}

/* ---- killing and removing ---- */

static int kill_listed(const struct runtime_cgroup *g, int sig, size_t *ret_n, struct err *e)
{
	cleanup_free pid_t *v = NULL;
	size_t n = 0;
	int r = runtime_cgroup_pids(g, &v, &n, e);
	for (size_t i = 0; i < n; i++)
		if (kill(v[i], sig) < 0 && errno != ESRCH)
			r = err_sys(e, "kill process %d", (int)v[i]);
	*ret_n = n;
	return r;
}

int runtime_cgroup_kill(const struct runtime_cgroup *g, int sig, struct err *e)
{
	size_t n;
	if (!any_hierarchy(g))
		return 0;
	if (sig != SIGKILL)
		return kill_listed(g, sig, &n, e);
	if (g->mode == RUNTIME_CGROUP_V2 &&
		cgroup_write(g, RUNTIME_CG_UNIFIED, "cgroup.kill", "1") == 0)
		return 0;
	/* who forks while we read is found in the next round */
	int r = 0;
	for (int i = 0; i < 8; i++) {
		r = kill_listed(g, SIGKILL, &n, e);
		if (r < 0 || n == 0)
			break;
		if (runtime_cgroup_frozen(g) > 0)
			runtime_cgroup_freeze(g, false, NULL);
	}
	return r;
}

/* A killed process leaves its group a moment after its parent saw it die. */
static int remove_one(const struct runtime_cgroup *g, unsigned bit, struct err *e)
{
	char dir[CGROUP_PATH_MAX];
	int r = 0;
	cgroup_dir(g->mode == RUNTIME_CGROUP_V2, bit, g->path, dir);
	for (int i = 0; i < REMOVE_TRIES; i++) {
		r = remove_groups(dir);
		if (r != -EBUSY)
			break;
		if (i == 0)
			runtime_cgroup_kill(g, SIGKILL, NULL);
		pause_ms(i < 10 ? 1 : 10);
	}
	return r < 0 ? err_sysno(e, r, "remove cgroup '%s' (%s)", g->path,
			       cgroup_controller_name(bit))
		     : 0;
}

/* systemd takes a scope away when it is empty, or is told to. When it cannot be asked the
 * directories are all that is left, and they go below. */
static void stop_scope(const struct runtime_cgroup *g)
{
	struct err why = ERR_INIT;
	runtime_cgroup_kill(g, SIGKILL, NULL);
	if (runtime_cgroup_frozen(g) > 0)
		runtime_cgroup_freeze(g, false, NULL);
	if (systemd_scope_stop(g->socket, g->unit, &why) < 0)
		log_warn("%s", why.msg);
}

int runtime_cgroup_remove(const struct runtime_cgroup *g, struct err *e)
{
	int worst = 0;
	if (g->unit)
		stop_scope(g);
	for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED; bit <<= 1) {
		bool freezer = bit == RUNTIME_CG_FREEZER && g->mode != RUNTIME_CGROUP_V2;
		if (!exists_in(g, bit) && !freezer)
			continue;
		/* nearly always it is empty: one call, without looking inside */
		char dir[CGROUP_PATH_MAX];
		cgroup_dir(g->mode == RUNTIME_CGROUP_V2, bit, g->path, dir);
		if (rmdir(dir) == 0 || errno == ENOENT)
			continue;
		int r = remove_one(g, bit, e);
		worst = worst ? worst : r;
	}
	return worst;
}

/* ---- usage ---- */

static int64_t number(const struct runtime_cgroup *g, unsigned bit, const char *file)
{
	char text[64];
	uint64_t v;
	int n = cgroup_read(g, bit, file, text, sizeof(text));
	if (n <= 0)
		return -1;
	text[strcspn(text, "\n")] = 0;
	/* "max", and v1's largest page-aligned number, mean no limit */
	return str_parse_u64(text, 10, &v) < 0 || v > INT64_MAX - 0xffff ? -1 : (int64_t)v;
}

/* The number behind a word of a flat-keyed file: "oom_kill 3" */
static int64_t keyed(
	const struct runtime_cgroup *g, unsigned bit, const char *file, const char *key)
{
	char text[8192];
	int n = cgroup_read(g, bit, file, text, sizeof(text));
	size_t len = strlen(key);
	for (char *p = n > 0 ? text : NULL; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, key, len) == 0 && p[len] == ' ')
			return strtoll(p + len + 1, NULL, 10);
	return -1;
}

/* Sums "8:0 rbytes=1 wbytes=2 ..." (v2) or "8:0 Read 1" (v1) */
static int64_t io_sum(
	const struct runtime_cgroup *g, unsigned bit, const char *file, const char *key)
{
	char text[16384];
	if (cgroup_read(g, bit, file, text, sizeof(text)) < 0)
		return -1;
	int64_t sum = 0;
	size_t len = strlen(key);
	for (char *p = strstr(text, key); p; p = strstr(p + len, key))
		sum += strtoll(p + len, NULL, 10);
	return sum;
}

static int64_t times(int64_t v, int64_t factor)
{
	return v < 0 ? -1 : v * factor;
}

static void usage_v2(const struct runtime_cgroup *g, struct runtime_usage *u)
{
	const unsigned b = RUNTIME_CG_UNIFIED;
	u->cpu_ns = times(keyed(g, b, "cpu.stat", "usage_usec"), 1000);
	u->cpu_user_ns = times(keyed(g, b, "cpu.stat", "user_usec"), 1000);
	u->cpu_system_ns = times(keyed(g, b, "cpu.stat", "system_usec"), 1000);
	u->memory = number(g, b, "memory.current");
	u->memory_limit = number(g, b, "memory.max");
	u->memory_peak = number(g, b, "memory.peak");
	u->memory_cache = keyed(g, b, "memory.stat", "inactive_file");
	u->oom_kills = keyed(g, b, "memory.events", "oom_kill");
	u->pids = number(g, b, "pids.current");
	u->pids_limit = number(g, b, "pids.max");
	u->io_read = io_sum(g, b, "io.stat", "rbytes=");
	u->io_write = io_sum(g, b, "io.stat", "wbytes=");
}

static void usage_v1(const struct runtime_cgroup *g, struct runtime_usage *u)
{
	const int64_t tick = 1000000000LL / sysconf(_SC_CLK_TCK);
	u->cpu_ns = number(g, RUNTIME_CG_CPUACCT, "cpuacct.usage");
	u->cpu_user_ns = times(keyed(g, RUNTIME_CG_CPUACCT, "cpuacct.stat", "user"), tick);
	u->cpu_system_ns = times(keyed(g, RUNTIME_CG_CPUACCT, "cpuacct.stat", "system"), tick);
	u->memory = number(g, RUNTIME_CG_MEMORY, "memory.usage_in_bytes");
	u->memory_limit = number(g, RUNTIME_CG_MEMORY, "memory.limit_in_bytes");
	u->memory_peak = number(g, RUNTIME_CG_MEMORY, "memory.max_usage_in_bytes");
	u->memory_cache = keyed(g, RUNTIME_CG_MEMORY, "memory.stat", "total_inactive_file");
	u->oom_kills = keyed(g, RUNTIME_CG_MEMORY, "memory.oom_control", "oom_kill");
	u->pids = number(g, RUNTIME_CG_PIDS, "pids.current");
	u->pids_limit = number(g, RUNTIME_CG_PIDS, "pids.max");
	u->io_read = io_sum(g, RUNTIME_CG_BLKIO, "blkio.throttle.io_service_bytes", " Read ");
	u->io_write = io_sum(g, RUNTIME_CG_BLKIO, "blkio.throttle.io_service_bytes", " Write ");
}

int runtime_cgroup_usage(const struct runtime_cgroup *g, struct runtime_usage *ret, struct err *e)
{
	if (!any_hierarchy(g))
		return err_set(e, ERR_UNSUPPORTED, "this container has no control group");
	if (g->mode == RUNTIME_CGROUP_V2)
		usage_v2(g, ret);
	else
		usage_v1(g, ret);
	return 0;
}
