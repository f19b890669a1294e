/* Names and properties of a scope; pure. See systemd.h. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/dbus_priv.h"
#include "runtime/systemd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { UNIT_NAME_MAX = 255 };

void systemd_unit_release(struct systemd_unit *u)
{
	free(u->slice);
	free(u->name);
	buf_release(&u->properties);
	*u = (struct systemd_unit){NULL, NULL, BUF_INIT};
}

/* ---- names ---- */

/* systemd.unit(5); what else there may be has to be escaped by whoever makes the name */
static bool is_unit_name(const char *s)
{
	size_t len = strlen(s);
	return len > 0 && len <= UNIT_NAME_MAX && s[0] != '.' &&
	       !s[strspn(
		       s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")];
}

int systemd_unit_parse(
	const char *path, const char *id, bool user, struct systemd_unit *ret, struct err *e)
{
	const char *usual = user ? "user.slice" : "system.slice";
	if (str_empty(path)) {
		*ret = (struct systemd_unit){
			mem_strdup(usual), mem_printf("kist-%s.scope", id), BUF_INIT};
		return 0;
	}
	const char *first = strchr(path, ':');
	const char *second = first ? strchr(first + 1, ':') : NULL;
	if (!second || strchr(second + 1, ':') || !second[1])
		return err_set(e, ERR_FORMAT,
			"linux.cgroupsPath '%s': for systemd it is SLICE:PREFIX:NAME", path);
	cleanup_free char *slice =
		first == path ? mem_strdup(usual) : mem_printf("%.*s", (int)(first - path), path);
	int prefix = (int)(second - first - 1);
	cleanup_free char *name =
		mem_printf("%.*s%s%s.scope", prefix, first + 1, prefix ? "-" : "", second + 1);
	if (str_ends(second + 1, ".slice"))
		return err_set(e, ERR_UNSUPPORTED,
			"linux.cgroupsPath '%s': a slice holds no processes of its own", path);
	if (!is_unit_name(name) || !is_unit_name(slice))
		return err_set(e, ERR_FORMAT,
			"linux.cgroupsPath '%s': '%s' in '%s' are no names of units", path, name,
			slice);
	cleanup_free char *group = NULL;
	int r = systemd_slice_path(slice, &group, e);
	if (r < 0)
		return r;
	*ret = (struct systemd_unit){STEAL(slice), STEAL(name), BUF_INIT};
	return 0;
}

/* systemd.slice(5): the dashes of the name are the way from the root */
int systemd_slice_path(const char *slice, char **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	size_t len = strlen(slice) - MIN(strlen(slice), strlen(".slice"));
	if (str_eq(slice, "-.slice")) {
		*ret = mem_strdup("");
		return 0;
	}
	if (!str_ends(slice, ".slice") || !len || slice[0] == '-' || slice[len - 1] == '-' ||
		strchr(slice, '/') || strstr(slice, "--"))
		return err_set(e, ERR_FORMAT, "linux.cgroupsPath: '%s' is no slice", slice);
	for (size_t i = 1; i <= len; i++)
		if (i == len || slice[i] == '-')
			buf_printf(&b, "/%.*s.slice", (int)i, slice);
	*ret = buf_take(&b);
	return 0;
}

/* ---- limits ---- */

static void put_number(struct buf *out, const char *name, uint64_t v)
{
	dbus_put_struct(out);
	dbus_put_str(out, name);
	dbus_put_sig(out, "t");
	dbus_put_u64(out, v);
}

/* "max" and -1 are no limit, which is the largest number there */
static uint64_t number(const char *s)
{
	if (str_starts(s, "max") || *s == '-')
		return UINT64_MAX;
	return strtoull(s, NULL, 10);
}

/* "0-2,5" as a bit mask in bytes */
static void put_set(struct buf *out, const char *name, const char *list)
{
	uint8_t bits[1024] = {0};
	size_t used = 0;
	for (const char *p = list; *p;) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;
		if (end == p)
			break;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first / 8 < sizeof(bits); first++) {
			bits[first / 8] |= (uint8_t)(1U << first % 8);
			used = MAX(used, first / 8 + 1);
		}
		p = end + (*end == ',');
	}
	dbus_put_struct(out);
	dbus_put_str(out, name);
	dbus_put_sig(out, "ay");
	size_t at = dbus_array_begin(out, 1);
	buf_add(out, bits, used);
	dbus_array_end(out, at, 1);
}

/* It is kept as per mille of a second, so it is rounded up to what that can say. */
static void put_quota(struct buf *out, int64_t quota, uint64_t period)
{
	uint64_t per_second = UINT64_MAX;
	if (quota > 0 && period > 0) {
		per_second = (uint64_t)quota * 1000000 / period;
		per_second = (per_second + 9999) / 10000 * 10000;
	}
	put_number(out, "CPUQuotaPerSecUSec", per_second);
	if (period)
		put_number(out, "CPUQuotaPeriodUSec", period);
}

static const struct {
	const char *file, *property;
	bool v2;
} properties[] = {
	{"memory.max", "MemoryMax", true},
	{"memory.high", "MemoryHigh", true},
	{"memory.low", "MemoryLow", true},
	{"memory.min", "MemoryMin", true},
	{"memory.swap.max", "MemorySwapMax", true},
	{"cpu.weight", "CPUWeight", true},
	{"pids.max", "TasksMax", true},
	{"memory.limit_in_bytes", "MemoryLimit", false},
	{"cpu.shares", "CPUShares", false},
	{"pids.max", "TasksMax", false},
	{"blkio.weight", "BlockIOWeight", false},
};

void systemd_limits(const struct cgroup_writes *w, bool v2, struct buf *out)
{
	int64_t quota = 0;
	uint64_t period = 0;
	for (size_t i = 0; i < w->n; i++) {
		const struct cgroup_write *x = &w->v[i];
		for (size_t j = 0; j < ARRAY_SIZE(properties); j++)
			if (properties[j].v2 == v2 && str_eq(properties[j].file, x->file))
				put_number(out, properties[j].property, number(x->value));
		if (v2 && str_eq(x->file, "io.weight") && str_starts(x->value, "default "))
			put_number(out, "IOWeight", number(x->value + strlen("default ")));
		else if (v2 && str_eq(x->file, "cpuset.cpus"))
			put_set(out, "AllowedCPUs", x->value);
		else if (v2 && str_eq(x->file, "cpuset.mems"))
			put_set(out, "AllowedMemoryNodes", x->value);
		else if (v2 && str_eq(x->file, "cpu.max")) {
			const char *space = strchr(x->value, ' ');
			quota = str_starts(x->value, "max") ? -1 : strtoll(x->value, NULL, 10);
			period = space ? strtoull(space, NULL, 10) : 100000;
		} else if (str_eq(x->file, "cpu.cfs_quota_us"))
			quota = strtoll(x->value, NULL, 10);
		else if (str_eq(x->file, "cpu.cfs_period_us"))
			period = strtoull(x->value, NULL, 10);
	}
	if (quota)
		put_quota(out, quota, period ? period : 100000);
}

/* ---- devices ---- */

static void put_text(struct buf *out, const char *name, const char *value)
{
	dbus_put_struct(out);
	dbus_put_str(out, name);
	dbus_put_sig(out, "s");
	dbus_put_str(out, value);
}

/* systemd.resource-control(5): a node by its numbers, all of a major number, or all */
static bool device_name(const struct runtime_device_rule *d, char *out, size_t size)
{
	const char *kind = d->type == 'b' ? "block" : "char";
	if (d->major >= 0 && d->minor >= 0)
		snprintf(out, size, "/dev/%s/%lld:%lld", kind, (long long)d->major,
			(long long)d->minor);
	else if (d->major >= 0)
		snprintf(out, size, "%s-%lld", kind, (long long)d->major);
	else
		snprintf(out, size, "%s-*", kind);
	return d->major >= 0 || d->minor < 0; /* one minor of every major cannot be said */
}

int systemd_devices(const struct runtime_resources *r, struct buf *out, struct err *e)
{
	size_t n;
	cleanup_free struct runtime_device_rule *rules = cgroup_device_rules(r, &n);
	struct cgroup_device_set set cleanup_cgroup_device_set = {0};
	/* what cannot be said so is left to the rules of the group itself, which hold as well */
	if (cgroup_devices_fold(rules, n, &set, NULL) < 0 || set.allow) {
		put_text(out, "DevicePolicy", "auto");
		return 0;
	}
	put_text(out, "DevicePolicy", "strict");
	dbus_put_struct(out);
	dbus_put_str(out, "DeviceAllow");
	dbus_put_sig(out, "a(ss)");
	size_t at = dbus_array_begin(out, 8);
	for (size_t i = 0; i < set.n; i++) {
		char name[64], access[4];
		const struct runtime_device_rule *d = &set.v[i];
		if (!device_name(d, name, sizeof(name)))
			return err_set(e, ERR_UNSUPPORTED,
				"linux.resources.devices: systemd cannot allow minor %lld of every "
				"major number",
				(long long)d->minor);
		snprintf(access, sizeof(access), "%s%s%s", d->read ? "r" : "", d->write ? "w" : "",
			d->make ? "m" : "");
		dbus_put_struct(out);
		dbus_put_str(out, name);
		dbus_put_str(out, access);
	}
	dbus_array_end(out, at, 8);
	return 0;
}
