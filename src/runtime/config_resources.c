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
		(k = jread_limit(r, &m, "kernelTCP", &res->kernel_tcp)) < 0 ||
		(k = jread_limit(r, &m, "swappiness", &res->swappiness)) < 0 ||
		(k = jread_bool(r, &m, "useHierarchy", &res->use_hierarchy)) < 0 ||
		(k = jread_bool(r, &m, "checkBeforeUpdate", &res->check_before_update)) < 0)
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
	if ((k = jread_u64(r, n, "weight", &d->value)) < 0)
		return k;
	return jread_u64(r, n, "leafWeight", &d->leaf);
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
	if ((k = jread_limit(r, &m, "weight", &res->blkio_weight)) < 0 ||
		(k = jread_limit(r, &m, "leafWeight", &res->blkio_leaf_weight)) < 0)
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

static int read_priority(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_pair *p = item;
	uint32_t v = 0;
	int k;
	if ((k = jread_str(r, n, "name", &p->key)) < 0 || (k = jread_u32(r, n, "priority", &v)) < 0)
		return k;
	if (str_empty(p->key) || p->key[strcspn(p->key, " \n\t/")])
		return jread_fail(r, n, "name is missing or not that of an interface");
	p->value = arena_printf(r->a, "%" PRIu32, v);
	return 0;
}

static int read_network(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	struct jnode m;
	uint32_t id = 0;
	int k = jread_object(r, n, "network", &m);
	if (k <= 0)
		return k;
	if ((k = jread_u32(r, &m, "classID", &id)) < 0)
		return k;
	res->net_class = (struct runtime_i64){k > 0, id};
	return jread_objects(r, &m, "priorities", sizeof(*res->net_prio.v), read_priority,
		&res->net_prio.v, &res->net_prio.n);
}

static int read_rdma_limits(const struct jread *r, const struct jnode *n, struct runtime_pair *ret)
{
	uint32_t handles = 0, objects = 0;
	int h = jread_u32(r, n, "hcaHandles", &handles);
	int o = h < 0 ? h : jread_u32(r, n, "hcaObjects", &objects);
	if (o < 0)
		return o;
	if (!*ret->key || ret->key[strcspn(ret->key, " \n\t")])
		return jread_fail(r, n, "'%s' is no name of a device", ret->key);
	const char *first = h ? arena_printf(r->a, "hca_handle=%" PRIu32, handles) : "";
	const char *second = o ? arena_printf(r->a, "hca_object=%" PRIu32, objects) : "";
	ret->value = arena_printf(r->a, "%s%s%s", first, h && o ? " " : "", second);
	return 0;
}

static int read_rdma(const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	struct jnode m;
	int k = jread_object(r, n, "rdma", &m);
	if (k <= 0)
		return k;
	res->rdma.v = arena_alloc(r->a, (json_object_size(m.v) + 1) * sizeof(*res->rdma.v));
	for (void *i = json_object_iter(m.v); i; i = json_object_iter_next(m.v, i)) {
		struct jnode item = {NULL, &m, json_object_iter_key(i), 0};
		struct runtime_pair *p = &res->rdma.v[res->rdma.n];
		p->key = arena_printf(r->a, "%s", item.key);
		if ((k = jread_object(r, &m, item.key, &item)) < 0 ||
			(k > 0 && (k = read_rdma_limits(r, &item, p)) < 0))
			return k;
		res->rdma.n += p->value && *p->value;
	}
	return 0;
}

int config_read_resources(
	const struct jread *r, const struct jnode *n, struct runtime_resources *res)
{
	int k;
	if ((k = jread_objects(r, n, "devices", sizeof(*res->devices), read_rule, &res->devices,
		     &res->ndevices)) < 0 ||
		(k = read_memory(r, n, res)) < 0 || (k = read_cpu(r, n, res)) < 0 ||
		(k = read_pids(r, n, res)) < 0 || (k = read_blkio(r, n, res)) < 0 ||
		(k = jread_objects(r, n, "hugepageLimits", sizeof(*res->hugepages.v), read_hugepage,
			 &res->hugepages.v, &res->hugepages.n)) < 0 ||
		(k = read_network(r, n, res)) < 0 || (k = read_rdma(r, n, res)) < 0)
		return k;
	return read_unified(r, n, res);
}
