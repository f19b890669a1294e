/* kist pull: images from registries. */
#include "cli/store.h"
#include "cli/transport/progress.h"
#include "cli/transport/remote.h"
#include "cli/transport/transport.h"

#include "base/outfile.h"
#include "base/str.h"
#include "oci/descriptor.h"
#include "transport/endpoint.h"
#include "transport/pull.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct command {
	struct cli *c;
	struct store *store;
	struct remote remote;
	struct progress *progress;
	struct oci_platform platform;
	struct transport_pull_options o;
};

static void command_release(struct command *m)
{
	progress_free(m->progress);
	remote_release(&m->remote);
	oci_platform_release(&m->platform);
	store_close(m->store);
}

static int read_limits(struct cli *c, struct transport_pull_options *o)
{
	const char *size = cli_value(c, "max-layer-size"), *ratio = cli_value(c, "max-ratio");
	if (size && (str_parse_size(size, &o->max_blob) < 0 || !o->max_blob))
		return err_set(
			&c->err, ERR_USAGE, "--max-layer-size '%s': a size as 500m or 20g", size);
	o->limits.size = o->max_blob;
	if (ratio && (str_parse_u64(ratio, 10, &o->limits.ratio) < 0 || !o->limits.ratio))
		return err_set(&c->err, ERR_USAGE, "--max-ratio '%s': a number from 1", ratio);
	return 0;
}

static int read_options(struct command *m)
{
	struct cli *c = m->c;
	const char *policy = cli_value(c, "policy"), *platform = cli_value(c, "platform");
	if (policy && transport_pull_when_parse(policy, &m->o.when) < 0)
		return err_set(&c->err, ERR_USAGE,
			"--policy '%s': it is always, missing, newer or never", policy);
	m->o.all_platforms = cli_flag(c, "all");
	if (platform && m->o.all_platforms)
		return err_set(&c->err, ERR_USAGE,
			"--all is every platform: it goes without "
			"--platform");
	int r = platform ? oci_platform_parse(platform, &m->platform, &c->err) : 0;
	if (platform)
		m->o.platform = &m->platform;
	return r < 0 ? r : read_limits(c, &m->o);
}

/* As docker: the digest, whether something is new, and the name alone with --quiet. */
static int print_pulled(void *ctx, const struct transport_pulled *p)
{
	struct cli *c = ctx;
	if (cli_flag(c, "announce"))
		return 0;
	if (!cli_flag(c, "quiet")) {
		if (p->digest[0])
			printf("Digest: %s\n", p->digest);
		printf("Status: %s for %s\n",
			p->changed ? "Downloaded newer image" : "Image is up to date",
			transport_familiar(p->name));
	}
	printf("%s\n", p->name);
	fflush(stdout);
	return outfile_write(cli_value(c, "digestfile"), p->digest, &c->err);
}

/* For the builder (build/fetch.h) */
static void announce(void *ctx, const char *id)
{
	printf("config %s\n", id);
	fflush(stdout);
}

static int pull_one(struct command *m, const char *text)
{
	struct transport_pulled got;
	if (str_starts(text, "docker://"))
		text += strlen("docker://");
	if (cli_flag(m->c, "all-tags"))
		return transport_pull_tags(m->store, text, &m->o, print_pulled, m->c, &m->c->err);
	int r = transport_pull(m->store, text, &m->o, &got, &m->c->err);
	if (r == -ERR_SYNTAX && transport_place_is(text))
		err_hint(&m->c->err, "pull asks registries: kist copy %s store:NAME", text);
	return r < 0 ? r : print_pulled(m->c, &got);
}

static int cmd_pull(struct cli *c)
{
	struct command m cleanup(command_release) = {.c = c};
	int r = read_options(&m);
	if (r >= 0)
		r = remote_open(c, &m.remote);
	if (r >= 0)
		r = remote_trust(c, &m.remote);
	if (r >= 0)
		r = cli_store_open(c, &m.store, &c->err);
	if (r < 0)
		return r;
	m.progress = progress_new(PROGRESS_PULL, cli_flag(c, "quiet"));
	m.remote.notice = progress_note;
	m.remote.notice_ctx = m.progress;
	m.o.client = m.remote.client;
	m.o.trust = &m.remote.trust;
	m.o.config = m.remote.config;
	m.o.remote = &m.remote.open;
	m.o.jobs = m.remote.jobs;
	m.o.stop = m.remote.stop;
	m.o.progress = progress_listener(m.progress);
	m.o.resolved = cli_flag(c, "announce") ? announce : NULL;
	for (int i = 0; i < c->n_operands && r >= 0; i++)
		r = pull_one(&m, c->operands[i]);
	if (r == -ERR_INTERRUPTED && *m.remote.stop) {
		progress_note(
			m.progress, "interrupted: what has come is kept, the next pull goes on");
		return 128 + *m.remote.stop;
	}
	return r;
}

CLI_COMMAND(pull, cmd_pull);
