/* linux.resources as writes into files of control groups: what v1 and v2 share, and v1. Pure. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"

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

void cgroup_writes_add(struct cgroup_writes *w, unsigned controller, enum cgroup_need need,
	const char *file, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	w->v = mem_realloc(w->v, w->n + 1, sizeof(*w->v));
	struct cgroup_write *one = &w->v[w->n++];
	*one = (struct cgroup_write){controller, "", mem_vprintf(fmt, ap), need};
	snprintf(one->file, sizeof(one->file), "%s", file);
	va_end(ap);
}

void cgroup_writes_number(struct cgroup_writes *w, unsigned controller, enum cgroup_need need,
	const char *file, const struct runtime_i64 *v)
{
	if (v->set)
		cgroup_writes_add(w, controller, need, file, "%" PRId64, v->v);
}

int cgroup_cannot(const struct cgroup_aim *aim, struct err *e, const char *what, const char *why)
{
	if (aim->lenient) {
		log_warn("%s: %s; it is left out", what, why);
		return 0;
	}
	return err_set(e, ERR_UNSUPPORTED, "linux.resources.%s: %s", what, why);
}

/* In a hybrid some controllers stand in the v2 tree, with the names of its files. */
static bool in_v2_tree(const struct cgroup_aim *aim, unsigned controller)
{
	if (aim->host.mode == RUNTIME_CGROUP_V2)
		return true;
	return aim->host.mode == RUNTIME_CGROUP_HYBRID &&
	       (aim->host.v2 & ~aim->host.v1 & controller);
}

/* ---- the same on both ---- */

void cgroup_limit_cpuset(const struct runtime_resources *r, struct cgroup_writes *w)
{
	if (!str_empty(r->cpus))
		cgroup_writes_add(w, RUNTIME_CG_CPUSET, CGROUP_MUST, "cpuset.cpus", "%s", r->cpus);
	if (!str_empty(r->mems))
		cgroup_writes_add(w, RUNTIME_CG_CPUSET, CGROUP_MUST, "cpuset.mems", "%s", r->mems);
}

/* Runtimes differ in what 0 means; no limit is what the specification 1.2 says. */
void cgroup_limit_pids(const struct runtime_resources *r, struct cgroup_writes *w)
{
	if (r->pids.set && r->pids.v > 0)
		cgroup_writes_number(w, RUNTIME_CG_PIDS, CGROUP_MUST, "pids.max", &r->pids);
	else if (r->pids.set)
		cgroup_writes_add(w, RUNTIME_CG_PIDS, CGROUP_MUST, "pids.max", "max");
}

void cgroup_limit_hugetlb(
	const struct cgroup_aim *aim, const struct runtime_resources *r, struct cgroup_writes *w)
{
	bool v2 = in_v2_tree(aim, RUNTIME_CG_HUGETLB);
	unsigned c = RUNTIME_CG_HUGETLB | (v2 ? RUNTIME_CG_UNIFIED : 0);
	const char *suffix = v2 ? "max" : "limit_in_bytes";
	for (size_t i = 0; i < r->hugepages.n; i++) {
		const struct runtime_pair *p = &r->hugepages.v[i];
		char file[64];
		snprintf(file, sizeof(file), "hugetlb.%s.%s", p->key, suffix);
		cgroup_writes_add(w, c, CGROUP_MUST, file, "%s", p->value);
		/* pages that are set aside count too, where the kernel can */
		snprintf(file, sizeof(file), "hugetlb.%s.rsvd.%s", p->key, suffix);
		cgroup_writes_add(w, c, CGROUP_EXTRA, file, "%s", p->value);
	}
}

void cgroup_limit_rdma(
	const struct cgroup_aim *aim, const struct runtime_resources *r, struct cgroup_writes *w)
{
	unsigned c = RUNTIME_CG_RDMA | (in_v2_tree(aim, RUNTIME_CG_RDMA) ? RUNTIME_CG_UNIFIED : 0);
	for (size_t i = 0; i < r->rdma.n; i++)
		cgroup_writes_add(w, c, CGROUP_MUST, "rdma.max", "%s %s", r->rdma.v[i].key,
			r->rdma.v[i].value);
}

int cgroup_limit_unified(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e)
{
	for (size_t i = 0; i < r->unified.n; i++) {
		const struct runtime_pair *p = &r->unified.v[i];
		unsigned c = cgroup_controller_of_file(p->key);
		if (!in_v2_tree(aim, c ? c : RUNTIME_CG_UNIFIED)) {
			char what[128];
			snprintf(what, sizeof(what), "unified '%s'", p->key);
			int k = cgroup_cannot(aim, e, what,
				"the cgroups of this host are v1, which has no such file");
			if (k < 0)
				return k;
			continue;
		}
		/* several lines are several writes: the kernel takes one at a time */
		for (const char *s = p->value; *s;) {
			size_t len = strcspn(s, "\n");
			if (len)
				cgroup_writes_add(w, c | RUNTIME_CG_UNIFIED, CGROUP_MUST, p->key,
					"%.*s", (int)len, s);
			s += len + (s[len] == '\n');
		}
	}
	return 0;
}

/* ---- v1 ---- */

static void memory_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_MEMORY;
	if (r->use_hierarchy)
		cgroup_writes_add(w, c, CGROUP_EXTRA, "memory.use_hierarchy", "1");
	/* 0 is what programs write that mean no limit */
	if (r->memory.v)
		cgroup_writes_number(w, c, CGROUP_MUST, "memory.limit_in_bytes", &r->memory);
	struct runtime_i64 sum = r->memory_swap;
	if (r->memory.set && r->memory.v < 0 && !sum.v)
		sum = r->memory; /* unlimited memory within a limited sum of it and swap is none */
	if (sum.v)
		cgroup_writes_number(w, c, sum.v < 0 ? CGROUP_EXTRA : CGROUP_MAY,
			"memory.memsw.limit_in_bytes", &sum);
	if (r->memory_reservation.v)
		cgroup_writes_number(
			w, c, CGROUP_MUST, "memory.soft_limit_in_bytes", &r->memory_reservation);
	if (r->kernel_tcp.v)
		cgroup_writes_number(
			w, c, CGROUP_MAY, "memory.kmem.tcp.limit_in_bytes", &r->kernel_tcp);
	if (r->swappiness.v >= 0)
		cgroup_writes_number(w, c, CGROUP_MUST, "memory.swappiness", &r->swappiness);
	if (r->oom_disable)
		cgroup_writes_add(w, c, CGROUP_MUST, "memory.oom_control", "1");
}

static void cpu_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_CPU;
	/* first: a group that is idle takes no shares */
	cgroup_writes_number(w, c, CGROUP_MAY, "cpu.idle", &r->cpu_idle);
	if (r->cpu_shares.v > 0 && r->cpu_idle.v <= 0)
		cgroup_writes_number(w, c, CGROUP_MUST, "cpu.shares", &r->cpu_shares);
	if (r->cpu_period.v > 0)
		cgroup_writes_number(w, c, CGROUP_MUST, "cpu.cfs_period_us", &r->cpu_period);
	if (r->cpu_quota.v)
		cgroup_writes_number(w, c, CGROUP_MUST, "cpu.cfs_quota_us", &r->cpu_quota);
	cgroup_writes_number(w, c, CGROUP_MAY, "cpu.cfs_burst_us", &r->cpu_burst);
	if (r->cpu_rt_period.v)
		cgroup_writes_number(w, c, CGROUP_MAY, "cpu.rt_period_us", &r->cpu_rt_period);
	if (r->cpu_rt_runtime.v)
		cgroup_writes_number(w, c, CGROUP_MAY, "cpu.rt_runtime_us", &r->cpu_rt_runtime);
}

static void weights_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_BLKIO;
	if (r->blkio_weight.v > 0) { /* the scheduler that is there has its own file */
		cgroup_writes_number(w, c, CGROUP_ELSE, "blkio.weight", &r->blkio_weight);
		cgroup_writes_number(w, c, CGROUP_MAY, "blkio.bfq.weight", &r->blkio_weight);
	}
	if (r->blkio_leaf_weight.v > 0)
		cgroup_writes_number(w, c, CGROUP_MAY, "blkio.leaf_weight", &r->blkio_leaf_weight);
	const struct runtime_blkio_list *l = &r->throttle[RUNTIME_BLKIO_WEIGHT];
	for (size_t i = 0; i < l->n; i++) {
		const struct runtime_blkio_device *d = &l->v[i];
		if (d->value) {
			cgroup_writes_add(w, c, CGROUP_ELSE, "blkio.weight_device",
				"%u:%u %" PRIu64, d->major, d->minor, d->value);
			cgroup_writes_add(w, c, CGROUP_MAY, "blkio.bfq.weight_device",
				"%u:%u %" PRIu64, d->major, d->minor, d->value);
		}
		if (d->leaf)
			cgroup_writes_add(w, c, CGROUP_MAY, "blkio.leaf_weight_device",
				"%u:%u %" PRIu64, d->major, d->minor, d->leaf);
	}
}

static void blkio_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	static const char *const files[RUNTIME_THROTTLES] = {
		[RUNTIME_READ_BPS] = "blkio.throttle.read_bps_device",
		[RUNTIME_WRITE_BPS] = "blkio.throttle.write_bps_device",
		[RUNTIME_READ_IOPS] = "blkio.throttle.read_iops_device",
		[RUNTIME_WRITE_IOPS] = "blkio.throttle.write_iops_device",
	};
	weights_v1(r, w);
	for (int t = 0; t < RUNTIME_THROTTLES; t++)
		for (size_t i = 0; files[t] && i < r->throttle[t].n; i++) {
			const struct runtime_blkio_device *d = &r->throttle[t].v[i];
			cgroup_writes_add(w, RUNTIME_CG_BLKIO, CGROUP_MUST, files[t],
				"%u:%u %" PRIu64, d->major, d->minor, d->value);
		}
}

static void network_v1(const struct runtime_resources *r, struct cgroup_writes *w)
{
	cgroup_writes_number(w, RUNTIME_CG_NET_CLS, CGROUP_MUST, "net_cls.classid", &r->net_class);
	for (size_t i = 0; i < r->net_prio.n; i++)
		cgroup_writes_add(w, RUNTIME_CG_NET_PRIO, CGROUP_MUST, "net_prio.ifpriomap",
			"%s %s", r->net_prio.v[i].key, r->net_prio.v[i].value);
}

static int limits_v1(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e)
{
	int k = aim->devices ? cgroup_devices_v1(r, w, e) : 0;
	if (k < 0)
		return k;
	memory_v1(r, w);
	cpu_v1(r, w);
	cgroup_limit_cpuset(r, w);
	cgroup_limit_pids(r, w);
	blkio_v1(r, w);
	cgroup_limit_hugetlb(aim, r, w);
	cgroup_limit_rdma(aim, r, w);
	network_v1(r, w);
	return cgroup_limit_unified(aim, r, w, e);
}

int cgroup_limits(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *ret, struct err *e)
{
	if (r->kernel_memory.set)
		log_debug("linux.resources.memory.kernel is left out: kernels have given it up");
	return aim->host.mode == RUNTIME_CGROUP_V2 ? cgroup_limits_v2(aim, r, ret, e)
						   : limits_v1(aim, r, ret, e);
}
