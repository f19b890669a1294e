/* linux.resources as writes into files of cgroup v2. Pure. */
#include "base/err.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"

#include <inttypes.h>

/* v1 counts memory and swap together, v2 swap alone. */
static int swap_v2(const struct runtime_resources *r, struct runtime_i64 *ret, struct err *e)
{
	const struct runtime_i64 *sum = &r->memory_swap, *mem = &r->memory;
	*ret = (struct runtime_i64){false, 0};
	if (!sum->v) {
		if (mem->v < 0) /* both were meant: v1 has no unlimited memory in a limited sum */
			*ret = (struct runtime_i64){true, -1};
		return 0;
	}
	if (sum->v < 0) {
		*ret = (struct runtime_i64){true, -1};
		return 0;
	}
	if (mem->v <= 0)
		return err_set(e, ERR_FORMAT,
			"linux.resources.memory.swap: %" PRId64 " is the sum of memory and swap, "
			"and memory.limit is not given",
			sum->v);
	if (sum->v < mem->v)
		return err_set(e, ERR_FORMAT,
			"linux.resources.memory.swap: %" PRId64
			" is the sum of memory and swap, and less than memory.limit",
			sum->v);
	*ret = (struct runtime_i64){true, sum->v - mem->v};
	return 0;
}

/* v2 writes "max" where v1 writes -1; 0 is what programs write that mean no limit */
static void add_max(struct cgroup_writes *w, unsigned c, enum cgroup_need need, const char *file,
	const struct runtime_i64 *v, bool zero)
{
	if (v->set && v->v < 0)
		cgroup_writes_add(w, c, need, file, "max");
	else if (v->set && (v->v || zero))
		cgroup_writes_number(w, c, need, file, v);
}

static int memory_v2(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e)
{
	const unsigned c = RUNTIME_CG_MEMORY;
	struct runtime_i64 swap;
	int k = swap_v2(r, &swap, e);
	if (k < 0)
		return k;
	/* kernels without swap accounting have no such file, and nothing to limit */
	add_max(w, c, swap.v < 0 ? CGROUP_EXTRA : CGROUP_MAY, "memory.swap.max", &swap, true);
	add_max(w, c, CGROUP_MUST, "memory.max", &r->memory, false);
	add_max(w, c, CGROUP_MUST, "memory.low", &r->memory_reservation, false);
	if (r->swappiness.set && r->swappiness.v >= 0)
		k = cgroup_cannot(aim, e, "memory.swappiness", "cgroup v2 has no such setting");
	if (k == 0 && r->kernel_tcp.v)
		k = cgroup_cannot(aim, e, "memory.kernelTCP", "cgroup v2 has no such limit");
	if (k == 0 && r->oom_disable)
		k = cgroup_cannot(
			aim, e, "memory.disableOOMKiller", "cgroup v2 cannot turn it off");
	return k;
}

/* ---- shares onto weights ---- */

/* log2 and 2^x to some 12 digits, for a few calls: libm would be one library more at each start */
static double log2_of(double x)
{
	double r = 0, bit = 1;
	for (; x >= 2; x /= 2)
		r++;
	for (int i = 0; i < 40; i++) {
		x *= x;
		bit /= 2;
		if (x >= 2) {
			x /= 2;
			r += bit;
		}
	}
	return r;
}

static double power_of_2(double x)
{
	double r = 1, term = 1;
	int whole = (int)x;
	const double y = (x - whole) * 0.693147180559945309;
	for (int i = 1; i < 20; i++) {
		term *= y / i;
		r += term;
	}
	for (; whole > 0; whole--)
		r *= 2;
	return r;
}

/* 2 .. 262144 onto 1 .. 10000 through 1024 → 100, the two defaults: a curve, as a line would make a
 * container of default shares weigh 39 beside the host's services that weigh 100. */
uint64_t cgroup_weight_of_shares(uint64_t shares)
{
	if (shares <= 2)
		return 1;
	if (shares >= 262144)
		return 10000;
	double l = log2_of((double)shares);
	double exponent = (l * l + 125 * l) / 612.0 - 7.0 / 34.0;
	double weight = power_of_2(exponent * 3.32192809488736235);
	uint64_t below = (uint64_t)(weight + 1e-9); /* what is whole already stays */
	return weight - (double)below > 1e-6 ? below + 1 : below;
}

/* 10 .. 1000 onto 1 .. 10000 */
uint64_t cgroup_io_weight(uint64_t blkio)
{
	return 1 + (MIN(MAX(blkio, 10), 1000) - 10) * 9999 / 990;
}

static int cpu_v2(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e)
{
	const unsigned c = RUNTIME_CG_CPU;
	/* first: a group that is idle takes no weight */
	cgroup_writes_number(w, c, CGROUP_MAY, "cpu.idle", &r->cpu_idle);
	if (r->cpu_shares.v > 0 && r->cpu_idle.v <= 0)
		cgroup_writes_add(w, c, CGROUP_MUST, "cpu.weight", "%" PRIu64,
			cgroup_weight_of_shares((uint64_t)r->cpu_shares.v));
	int64_t period = r->cpu_period.v > 0 ? r->cpu_period.v : 100000;
	if (r->cpu_quota.v > 0)
		cgroup_writes_add(w, c, CGROUP_MUST, "cpu.max", "%" PRId64 " %" PRId64,
			r->cpu_quota.v, period);
	else if (r->cpu_period.v > 0 || r->cpu_quota.v < 0)
		cgroup_writes_add(w, c, CGROUP_MUST, "cpu.max", "max %" PRId64, period);
	cgroup_writes_number(w, c, CGROUP_MAY, "cpu.max.burst", &r->cpu_burst);
	if (r->cpu_rt_period.v || r->cpu_rt_runtime.v)
		return cgroup_cannot(aim, e, "cpu.realtimeRuntime",
			"cgroup v2 has no limits for real-time scheduling");
	return 0;
}

static void weights_v2(const struct runtime_resources *r, struct cgroup_writes *w)
{
	const unsigned c = RUNTIME_CG_BLKIO;
	if (r->blkio_weight.v > 0) {
		/* the scheduler bfq has a file of its own, and takes the number as it is */
		cgroup_writes_number(w, c, CGROUP_ELSE, "io.bfq.weight", &r->blkio_weight);
		cgroup_writes_add(w, c, CGROUP_MAY, "io.weight", "default %" PRIu64,
			cgroup_io_weight((uint64_t)r->blkio_weight.v));
	}
	const struct runtime_blkio_list *l = &r->throttle[RUNTIME_BLKIO_WEIGHT];
	for (size_t i = 0; i < l->n; i++) {
		const struct runtime_blkio_device *d = &l->v[i];
		if (!d->value)
			continue;
		cgroup_writes_add(w, c, CGROUP_ELSE, "io.bfq.weight", "%u:%u %" PRIu64, d->major,
			d->minor, d->value);
		cgroup_writes_add(w, c, CGROUP_MAY, "io.weight", "%u:%u %" PRIu64, d->major,
			d->minor, cgroup_io_weight(d->value));
	}
}

static int io_v2(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e)
{
	static const char *const keys[RUNTIME_THROTTLES] = {
		[RUNTIME_READ_BPS] = "rbps",
		[RUNTIME_WRITE_BPS] = "wbps",
		[RUNTIME_READ_IOPS] = "riops",
		[RUNTIME_WRITE_IOPS] = "wiops",
	};
	weights_v2(r, w);
	bool leaf = r->blkio_leaf_weight.v > 0;
	for (int t = 0; t < RUNTIME_THROTTLES; t++)
		for (size_t i = 0; i < r->throttle[t].n; i++) {
			const struct runtime_blkio_device *d = &r->throttle[t].v[i];
			leaf |= d->leaf > 0;
			if (keys[t] && d->value) /* 0 takes a limit away */
				cgroup_writes_add(w, RUNTIME_CG_BLKIO, CGROUP_MUST, "io.max",
					"%u:%u %s=%" PRIu64, d->major, d->minor, keys[t], d->value);
			else if (keys[t])
				cgroup_writes_add(w, RUNTIME_CG_BLKIO, CGROUP_MUST, "io.max",
					"%u:%u %s=max", d->major, d->minor, keys[t]);
		}
	return leaf ? cgroup_cannot(aim, e, "blockIO.leafWeight", "cgroup v2 has no such weight")
		    : 0;
}

int cgroup_limits_v2(const struct cgroup_aim *aim, const struct runtime_resources *r,
	struct cgroup_writes *w, struct err *e)
{
	int k;
	if ((k = memory_v2(aim, r, w, e)) < 0 || (k = cpu_v2(aim, r, w, e)) < 0 ||
		(k = io_v2(aim, r, w, e)) < 0)
		return k;
	cgroup_limit_cpuset(r, w);
	cgroup_limit_pids(r, w);
	cgroup_limit_hugetlb(aim, r, w);
	cgroup_limit_rdma(aim, r, w);
	if (r->net_class.v || r->net_prio.n)
		if ((k = cgroup_cannot(aim, e, "network",
			     "cgroup v2 has no classes and priorities of packets")) < 0)
			return k;
	return cgroup_limit_unified(aim, r, w, e);
}
