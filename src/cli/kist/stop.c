/* kist stop, kill, rm, wait and rename. */
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "engine/option.h"
#include "network/bridge.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* -1: the container's own */
static int timeout_of(struct cli *c, struct err *e, int *ret)
{
	const char *v = cli_value(c, "time") ? cli_value(c, "time") : cli_value(c, "timeout");
	int64_t seconds = -1;
	if (v && (str_parse_i64(v, &seconds) < 0 || seconds < -1 || seconds > INT32_MAX / 1000))
		return err_set(e, ERR_USAGE, "'%s' is not a number of seconds", v);
	*ret = (int)seconds;
	return 0;
}

static int stop_one(struct cli *c, struct containers *s, const char *text, struct err *e)
{
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int timeout = -1;
	int r = timeout_of(c, e, &timeout);
	if (r >= 0)
		r = engine_container_find(&s->g, text, &k, e);
	if (r >= 0)
		r = engine_container_stop(&s->g, k.row.id, timeout, e);
	if (r < 0)
		return r;
	if (r == ENGINE_STOP_KILLED) {
		int64_t own = k.config.config.stop_timeout;
		int seconds = timeout >= 0 ? timeout : own >= 0 ? (int)own : 10;
		const char *sig = k.config.config.stop_signal;
		cli_warn("container '%s' was killed after %d s: its process 1 did not end on %s%s",
			k.row.name, seconds, sig ? sig : "SIGTERM",
			k.config.init ? "" : "; `kist run --init` gives it one that passes it on");
	}
	puts(text);
	return 0;
}

static int cmd_stop(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int r = containers_open(c, &s);
	return r < 0 ? r : containers_each(c, &s, stop_one);
}

CLI_COMMAND(stop, cmd_stop);

static int kill_one(struct cli *c, struct containers *s, const char *text, struct err *e)
{
	const char *name = cli_value(c, "signal");
	int sig = proc_parse_signal(name ? name : "KILL");
	if (sig < 0)
		return err_set(e, ERR_USAGE, "unknown signal '%s'", name);
	int r = engine_container_kill(&s->g, text, sig, e);
	if (r >= 0)
		puts(text);
	return r;
}

static int cmd_kill(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int r = containers_open(c, &s);
	return r < 0 ? r : containers_each(c, &s, kill_one);
}

CLI_COMMAND(kill, cmd_kill);

static int remove_one(struct cli *c, struct containers *s, const char *text, struct err *e)
{
	bool force = cli_flag(c, "force");
	enum engine_remove_flags flags = (force ? ENGINE_REMOVE_FORCE : 0) |
					 (cli_flag(c, "volumes") ? ENGINE_REMOVE_VOLUMES : 0);
	int r = engine_container_remove(&s->g, text, flags, e);
	if (r == -ERR_NOT_FOUND && force)
		return 0;
	if (r >= 0)
		puts(text);
	return r;
}

static int cmd_rm(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int r = containers_open(c, &s);
	return r < 0 ? r : containers_each(c, &s, remove_one);
}

CLI_COMMAND(rm, cmd_rm);

static int wait_one(struct cli *c, struct containers *s, const char *text, struct err *e)
{
	int r = engine_container_wait(&s->g, text, e);
	if (r >= 0)
		printf("%d\n", r);
	fflush(stdout);
	return r;
}

static int cmd_wait(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int r = containers_open(c, &s);
	return r < 0 ? r : containers_each(c, &s, wait_one);
}

CLI_COMMAND(wait, cmd_wait);

static int cmd_rename(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	const char *name = c->operands[1];
	int r = containers_open(c, &s);
	if (r >= 0)
		r = engine_option_name(name, &c->err);
	if (r >= 0)
		r = engine_container_find(&s.g, c->operands[0], &k, &c->err);
	if (r >= 0)
		r = store_container_rename(s.store, k.row.id, name, &c->err);
	if (r < 0)
		return r;
	cleanup_free char *dir = mem_printf("%s/network", c->runroot);
	struct err e = ERR_INIT;
	r = network_rename(dir, k.row.id, name, &e);
	if (r < 0 && r != -ERR_NOT_FOUND && r != -ENOENT) /* not attached: nothing to rename */
		return err_set(&c->err, e.code, "%s", e.msg);
	return 0;
}

CLI_COMMAND(rename, cmd_rename);
