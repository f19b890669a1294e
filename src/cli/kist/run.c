/* kist run and kist create. */
#include "base/mem.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "engine/volume.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

/* Which streams -a names; none named: all that run attaches by itself. */
static int attached(struct cli *c, bool *in, bool *out, bool *err)
{
	size_t n = cli_count(c, "attach");
	*in = n == 0 && cli_flag(c, "interactive");
	*out = *err = n == 0;
	for (size_t i = 0; i < n; i++) {
		const char *v = cli_value_at(c, "attach", i);
		if (strcasecmp(v, "stdin") == 0)
			*in = true;
		else if (strcasecmp(v, "stdout") == 0)
			*out = true;
		else if (strcasecmp(v, "stderr") == 0)
			*err = true;
		else
			return err_set(&c->err, ERR_USAGE,
				"--attach '%s': expected STDIN, STDOUT or STDERR", v);
	}
	return 0;
}

static int plan(struct cli *c, struct containers *s, const struct engine_config *config, bool soon,
	struct engine_container *ret)
{
	const char *name = cli_value(c, "name"), *image = c->operands[0];
	int r = containers_cidfile_check(c);
	if (r < 0)
		return r;
	r = engine_container_plan(&s->g, image, name, config, soon, ret, &c->err);
	if (r == -ERR_EXISTS && engine_sweep(&s->g, NULL) >= 0) {
		/* one that should have removed itself may have had the name */
		struct err again = ERR_INIT;
		r = engine_container_plan(&s->g, image, name, config, soon, ret, &again);
		if (r >= 0)
			err_clear(&c->err);
	}
	return r;
}

struct removal {
	struct containers *s;
	const char *id;
	const struct engine_config *config;
};

/* --rm: the files and the row go, and the store is closed, while the monitor puts the rest away. */
static void remove_now(void *arg)
{
	struct removal *x = arg;
	struct err e = ERR_INIT;
	if (x->config->auto_remove && store_container_delete(x->s->store, x->id, &e) < 0)
		cli_warn("%s", e.msg);
	for (size_t i = 0; x->config->auto_remove && i < x->config->mounts.n; i++)
		if (x->config->mounts.v[i].anonymous && x->config->mounts.v[i].name)
			engine_volume_remove(&x->s->g, x->config->mounts.v[i].name, NULL);
	containers_close(x->s);
}

static int left(const char *id, int result)
{
	if (result == RELAY_LOST)
		cli_warn("the container's monitor was killed; see `kist ps -a`");
	else
		fprintf(stderr, "kist: container %.12s goes on in the background\n", id);
	return result == RELAY_LOST ? 125 : 0;
}

/* The container is planned; its row is written while it is being set up. */
static int start(struct cli *c, struct containers *s, struct engine_container *k, bool detach)
{
	struct engine_started started cleanup_engine_started = ENGINE_STARTED_INIT;
	struct relay relay = {.detach_keys = cli_value(c, "detach-keys")};
	const char *id = k->row.id;
	struct engine_start_options o = {.attach = !detach, .in_place = !detach, .commit = true};
	int r = detach ? 0 : attached(c, &relay.input, &relay.output, &relay.error);
	if (k->config.tty)
		relay_terminal_size(&o.rows, &o.columns);
	if (!detach)
		relay_block_signals();
	if (r >= 0)
		r = engine_start(&s->g, k, &o, &started, &c->err);
	int written = started.committed ? containers_cidfile_write(c, id) : 0;
	if (r < 0) {
		if (!started.committed)
			engine_container_discard(&s->g, k);
		else if (k->config.auto_remove)
			engine_container_remove(&s->g, id, ENGINE_REMOVE_VOLUMES, NULL);
		return containers_start_failed(c, r);
	}
	if (written < 0)
		return written;
	if (detach) {
		puts(id);
		return 0;
	}
	struct removal removal = {s, id, &k->config};
	relay.fd = started.client;
	relay.pidfd = started.pidfd;
	relay.tty = k->config.tty;
	relay.sig_proxy = cli_flag_or(c, "sig-proxy", true) && !k->config.tty;
	relay.on_exit = remove_now;
	relay.arg = &removal;
	r = relay_run(&relay, &c->err);
	return r == RELAY_DETACHED || r == RELAY_LOST ? left(id, r) : r;
}

static int run_image(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_config config cleanup_engine_config = ENGINE_CONFIG_INIT;
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	bool detach = cli_flag(c, "detach");
	int r = containers_config(c, &config);
	if (r < 0)
		return r;
	if (!detach && config.tty && config.open_stdin && !isatty(0))
		return err_set(
			&c->err, ERR_USAGE, "the input device is not a terminal: -t needs one");
	config.attach_stdin = config.open_stdin && !detach;
	r = containers_open(c, &s);
	if (r >= 0)
		r = plan(c, &s, &config, true, &k);
	return r < 0 ? r : start(c, &s, &k, detach);
}

static int create_image(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_config config cleanup_engine_config = ENGINE_CONFIG_INIT;
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = containers_config(c, &config);
	config.attach_stdin = config.open_stdin;
	if (r >= 0)
		r = containers_open(c, &s);
	if (r >= 0)
		r = plan(c, &s, &config, false, &k);
	if (r < 0)
		return r;
	r = engine_container_commit(&s.g, &k, &c->err);
	if (r < 0) {
		engine_container_discard(&s.g, &k);
		return r;
	}
	puts(k.row.id);
	return containers_cidfile_write(c, k.row.id);
}

/* With --pull: the image first, or when it turns out not to be there. */
static int with_image(struct cli *c, int (*fn)(struct cli *c))
{
	int r = containers_pull_first(c);
	if (r != 0)
		return r < 0 ? r : 125;
	r = fn(c);
	if (r < 0 && containers_pull_missing(c, r))
		r = fn(c);
	return r;
}

static int cmd_run(struct cli *c)
{
	return with_image(c, run_image);
}

CLI_COMMAND(run, cmd_run);

static int cmd_create(struct cli *c)
{
	return with_image(c, create_image);
}

CLI_COMMAND(create, cmd_create);
