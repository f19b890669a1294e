/* linux.resources of a runtime config (config-linux.md, "Control groups"). */
#include "base/arena.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/json_priv.h"

#include <inttypes.h>
#include <string.h>

static int read_rule(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_device_rule *d = item;
	const char *type = "a", *access = "rwm";
	int k;
	d->major = d->minor = -1;
	if ((k = jread_bool(r, n, "allow", &d->allow)) < 0 ||
		(k = jread_str(r, n, "type", &type)) < 0 ||
		(k = jread_int(r, n, "major", -1, UINT32_MAX, &d->major)) < 0 ||
		(k = jread_int(r, n, "minor", -1, UINT32_MAX, &d->minor)) < 0 ||
		(k = jread_str(r, n, "access", &access)) < 0)
		return k;
	d->type = *type ? *type : 'a';
	if (!strchr("abcu", d->type) || (*type && type[1]))
		return jread_fail(r, n, "type '%s' is none of a, b, c", type);
	if (d->type == 'u')
		d->type = 'c';
	if (!*access)
		access = "rwm";
	if (access[strspn(access, "rwm")])
		return jread_fail(r, n, "access '%s' has other letters than r, w, m", access);
	d->read = strchr(access, 'r');
	d->write = strchr(access, 'w');
	d->make = strchr(access, 'm');
	return 0;
}

static int read_memory(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	struct jnode m;
	int k = jread_object(r, n, "memory", &m);
	if (k <= 0)
		return k;
	if ((k = jread_limit(r, &m, "limit", &res->memory)) < 0 ||
		(k = jread_limit(r, &m, "swap", &res->memory_swap)) < 0 ||
		(k = jread_limit(r, &m, "reservation", &res->memory_reservation)) < 0 ||
		(k = jread_limit(r, &m, "kernel", &res->kernel_memory)) < 0 ||
		(k = jread_limit(r, &m, "swappiness", &res->swappiness)) < 0)
		return k;
	return jread_bool(r, &m, "disableOOMKiller", &res->oom_disable);
}

/* The words of cpuset(7): digits, commas, dashes. They go into a kernel file as they are. */
static int check_list(const struct jread *r, const struct jnode *n, const char *key, const char *s)
{
	if (s && s[strspn(s, "0123456789,-\n ")])
		return jread_fail(r, n, "%s '%s' is not a list of numbers", key, s);
	return 0;
}

static int read_cpu(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	struct jnode m;
	int k = jread_object(r, n, "cpu", &m);
	if (k <= 0)
		return k;
	if ((k = jread_limit(r, &m, "shares", &res->cpu_shares)) < 0 ||
		(k = jread_limit(r, &m, "quota", &res->cpu_quota)) < 0 ||
		(k = jread_limit(r, &m, "period", &res->cpu_period)) < 0 ||
		(k = jread_limit(r, &m, "burst", &res->cpu_burst)) < 0 ||
		(k = jread_limit(r, &m, "idle", &res->cpu_idle)) < 0 ||
		(k = jread_limit(r, &m, "realtimeRuntime", &res->cpu_rt_runtime)) < 0 ||
		(k = jread_limit(r, &m, "realtimePeriod", &res->cpu_rt_period)) < 0 ||
		(k = jread_str(r, &m, "cpus", &res->cpus)) < 0 ||
		(k = jread_str(r, &m, "mems", &res->mems)) < 0 ||
		(k = check_list(r, &m, "cpus", res->cpus)) < 0)
		return k;
	return check_list(r, &m, "mems", res->mems);
}

static int read_blkio_device(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_blkio_device *d = item;
	int k;
	/* an entry has one of the two, after the list that it stands in */
	if ((k = jread_u32(r, n, "major", &d->major)) < 0 ||
		(k = jread_u32(r, n, "minor", &d->minor)) < 0 ||
		(k = jread_u64(r, n, "rate", &d->value)) < 0)
		return k;
	return jread_u64(r, n, "weight", &d->value);
}

static int read_blkio(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	static const char *const keys[RUNTIME_THROTTLES] = {
		[RUNTIME_READ_BPS] = "throttleReadBpsDevice",
		[RUNTIME_WRITE_BPS] = "throttleWriteBpsDevice",
		[RUNTIME_READ_IOPS] = "throttleReadIOPSDevice",
		[RUNTIME_WRITE_IOPS] = "throttleWriteIOPSDevice",
		[RUNTIME_BLKIO_WEIGHT] = "weightDevice",
	};
	struct jnode m;
	int k = jread_object(r, n, "blockIO", &m);
	if (k <= 0)
		return k;
	if ((k = jread_limit(r, &m, "weight", &res->blkio_weight)) < 0)
		return k;
	for (int i = 0; i < RUNTIME_THROTTLES; i++) {
		struct runtime_blkio_list *l = &res->throttle[i];
		if ((k = jread_objects(
			     r, &m, keys[i], sizeof(*l->v), read_blkio_device, &l->v, &l->n)) < 0)
			return k;
	}
	return 0;
}

static int read_hugepage(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_pair *p = item;
	uint64_t limit = 0;
	int k;
	if ((k = jread_str(r, n, "pageSize", &p->key)) < 0 ||
		(k = jread_u64(r, n, "limit", &limit)) < 0)
		return k;
	if (!p->key || p->key[strspn(p->key, "0123456789KMGB")])
		return jread_fail(r, n, "pageSize is missing or not like '2MB'");
	p->value = arena_printf(r->a, "%" PRIu64, limit);
	return 0;
}

static int read_unified(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	int k = jread_pairs(r, n, "unified", &res->unified);
	for (size_t i = 0; k > 0 && i < res->unified.n; i++) {
		const char *file = res->unified.v[i].key;
		if (!*file || strchr(file, '/') || !strchr(file, '.') || *file == '.')
			return jread_fail(r, n, "unified: '%s' is not a file of a cgroup", file);
	}
	return MIN(k, 0);
}

static int read_pids(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	struct jnode m;
	int k = jread_object(r, n, "pids", &m);
	return k <= 0 ? k : jread_limit(r, &m, "limit", &res->pids);
}

static int refuse_unsupported(const struct jread *r, const struct jnode *n)
{
	static const char *const names[] = {"network", "rdma"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct jnode m;
		int k = jread_object(r, n, names[i], &m);
		if (k < 0)
			return k;
		if (k && json_object_size(m.v) > 0)
			return err_set(r->e, ERR_UNSUPPORTED,
				"linux.resources.%s: not supported by this version", names[i]);
	}
	return 0;
}

int config_read_resources(
	const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	int k;
	if ((k = refuse_unsupported(r, n)) < 0 ||
		(k = jread_objects(r, n, "devices", sizeof(*res->devices), read_rule, &res->devices,
			 &res->ndevices)) < 0 ||
		(k = read_memory(r, n, res)) < 0 || (k = read_cpu(r, n, res)) < 0 ||
		(k = read_pids(r, n, res)) < 0 || (k = read_blkio(r, n, res)) < 0 ||
		(k = jread_objects(r, n, "hugepageLimits", sizeof(*res->hugepages.v), read_hugepage,
			 &res->hugepages.v, &res->hugepages.n)) < 0)
		return k;
	return read_unified(r, n, res);
}
