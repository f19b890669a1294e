/* Files of control groups as the document of stats.h. The field names are runc's. */
#include "runtime/stats.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/stats_priv.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- reading ---- */

static json_t *count(uint64_t v)
{
	return json_integer((json_int_t)MIN(v, INT64_MAX));
}

uint64_t stats_number(const struct runtime_cgroup *g, unsigned c, const char *file)
{
	char text[64];
	uint64_t v;
	if (cgroup_read(g, c, file, text, sizeof(text)) <= 0)
		return 0;
	text[strcspn(text, "\n")] = 0;
	if (str_eq(text, "max"))
		return UINT64_MAX;
	return str_parse_u64(text, 10, &v) < 0 ? 0 : v;
}

uint64_t stats_keyed(const char *text, const char *key)
{
	size_t len = strlen(key);
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL)
		if (strncmp(p, key, len) == 0 && p[len] == ' ')
			return strtoull(p + len + 1, NULL, 10);
	return 0;
}

static bool read_file(
	const struct runtime_cgroup *g, unsigned c, const char *file, char *out, size_t size)
{
	*out = 0;
	return cgroup_read(g, c, file, out, size) >= 0;
}

/* "some avg10=0.00 avg60=0.00 avg300=0.00 total=0" and the same for "full" */
json_t *stats_pressure(const char *text)
{
	json_t *o = json_object();
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p = p ? p + 1 : NULL) {
		char kind[8];
		double a, b, c;
		unsigned long long total;
		if (sscanf(p, "%7s avg10=%lf avg60=%lf avg300=%lf total=%llu", kind, &a, &b, &c,
			    &total) == 5)
			json_object_set_new(o, kind,
				json_pack("{s:f, s:f, s:f, s:I}", "avg10", a, "avg60", b, "avg300",
					c, "total", (json_int_t)total));
	}
	return o;
}

static void add_pressure(json_t *o, const struct runtime_cgroup *g, const char *file)
{
	char text[512];
	if (g->mode == RUNTIME_CGROUP_V2 &&
		read_file(g, RUNTIME_CG_UNIFIED, file, text, sizeof(text)) && *text)
		json_object_set_new(o, "psi", stats_pressure(text));
}

/* ---- processors ---- */

static json_t *per_cpu(const struct runtime_cgroup *g)
{
	char text[16384];
	json_t *list = json_array();
	if (read_file(g, RUNTIME_CG_CPUACCT, "cpuacct.usage_percpu", text, sizeof(text)))
		for (char *p = text, *end; *p; p = end) {
			unsigned long long v = strtoull(p, &end, 10);
			if (end == p)
				break;
			json_array_append_new(list, count(v));
		}
	return list;
}

static json_t *cpu(const struct runtime_cgroup *g)
{
	const bool v2 = g->mode == RUNTIME_CGROUP_V2;
	const uint64_t tick = 1000000000ULL / (uint64_t)sysconf(_SC_CLK_TCK);
	char text[2048], times[256];
	json_t *usage = json_object();
	read_file(g, v2 ? RUNTIME_CG_UNIFIED : RUNTIME_CG_CPU, "cpu.stat", text, sizeof(text));
	uint64_t total = stats_keyed(text, "usage_usec") * 1000;
	uint64_t user = stats_keyed(text, "user_usec") * 1000;
	uint64_t kernel = stats_keyed(text, "system_usec") * 1000;
	uint64_t throttled = v2 ? stats_keyed(text, "throttled_usec") * 1000
				: stats_keyed(text, "throttled_time");
	if (!v2) {
		read_file(g, RUNTIME_CG_CPUACCT, "cpuacct.stat", times, sizeof(times));
		total = stats_number(g, RUNTIME_CG_CPUACCT, "cpuacct.usage");
		user = stats_keyed(times, "user") * tick;
		kernel = stats_keyed(times, "system") * tick;
		json_object_set_new(usage, "percpu", per_cpu(g));
	}
	json_object_set_new(usage, "total", count(total));
	json_object_set_new(usage, "kernel", count(kernel));
	json_object_set_new(usage, "user", count(user));
	json_t *o = json_pack("{s:o, s:{s:o, s:o, s:o}}", "usage", usage, "throttling", "periods",
		count(stats_keyed(text, "nr_periods")), "throttledPeriods",
		count(stats_keyed(text, "nr_throttled")), "throttledTime", count(throttled));
	add_pressure(o, g, "cpu.pressure");
	return o;
}

/* "0-2,5" as numbers */
json_t *stats_list(const char *text)
{
	json_t *list = json_array();
	for (const char *p = text; isdigit((unsigned char)*p);) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && last < 65536; first++)
			json_array_append_new(list, count(first));
		p = *end == ',' ? end + 1 : end;
	}
	return list;
}

static json_t *cpuset(const struct runtime_cgroup *g)
{
	const bool v2 = g->mode == RUNTIME_CGROUP_V2;
	char cpus[4096], mems[4096];
	json_t *o = json_object();
	if (!v2 && !(g->controllers & RUNTIME_CG_CPUSET))
		return o;
	const char *suffix = v2 ? ".effective" : "";
	char file[64];
	snprintf(file, sizeof(file), "cpuset.cpus%s", suffix);
	read_file(g, RUNTIME_CG_CPUSET, file, cpus, sizeof(cpus));
	snprintf(file, sizeof(file), "cpuset.mems%s", suffix);
	read_file(g, RUNTIME_CG_CPUSET, file, mems, sizeof(mems));
	json_object_set_new(o, "cpus", stats_list(cpus));
	json_object_set_new(o, "mems", stats_list(mems));
	return o;
}

/* ---- memory ---- */

/* No limit is the largest number, as runc has it */
static json_t *entry(uint64_t usage, uint64_t max, uint64_t limit, uint64_t failures)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "limit", count(limit), "usage", count(usage),
		"max", count(max), "failcnt", count(failures));
}

static json_t *memory_entry_v1(const struct runtime_cgroup *g, const char *prefix)
{
	static const char *const files[] = {
		"usage_in_bytes", "max_usage_in_bytes", "limit_in_bytes", "failcnt"};
	uint64_t v[4];
	for (int i = 0; i < 4; i++) {
		char file[64];
		snprintf(file, sizeof(file), "%s.%s", prefix, files[i]);
		v[i] = stats_number(g, RUNTIME_CG_MEMORY, file);
	}
	return entry(v[0], v[1], v[2], v[3]);
}

static void add_raw(json_t *o, const char *text)
{
	json_t *raw = json_object();
	for (const char *p = text; *p;) {
		char key[64];
		unsigned long long v;
		size_t len = strcspn(p, "\n");
		if (sscanf(p, "%63s %llu", key, &v) == 2)
			json_object_set_new(raw, key, count(v));
		p += len + (p[len] == '\n');
	}
	json_object_set_new(o, "raw", raw);
}

static json_t *memory(const struct runtime_cgroup *g)
{
	const bool v2 = g->mode == RUNTIME_CGROUP_V2;
	const unsigned c = RUNTIME_CG_MEMORY;
	char text[8192], events[512];
	json_t *o = json_object();
	read_file(g, c, "memory.stat", text, sizeof(text));
	json_object_set_new(o, "cache", count(stats_keyed(text, v2 ? "file" : "cache")));
	if (v2) {
		read_file(g, c, "memory.events", events, sizeof(events));
		uint64_t used = stats_number(g, c, "memory.current");
		uint64_t limit = stats_number(g, c, "memory.max");
		json_object_set_new(o, "usage",
			entry(used, stats_number(g, c, "memory.peak"), limit,
				stats_keyed(events, "max")));
		/* both together, as v1 counts them */
		uint64_t swap = stats_number(g, c, "memory.swap.current");
		uint64_t swap_limit = stats_number(g, c, "memory.swap.max");
		bool none = limit == UINT64_MAX || swap_limit == UINT64_MAX;
		json_object_set_new(o, "swap",
			entry(used + swap, 0, none ? UINT64_MAX : limit + swap_limit, 0));
	} else {
		json_object_set_new(o, "usage", memory_entry_v1(g, "memory"));
		json_object_set_new(o, "swap", memory_entry_v1(g, "memory.memsw"));
		json_object_set_new(o, "kernel", memory_entry_v1(g, "memory.kmem"));
		json_object_set_new(o, "kernelTCP", memory_entry_v1(g, "memory.kmem.tcp"));
	}
	add_raw(o, text);
	add_pressure(o, g, "memory.pressure");
	return o;
}

/* ---- the rest ---- */

static json_t *pids(const struct runtime_cgroup *g)
{
	const bool v2 = g->mode == RUNTIME_CGROUP_V2;
	uint64_t now = stats_number(g, RUNTIME_CG_PIDS, "pids.current");
	uint64_t limit = stats_number(g, RUNTIME_CG_PIDS, "pids.max");
	if (!v2 && !(g->controllers & RUNTIME_CG_PIDS)) {
		cleanup_free pid_t *v = NULL; /* without a limit nobody counts them */
		size_t n = 0;
		if (runtime_cgroup_pids(g, &v, &n, NULL) == 0)
			now = n;
	}
	json_t *o = json_pack("{s:o}", "current", count(now));
	if (limit && limit != UINT64_MAX)
		json_object_set_new(o, "limit", count(limit));
	return o;
}

static json_t *blkio(const struct runtime_cgroup *g)
{
	char text[16384];
	json_t *o = json_object();
	if (g->mode == RUNTIME_CGROUP_V2) {
		if (read_file(g, RUNTIME_CG_BLKIO, "io.stat", text, sizeof(text)))
			stats_io_v2(text, o);
		add_pressure(o, g, "io.pressure");
		return o;
	}
	static const char *const files[][3] = {
		{"ioServiceBytesRecursive", "blkio.throttle.io_service_bytes_recursive",
			"blkio.throttle.io_service_bytes"},
		{"ioServicedRecursive", "blkio.throttle.io_serviced_recursive",
			"blkio.throttle.io_serviced"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if ((g->controllers & RUNTIME_CG_BLKIO) &&
			(read_file(g, RUNTIME_CG_BLKIO, files[i][1], text, sizeof(text)) ||
				read_file(g, RUNTIME_CG_BLKIO, files[i][2], text, sizeof(text))))
			json_object_set_new(o, files[i][0], stats_io_v1(text));
	return o;
}

/* Which sizes of pages there are, the files of the group say. */
static json_t *hugetlb(const struct runtime_cgroup *g)
{
	const bool v1 = g->mode != RUNTIME_CGROUP_V2 && (g->controllers & RUNTIME_CG_HUGETLB);
	const bool v2 =
		!v1 && (g->mode == RUNTIME_CGROUP_V2 || (g->controllers & RUNTIME_CG_UNIFIED));
	const unsigned c = v2 ? RUNTIME_CG_UNIFIED : RUNTIME_CG_HUGETLB;
	char dir[CGROUP_PATH_MAX];
	json_t *o = json_object();
	cgroup_dir(g->mode == RUNTIME_CGROUP_V2, c, g->path, dir);
	DIR *d cleanup_dir = v1 || v2 ? opendir(dir) : NULL;
	const char *tail = v2 ? ".current" : ".usage_in_bytes";
	for (struct dirent *de; d && (de = readdir(d));) {
		char size[32], file[96], text[256] = "";
		const char *p = de->d_name + strlen("hugetlb.");
		if (!str_starts(de->d_name, "hugetlb."))
			continue;
		size_t len = strcspn(p, ".");
		if (!str_eq(p + len, tail) || len >= sizeof(size))
			continue;
		snprintf(size, sizeof(size), "%.*s", (int)len, p);
		uint64_t usage = stats_number(g, c, de->d_name), max = 0, fails;
		if (v2) {
			snprintf(file, sizeof(file), "hugetlb.%s.events", size);
			read_file(g, c, file, text, sizeof(text));
			fails = stats_keyed(text, "max");
		} else {
			snprintf(file, sizeof(file), "hugetlb.%s.max_usage_in_bytes", size);
			max = stats_number(g, c, file);
			snprintf(file, sizeof(file), "hugetlb.%s.failcnt", size);
			fails = stats_number(g, c, file);
		}
		json_object_set_new(o, size,
			json_pack("{s:o, s:o, s:o}", "usage", count(usage), "max", count(max),
				"failcnt", count(fails)));
	}
	return o;
}

static json_t *interfaces(const struct runtime_state *s)
{
	char path[64];
	struct buf b cleanup_buf = BUF_INIT_MAX(1 << 20);
	snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)s->pid);
	return file_read(AT_FDCWD, path, &b, NULL) < 0 ? json_array() : stats_net(buf_str(&b));
}

int runtime_stats(const char *state_dir, char **ret, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	if (s->status == RUNTIME_STOPPED || s->status == RUNTIME_CREATING)
		return err_set(e, ERR_STATE, "container '%s' is %s", s->id,
			runtime_status_name(s->status));
	struct runtime_cgroup g = state_cgroup(s);
	if (!*s->cgroup_path || !g.controllers)
		return err_set(e, ERR_UNSUPPORTED,
			"container '%s' has no control group that counts what it uses", s->id);
	json_t *o = json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "cpu", cpu(&g), "cpuset",
		cpuset(&g), "memory", memory(&g), "pids", pids(&g), "blkio", blkio(&g), "hugetlb",
		hugetlb(&g), "network_interfaces", interfaces(s));
	*ret = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return *ret ? 0 : err_set(e, ERR_FORMAT, "the usage of container '%s'", s->id);
}
