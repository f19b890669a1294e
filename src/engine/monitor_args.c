/* kist-monitor's command line: words "name=value" in both directions; libc only. */
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/monitor_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum arg_kind {
	ARG_FD,
	ARG_INT, /* int, unsigned */
	ARG_I64, /* int64_t, uint64_t */
	ARG_BOOL,
	ARG_STRING,
	ARG_LIST, /* the word may come several times */
};

static const struct arg {
	const char *name;
	size_t offset;
	enum arg_kind kind;
} args[] = {
#define A(kind, name, member)                                             \
	{                                                                 \
		name, offsetof(struct engine_monitor, member), ARG_##kind \
	}
	A(STRING, "id", id),
	A(FD, "dir", dir),
	A(FD, "in", in),
	A(FD, "out", out),
	A(FD, "err", err),
	A(FD, "master", master),
	A(FD, "listen", listen),
	A(FD, "dns-udp", dns_udp),
	A(FD, "dns-tcp", dns_tcp),
	A(FD, "client", client),
	A(BOOL, "stdin-once", stdin_once),
	A(INT, "stop-signal", stop_signal),
	A(I64, "log-size", log_max_size),
	A(INT, "log-files", log_max_files),
	A(STRING, "cgroup", cgroup),
	A(STRING, "network", network_dir),
	A(LIST, "dns", upstreams),
	A(INT, "restart", restart),
	A(INT, "restart-max", restart_max),
	A(I64, "health-interval", health_interval),
	A(I64, "health-timeout", health_timeout),
	A(I64, "health-start", health_start_period),
	A(INT, "health-retries", health_retries),
	A(LIST, "kist", kist),
#undef A
};

static void format_arg(const struct arg *a, void *p, struct strv *argv)
{
	const struct strv *list = p;
	switch (a->kind) {
	case ARG_FD:
		if (*(int *)p >= 0 && io_set_cloexec(*(int *)p, false) == 0)
			strv_addf(argv, "%s=%d", a->name, *(int *)p);
		break;
	case ARG_INT:
		if (*(int *)p)
			strv_addf(argv, "%s=%d", a->name, *(int *)p);
		break;
	case ARG_I64:
		if (*(int64_t *)p)
			strv_addf(argv, "%s=%" PRId64, a->name, *(int64_t *)p);
		break;
	case ARG_BOOL:
		if (*(bool *)p)
			strv_addf(argv, "%s=1", a->name);
		break;
	case ARG_STRING:
		if (*(char **)p)
			strv_addf(argv, "%s=%s", a->name, *(char **)p);
		break;
	case ARG_LIST:
		for (size_t i = 0; i < list->n; i++)
			strv_addf(argv, "%s=%s", a->name, list->v[i]);
		break;
	}
}

void engine_monitor_format(struct engine_monitor *m, struct strv *argv)
{
	for (size_t i = 0; i < ARRAY_SIZE(args); i++)
		format_arg(&args[i], (char *)m + args[i].offset, argv);
}

static int parse_arg(const struct arg *a, void *p, const char *value)
{
	int64_t v = 0;
	int r = a->kind < ARG_STRING ? str_parse_i64(value, &v) : 0;
	switch (a->kind) {
	case ARG_FD:
		*(int *)p = (int)v;
		return r < 0 ? r : io_set_cloexec((int)v, true);
	case ARG_INT:
		*(int *)p = (int)v;
		break;
	case ARG_I64:
		*(int64_t *)p = v;
		break;
	case ARG_BOOL:
		*(bool *)p = v != 0;
		break;
	case ARG_STRING:
		free(*(char **)p);
		*(char **)p = mem_strdup(value);
		break;
	case ARG_LIST:
		strv_add(p, value);
		break;
	}
	return r;
}

static int parse_word(struct engine_monitor *m, const char *word)
{
	const char *eq = strchr(word, '=');
	for (size_t i = 0; eq && i < ARRAY_SIZE(args); i++)
		if (strlen(args[i].name) == (size_t)(eq - word) && str_starts(word, args[i].name))
			return parse_arg(&args[i], (char *)m + args[i].offset, eq + 1);
	return -EINVAL;
}

int engine_monitor_parse(char *const *argv, struct engine_monitor *ret, struct err *e)
{
	for (; *argv; argv++)
		if (parse_word(ret, *argv) < 0)
			return err_set(e, ERR_USAGE, "wrong argument '%s'", *argv);
	if (!ret->id || ret->dir < 0 || !ret->kist.n)
		return err_set(e, ERR_USAGE, "kist runs this program; it is of no use by hand");
	return 0;
}

void engine_monitor_exec(struct engine_monitor *m, const char *verb)
{
	struct strv argv cleanup_strv = STRV_INIT;
	strv_add_all(&argv, &m->kist);
	strv_add(&argv, verb);
	strv_addf(&argv, "--dir-fd=%d", m->dir);
	strv_add(&argv, m->id);
	io_set_cloexec(m->dir, false);
	/* A client learns by the end of its stream that everything has been put away. */
	for (size_t i = 0; i < m->nclients; i++)
		io_set_cloexec(m->clients[i].fd, false);
	execv(argv.v[0], argv.v);
}
