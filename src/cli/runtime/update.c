/* update: limits of a container that is there, from a file or one option each. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"
#include "runtime/update.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { VALUES = 16 };

struct update_options {
	const char *resources, *l3_cache_schema, *mem_bw_schema;
	const char *v[VALUES];
};

/* "blockIO.weight" in the specification's words; what the value is */
static const struct limit {
	const char *name, *section, *key;
	enum { NUMBER, BYTES, TEXT, NOTHING } kind;
} limits[VALUES] = {
	{"blkio-weight", "blockIO", "weight", NUMBER},
	{"cpu-period", "cpu", "period", NUMBER},
	{"cpu-quota", "cpu", "quota", NUMBER},
	{"cpu-burst", "cpu", "burst", NUMBER},
	{"cpu-share", "cpu", "shares", NUMBER},
	{"cpu-rt-period", "cpu", "realtimePeriod", NUMBER},
	{"cpu-rt-runtime", "cpu", "realtimeRuntime", NUMBER},
	{"cpu-idle", "cpu", "idle", NUMBER},
	{"cpuset-cpus", "cpu", "cpus", TEXT},
	{"cpuset-mems", "cpu", "mems", TEXT},
	{"memory", "memory", "limit", BYTES},
	{"memory-swap", "memory", "swap", BYTES},
	{"memory-reservation", "memory", "reservation", BYTES},
	{"kernel-memory", NULL, NULL, NOTHING},
	{"kernel-memory-tcp", NULL, NULL, NOTHING},
	{"pids-limit", "pids", "limit", NUMBER},
};

static int read_value(const struct limit *l, const char *text, json_t **ret, struct err *e)
{
	int64_t v;
	uint64_t size;
	if (l->kind == TEXT) {
		*ret = json_string(text);
		return *ret ? 0 : err_set(e, ERR_USAGE, "--%s: not UTF-8", l->name);
	}
	if (str_parse_i64(text, &v) == 0) {
		*ret = json_integer(v);
		return 0;
	}
	if (l->kind == BYTES && str_parse_size(text, &size) == 0 && size <= INT64_MAX) {
		*ret = json_integer((json_int_t)size);
		return 0;
	}
	return err_set(e, ERR_USAGE, "--%s '%s': expected %s", l->name, text,
		l->kind == BYTES ? "bytes (k, m, g behind it), or -1 for no limit" : "a number");
}

static int add_options(const struct update_options *o, json_t *all, struct err *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		const struct limit *l = &limits[i];
		json_t *v = NULL;
		if (!o->v[i])
			continue;
		if (l->kind == NOTHING) {
			cleanup_free char *text = mem_printf(
				"--%s is ignored: kernels have given this limit up", l->name);
			message("warning", text, NULL);
			continue;
		}
		int r = read_value(l, o->v[i], &v, e);
		if (r < 0)
			return r;
		if (!json_is_object(json_object_get(all, l->section)))
			json_object_set_new(all, l->section, json_object());
		json_object_set_new(json_object_get(all, l->section), l->key, v);
	}
	return 0;
}

static int read_file(const char *path, json_t **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_RUNTIME_CONFIG);
	int r;
	if (str_eq(path, "-")) {
		r = io_read_to_end(0, &b);
		if (r < 0)
			return err_sysno(e, r, "read the resources from stdin");
	} else if ((r = file_read(AT_FDCWD, path, &b, e)) < 0) {
		return r;
	}
	json_error_t where;
	*ret = json_loadb(b.data ? b.data : "", b.len, 0, &where);
	if (!*ret || !json_is_object(*ret)) {
		bool read = *ret;
		json_decref(*ret);
		*ret = NULL;
		return read ? err_set(e, ERR_SYNTAX, "resources '%s': expected an object", path)
			    : err_set(e, ERR_SYNTAX, "resources '%s': line %d: %s", path,
				      where.line, where.text);
	}
	return 0;
}

static int update_container(
	const char *dir, const struct update_options *o, json_t *all, struct err *e)
{
	struct runtime_update u = {
		.l3_cache_schema = o->l3_cache_schema, .mem_bw_schema = o->mem_bw_schema};
	char *text = NULL;
	if (json_object_size(all) > 0) {
		text = json_dumps(all, JSON_COMPACT);
		u.resources = text;
		u.resources_len = strlen(text);
	}
	int r = runtime_update(dir, &u, e);
	free(text);
	return r;
}

static int run(const struct call *c, struct err *e)
{
	const struct update_options *o = c->options;
	cleanup_free char *dir = NULL;
	json_t *all = NULL;
	int r = state_path(c->operands[0], &dir, e);
	if (r < 0)
		return r;
	if (o->resources)
		r = read_file(o->resources, &all, e);
	else
		all = json_object();
	if (r == 0)
		r = add_options(o, all, e);
	if (r == 0)
		r = update_container(dir, o, all, e);
	json_decref(all);
	if (r >= 0 || r == -ERR_NOT_FOUND)
		return MIN(r, 0);
	return err_wrap(e, r, "update '%s'", c->operands[0]);
}

#define LIMIT_OPTION(i, name, arg, help)                                          \
	{                                                                         \
		name, 0, arg, help, OPTION_TEXT,                                  \
			offsetof(struct update_options, v) + (i) * sizeof(char *) \
	}

static const struct option_spec options[] = {
	OPT_TEXT(update_options, resources, "resources", 'r', "FILE",
		"linux.resources in JSON, - for stdin; options stand above it"),
	LIMIT_OPTION(0, "blkio-weight", "WEIGHT", "10 to 1000"),
	LIMIT_OPTION(1, "cpu-period", "US", "microseconds that a quota is for"),
	LIMIT_OPTION(2, "cpu-quota", "US", "microseconds of CPU a period, -1: no limit"),
	LIMIT_OPTION(3, "cpu-burst", "US", "what may be saved up of a quota"),
	LIMIT_OPTION(4, "cpu-share", "SHARES", "weight beside other containers"),
	LIMIT_OPTION(5, "cpu-rt-period", "US", "period of the real-time limit (cgroup v1)"),
	LIMIT_OPTION(6, "cpu-rt-runtime", "US", "real-time CPU a period (cgroup v1)"),
	LIMIT_OPTION(7, "cpu-idle", "0|1", "run only when nobody else wants the CPU"),
	LIMIT_OPTION(8, "cpuset-cpus", "LIST", "CPUs that may be used: 0-2,5"),
	LIMIT_OPTION(9, "cpuset-mems", "LIST", "memory nodes that may be used"),
	LIMIT_OPTION(10, "memory", "BYTES", "limit of memory, -1: none"),
	LIMIT_OPTION(11, "memory-swap", "BYTES", "limit of memory and swap together, -1: none"),
	LIMIT_OPTION(12, "memory-reservation", "BYTES", "soft limit of memory"),
	LIMIT_OPTION(13, "kernel-memory", "BYTES", "ignored with a warning"),
	LIMIT_OPTION(14, "kernel-memory-tcp", "BYTES", "ignored with a warning"),
	LIMIT_OPTION(15, "pids-limit", "N", "number of processes, -1: no limit"),
	OPT_TEXT(update_options, l3_cache_schema, "l3-cache-schema", 0, "SCHEMA",
		"schema of the L3 cache (resctrl)"),
	OPT_TEXT(update_options, mem_bw_schema, "mem-bw-schema", 0, "SCHEMA",
		"schema of the memory bandwidth (resctrl)"),
	{NULL},
};

const struct command cmd_update = {
	.name = "update",
	.operands = "ID",
	.text = "change the limits of a container",
	.options = options,
	.size = sizeof(struct update_options),
	.min = 1,
	.max = 1,
	.run = run,
};
