/* linux.resources as writes into files of control groups, v1 and v2; pure but for the last. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/userns.h"
#include "runtime/cgroup_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void cgroup_writes_release(struct cgroup_writes *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->v[i].value);
	free(w->v);
	*w = (struct cgroup_writes){NULL, 0};
}

void cgroup_writes_add(struct cgroup_writes *w, unsigned controller, bool may_lack,
	const char *file, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	w->v = mem_realloc(w->v, w->n + 1, sizeof(*w->v));
	struct cgroup_write *one = &w->v[w->n++];
	*one = (struct cgroup_write){controller, "", mem_vprintf(fmt, ap), may_lack};
	snprintf(one->file, sizeof(one->file), "%s", file);
	va_end(ap);
}

static void add_number(struct cgroup_writes *w, unsigned controller, bool may_lack,
	const char *file, const struct runtime_i64 *v)
{
	if (v->set)
		cgroup_writes_add(w, controller, may_lack, file, "%" PRId64, v->v);
}

/* v2 writes "max" where v1 writes -1 */
static void add_max(
	struct cgroup_writes *w, unsigned controller, const char *file, const struct runtime_i64 *v)
{
	if (v->set && v->v < 0)
		cgroup_writes_add(w, controller, false, file, "max");
	else if (v->set)
		cgroup_writes_add(w, controller, false, file, "%" PRId64, v->v);
}

/* ---- device rules ---- */

struct runtime_device_rule *cgroup_device_rules(const struct runtime_resources *r, size_t *ret_n)
{
	/* what a container always has: nodes may be made, these may be used */
	static const struct runtime_device_rule always[] = {
		{true, 'c', -1, -1, false, false, true}, {true, 'b', -1, -1, false, false, true},
		{true, 'c', 1, 3, true, true, true},    /* null */
		{true, 'c', 1, 5, true, true, true},    /* zero */
		{true, 'c', 1, 7, true, true, true},    /* full */
		{true, 'c', 1, 8, true, true, true},    /* random */
		{true, 'c', 1, 9, true, true, true},    /* urandom */
		{true, 'c', 5, 0, true, true, true},    /* tty */
		{true, 'c', 5, 1, true, true, true},    /* console */
		{true, 'c', 5, 2, true, true, true},    /* ptmx */
		{true, 'c', 136, -1, true, true, true}, /* pts */
	};
	size_t n = r->ndevices;
	struct runtime_device_rule *v =
		mem_array(n + ARRAY_SIZE(always), sizeof(struct runtime_device_rule));
	for (size_t i = 0; i < n; i++)
		v[i] = r->devices[i];
	for (size_t i = 0; n && i < ARRAY_SIZE(always); i++)
		v[n + i] = always[i];
	*ret_n = n ? n + ARRAY_SIZE(always) : 0;
	return v;
}

static void device_number(int64_t v, char *out, size_t size)
{
	if (v < 0)
		snprintf(out, size, "*");
	else
		snprintf(out, size, "%" PRId64, v);
}

static void add_device_rules(const struct runtime_resources *r, struct cgroup_writes *w)
{
	size_t n;
	cleanup_free struct runtime_device_rule *v = cgroup_device_rules(r, &n);
	for (size_t i = 0; i < n; i++) {
		const struct runtime_device_rule *d = &v[i];
		const char *file = d->allow ? "devices.allow" : "devices.deny";
		if (d->type == 'a' && d->major < 0 && d->minor < 0) {
			cgroup_writes_add(w, RUNTIME_CG_DEVICES, false, file, "a");
			if (d->allow)
				return; /* all is open: rules that open more say nothing */
			continue;
		}
		char major[24], minor[24];
		device_number(d->major, major, sizeof(major));
		device_number(d->minor, minor, sizeof(minor));
		const char types[] = {d->type == 'a' ? 'b' : d->type, d->type == 'a' ? 'c' : 0};
		for (size_t t = 0; t < 2 && types[t]; t++)
			cgroup_writes_add(w, RUNTIME_CG_DEVICES, false, file, "%c %s:%s %s%s%s",
				types[t], major, minor, d->read ? "r" : "", d->write ? "w" : "",
				d->make ? "m" : "");
	}
}

/* ---- v1 ---- */

static void memory_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_MEMORY;
	add_number(w, c, false, "memory.limit_in_bytes", &r->memory);
	add_number(w, c, true, "memory.memsw.limit_in_bytes", &r->memory_swap);
	add_number(w, c, true, "memory.soft_limit_in_bytes", &r->memory_reservation);
	add_number(w, c, true, "memory.swappiness", &r->swappiness);
	if (r->oom_disable)
		cgroup_writes_add(w, c, true, "memory.oom_control", "1");
}

static void cpu_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_CPU;
	if (r->cpu_shares.set && r->cpu_shares.v > 0)
		add_number(w, c, false, "cpu.shares", &r->cpu_shares);
	if (r->cpu_period.set && r->cpu_period.v > 0)
		add_number(w, c, false, "cpu.cfs_period_us", &r->cpu_period);
	if (r->cpu_quota.set && r->cpu_quota.v)
		add_number(w, c, false, "cpu.cfs_quota_us", &r->cpu_quota);
	add_number(w, c, true, "cpu.cfs_burst_us", &r->cpu_burst);
	add_number(w, c, true, "cpu.idle", &r->cpu_idle);
	if (r->cpu_rt_period.set && r->cpu_rt_period.v)
		add_number(w, c, true, "cpu.rt_period_us", &r->cpu_rt_period);
	if (r->cpu_rt_runtime.set && r->cpu_rt_runtime.v)
		add_number(w, c, true, "cpu.rt_runtime_us", &r->cpu_rt_runtime);
}

static void cpuset(const struct runtime_resources *r, struct cgroup_writes *w)
{
	if (!str_empty(r->cpus))
		cgroup_writes_add(w, RUNTIME_CG_CPUSET, false, "cpuset.cpus", "%s", r->cpus);
	if (!str_empty(r->mems))
		cgroup_writes_add(w, RUNTIME_CG_CPUSET, false, "cpuset.mems", "%s", r->mems);
}

static void pids(const struct runtime_resources *r, struct cgroup_writes *w)
{
	if (r->pids.set && r->pids.v > 0)
		cgroup_writes_add(w, RUNTIME_CG_PIDS, false, "pids.max", "%" PRId64, r->pids.v);
	else if (r->pids.set)
		cgroup_writes_add(w, RUNTIME_CG_PIDS, false, "pids.max", "max");
}

static void blkio_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	static const char *const files[RUNTIME_THROTTLES] = {
		[RUNTIME_READ_BPS] = "blkio.throttle.read_bps_device",
		[RUNTIME_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[RUNTIME_READ_IOPS] = "blkio.throttle.read_iops_device",
		[RUNTIME_WRITE_IOPS] = "blkio.throttle.write_iops_device",
		[RUNTIME_BLKIO_WEIGHT] = "blkio.weight_device",
	};
	if (r->blkio_weight.set && r->blkio_weight.v > 0)
		add_number(w, RUNTIME_CG_BLKIO, true, "blkio.weight", &r->blkio_weight);
	for (int t = 0; t < RUNTIME_THROTTLES; t++)
		for (size_t i = 0; i < r->throttle[t].n; i++) {
			const struct runtime_blkio_device *d = &r->throttle[t].v[i];
			cgroup_writes_add(w, RUNTIME_CG_BLKIO, t == RUNTIME_BLKIO_WEIGHT, files[t],
				"%u:%u %" PRIu64, d->major, d->minor, d->value);
		}
}

static void hugetlb(const struct runtime_resources *r, const char *suffix, struct cgroup_writes *w)
{
	for (size_t i = 0; i < r->hugepages.n; i++) {
		char file[64];
		snprintf(file, sizeof(file), "hugetlb.%s.%s", r->hugepages.v[i].key, suffix);
		cgroup_writes_add(
			w, RUNTIME_CG_HUGETLB, false, file, "%s", r->hugepages.v[i].value);
	}
}

void cgroup_limits_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	add_device_rules(r, w);
	memory_v1(r, w);
	cpu_v1(r, w);
	cpuset(r, w);
	pids(r, w);
	blkio_v1(r, w);
	hugetlb(r, "limit_in_bytes", w);
}

/* ---- v2 ---- */

static void memory_v2(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_MEMORY;
	add_max(w, c, "memory.max", &r->memory);
	/* v1 counts memory and swap together, v2 swap alone */
	struct runtime_i64 swap = r->memory_swap;
	if (swap.set && swap.v > 0 && r->memory.set && r->memory.v > 0)
		swap.v = MAX(swap.v - r->memory.v, 0);
	if (swap.set && swap.v < 0)
		cgroup_writes_add(w, c, true, "memory.swap.max", "max");
	else if (swap.set && r->memory.set)
		cgroup_writes_add(w, c, true, "memory.swap.max", "%" PRId64, swap.v);
	if (r->memory_reservation.set && r->memory_reservation.v > 0)
		add_number(w, c, false, "memory.low", &r->memory_reservation);
}

static void cpu_v2(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_CPU;
	if (r->cpu_shares.set && r->cpu_shares.v > 0) {
		/* 2 .. 262144 onto 1 .. 10000 */
		int64_t s = MIN(MAX(r->cpu_shares.v, 2), 262144);
		cgroup_writes_add(
			w, c, false, "cpu.weight", "%" PRId64, 1 + (s - 2) * 9999 / 262142);
	}
	int64_t period = r->cpu_period.set && r->cpu_period.v > 0 ? r->cpu_period.v : 100000;
	if (r->cpu_quota.set && r->cpu_quota.v > 0)
		cgroup_writes_add(
			w, c, false, "cpu.max", "%" PRId64 " %" PRId64, r->cpu_quota.v, period);
	else if (r->cpu_period.set || r->cpu_quota.set)
		cgroup_writes_add(w, c, false, "cpu.max", "max %" PRId64, period);
	add_number(w, c, true, "cpu.max.burst", &r->cpu_burst);
	add_number(w, c, true, "cpu.idle", &r->cpu_idle);
}

static void io_v2(const struct runtime_resources *r, struct cgroup_writes *w)
{
	static const char *const keys[RUNTIME_THROTTLES] = {
		[RUNTIME_READ_BPS] = "rbps",
		[RUNTIME_WRITE_BPS] = "wbps",
		[RUNTIME_READ_IOPS] = "riops",
		[RUNTIME_WRITE_IOPS] = "wiops",
	};
	const unsigned c = RUNTIME_CG_BLKIO;
	if (r->blkio_weight.set && r->blkio_weight.v >= 10) /* 10 .. 1000 onto 1 .. 10000 */
		cgroup_writes_add(w, c, true, "io.weight", "default %" PRId64,
			1 + (MIN(r->blkio_weight.v, 1000) - 10) * 9999 / 990);
	for (int t = 0; t < RUNTIME_THROTTLES; t++)
		for (size_t i = 0; i < r->throttle[t].n; i++) {
			const struct runtime_blkio_device *d = &r->throttle[t].v[i];
			if (t == RUNTIME_BLKIO_WEIGHT)
				cgroup_writes_add(w, c, true, "io.bfq.weight", "%u:%u %" PRIu64,
					d->major, d->minor, d->value);
			else
				cgroup_writes_add(w, c, false, "io.max", "%u:%u %s=%" PRIu64,
					d->major, d->minor, keys[t], d->value);
		}
}

void cgroup_limits_v2(const struct runtime_resources *r, struct cgroup_writes *w)
{
	memory_v2(r, w);
	cpu_v2(r, w);
	cpuset(r, w);
	pids(r, w);
	io_v2(r, w);
	hugetlb(r, "max", w);
	for (size_t i = 0; i < r->unified.n; i++)
		cgroup_writes_add(w, RUNTIME_CG_UNIFIED, false, r->unified.v[i].key, "%s",
			r->unified.v[i].value);
}

void cgroup_limits(
	enum runtime_cgroup_mode mode, const struct runtime_resources *r, struct cgroup_writes *ret)
{
	if (mode == RUNTIME_CGROUP_V2)
		cgroup_limits_v2(r, ret);
	else
		cgroup_limits_v1(r, ret);
}

/* ---- doing ---- */

/* The v2 tree of a hybrid may hold hugetlb alone; its files end otherwise. */
static int write_hybrid_hugetlb(
	const struct runtime_cgroup *g, const struct cgroup_write *w, struct err *e)
{
	char file[80];
	int len = (int)(strlen(w->file) - strlen("limit_in_bytes"));
	snprintf(file, sizeof(file), "%.*smax", len, w->file);
	int r = cgroup_write(g, RUNTIME_CG_UNIFIED, file, w->value);
	return r < 0 ? err_sysno(e, r, "cgroup '%s': write '%s' to '%s'", g->path, w->value, file)
		     : 0;
}

static int write_one(const struct runtime_cgroup *g, const struct cgroup_write *w, struct err *e)
{
	if (!(g->controllers & w->controller)) {
		if (w->controller == RUNTIME_CG_HUGETLB && (g->controllers & RUNTIME_CG_UNIFIED))
			return write_hybrid_hugetlb(g, w, e);
		return 0; /* warned about when the controllers were chosen */
	}
	int r = cgroup_write(g, w->controller, w->file, w->value);
	if (r == -ENOENT && w->may_lack) {
		log_warn("this kernel has no '%s': the limit is left out", w->file);
		return 0;
	}
	return r < 0 ? err_sysno(
			       e, r, "cgroup '%s': write '%s' to '%s'", g->path, w->value, w->file)
		     : 0;
}

/* memory+swap must never be below memory: when both rise, the sum has to go first. */
static void swap_order(const struct runtime_cgroup *g, struct cgroup_writes *w)
{
	for (size_t i = 0; i + 1 < w->n; i++) {
		char text[64];
		uint64_t sum;
		if (!str_eq(w->v[i].file, "memory.limit_in_bytes") ||
			!str_eq(w->v[i + 1].file, "memory.memsw.limit_in_bytes") ||
			cgroup_read(g, RUNTIME_CG_MEMORY, w->v[i + 1].file, text, sizeof(text)) <=
				0)
			continue;
		text[strcspn(text, "\n")] = 0;
		int64_t limit = strtoll(w->v[i].value, NULL, 10);
		if (str_parse_u64(text, 10, &sum) == 0 && (limit < 0 || (uint64_t)limit > sum)) {
			struct cgroup_write first = w->v[i];
			w->v[i] = w->v[i + 1];
			w->v[i + 1] = first;
		}
	}
}

int runtime_cgroup_apply(
	const struct runtime_cgroup *g, const struct runtime_resources *r, struct err *e)
{
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	cgroup_limits(g->mode, r, &w);
	if (r->memory.set && r->memory_swap.set)
		swap_order(g, &w);
	for (size_t i = 0; i < w.n; i++) {
		int k = write_one(g, &w.v[i], e);
		if (k < 0)
			return k;
	}
	/* a program of devices needs the host's root; who is not made no nodes, and opens no more
	 * than the host lets him */
	if (g->mode == RUNTIME_CGROUP_V2 && r->ndevices && !userns_inside()) {
		cleanup_fd int dir = cgroup_open_dir(g, e);
		size_t n;
		cleanup_free struct runtime_device_rule *rules = cgroup_device_rules(r, &n);
		return dir < 0 ? dir : cgroup_bpf_devices(dir, rules, n, e);
	}
	return 0;
}
