/* kist start, restart and attach. */
#include "base/str.h"
#include "cli/kist/containers.h"

#include <stdio.h>
#include <sys/socket.h>

static int start_quietly(struct containers *s, const char *text, struct err *e)
{
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct engine_started started cleanup_engine_started = ENGINE_STARTED_INIT;
	struct engine_start_options o = {.attach = false};
	int r = engine_container_find(&s->g, text, &k, e);
	if (r < 0)
		return r;
	if (k.state.status == ENGINE_RUNNING)
		return 0; /* docker: starting what runs is fine */
	r = engine_start(&s->g, &k, &o, &started, e);
	return r < 0 ? err_wrap(e, r, "start container '%s'", k.row.name) : 0;
}

static int start_one(struct cli *c, struct containers *s, const char *text, struct err *e)
{
	int r = start_quietly(s, text, e);
	if (r >= 0)
		puts(text);
	return r;
}

struct removal {
	struct containers *s;
	const char *id;
	bool wanted;
};

static void remove_now(void *arg)
{
	struct removal *x = arg;
	if (x->wanted)
		store_container_delete(x->s->store, x->id, NULL);
}

static int relay(struct cli *c, struct containers *s, struct engine_container *k,
	struct engine_started *started, bool input, bool in_place)
{
	struct removal removal = {s, k->row.id, in_place && k->config.auto_remove};
	struct relay relay = {.fd = started->client,
		.pidfd = started->pidfd,
		.input = input,
		.output = true,
		.error = true,
		.tty = k->config.tty,
		.sig_proxy = cli_flag_or(c, "sig-proxy", true) && !k->config.tty,
		.detach_keys = cli_value(c, "detach-keys"),
		.on_exit = remove_now,
		.arg = &removal};
	int r = relay_run(&relay, &c->err);
	if (r == RELAY_LOST)
		return err_set(&c->err, ERR_CHILD, "the monitor of container '%s' was killed",
			k->row.name);
	if (r == RELAY_DETACHED)
		fprintf(stderr, "kist: container %s goes on in the background\n", k->row.name);
	return r == RELAY_DETACHED ? 0 : r;
}

static int start_attached(struct cli *c, struct containers *s)
{
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct engine_started started cleanup_engine_started = ENGINE_STARTED_INIT;
	if (c->n_operands > 1)
		return err_set(&c->err, ERR_USAGE, "only one container can be attached at once");
	int r = engine_container_find(&s->g, c->operands[0], &k, &c->err);
	if (r < 0)
		return r;
	struct engine_start_options o = {.attach = true, .in_place = true};
	if (k.config.tty)
		relay_terminal_size(&o.rows, &o.columns);
	relay_block_signals();
	r = engine_start(&s->g, &k, &o, &started, &c->err);
	if (r < 0)
		return containers_start_failed(c, r);
	return relay(c, s, &k, &started, cli_flag(c, "interactive") && k.config.open_stdin, true);
}

static int cmd_start(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int r = containers_open(c, &s);
	if (r < 0)
		return r;
	if (cli_flag(c, "attach") || cli_flag(c, "interactive"))
		return start_attached(c, &s);
	return containers_each(c, &s, start_one);
}

CLI_COMMAND(start, cmd_start);

static int restart_one(struct cli *c, struct containers *s, const char *text, struct err *e)
{
	const char *time = cli_value(c, "time");
	int64_t seconds = -1;
	if (!time)
		time = cli_value(c, "timeout");
	if (time && str_parse_i64(time, &seconds) < 0)
		return err_set(e, ERR_USAGE, "'%s' is not a number of seconds", time);
	int r = engine_container_stop(&s->g, text, (int)seconds, e);
	if (r >= 0)
		r = start_quietly(s, text, e);
	if (r >= 0)
		puts(text);
	return r;
}

static int cmd_restart(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	int r = containers_open(c, &s);
	return r < 0 ? r : containers_each(c, &s, restart_one);
}

CLI_COMMAND(restart, cmd_restart);

static int cmd_attach(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	struct engine_started started cleanup_engine_started = ENGINE_STARTED_INIT;
	int r = containers_open(c, &s);
	if (r >= 0)
		r = engine_container_find(&s.g, c->operands[0], &k, &c->err);
	if (r < 0)
		return r;
	relay_block_signals();
	r = engine_attach_open(&s.g, &k, &started, &c->err);
	if (r < 0)
		return r;
	bool input = k.config.open_stdin && !cli_flag(c, "no-stdin");
	return relay(c, &s, &k, &started, input, false);
}

CLI_COMMAND(attach, cmd_attach);
