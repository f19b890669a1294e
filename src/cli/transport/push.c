/* kist push: an image to a registry. */
#include "cli/store.h"
#include "cli/transport/progress.h"
#include "cli/transport/remote.h"
#include "cli/transport/transport.h"

#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"
#include "oci/descriptor.h"
#include "store/image.h"
#include "transport/endpoint.h"
#include "transport/push.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
	struct cli *c;
	struct store *store;
	struct remote remote;
	struct progress *progress;
	struct store_image image;
	struct oci_reference to;
	struct oci_platform platform;
	struct transport_push_options o;
};

static void command_release(struct command *m)
{
	progress_free(m->progress);
	remote_release(&m->remote);
	store_image_release(&m->image);
	oci_platform_release(&m->platform);
	store_close(m->store);
}

/* "zstd:19", "gzip", "none" */
static int read_compression(struct cli *c, struct transport_push_options *o)
{
	const char *text = cli_value(c, "compression");
	o->any_compression = !text;
	if (!text)
		return 0;
	const char *colon = strchr(text, ':');
	char *name cleanup_free = mem_strndup(text, colon ? (size_t)(colon - text) : strlen(text));
	uint64_t level = 0;
	if (oci_compression_parse(name, &o->compression) < 0)
		return err_set(&c->err, ERR_USAGE,
			"--compression '%s': it is gzip, zstd, zstd:LEVEL or none", text);
	if (colon && o->compression != OCI_COMPRESSION_ZSTD)
		return err_set(
			&c->err, ERR_USAGE, "--compression '%s': only zstd has levels", text);
	if (colon && (str_parse_u64(colon + 1, 10, &level) < 0 || level < 1 || level > 22))
		return err_set(
			&c->err, ERR_USAGE, "--compression '%s': levels go from 1 to 22", text);
	o->level = (int)level;
	return 0;
}

static int read_options(struct command *m)
{
	struct cli *c = m->c;
	const char *format = cli_value(c, "format");
	if (format && transport_manifest_format_parse(format, &m->o.format) < 0)
		return err_set(&c->err, ERR_USAGE, "--format '%s': it is oci or v2s2", format);
	m->o.all_platforms = cli_flag(c, "all");
	m->o.preserve_digest = cli_flag(c, "preserve-digests");
	if (m->o.preserve_digest && (format || cli_value(c, "compression")))
		return err_set(&c->err, ERR_USAGE,
			"--preserve-digests goes with neither --format nor --compression");
	return read_compression(c, &m->o);
}

/* Of the image that was named: the one for --platform. */
static int choose_platform(struct command *m)
{
	struct cli *c = m->c;
	const char *text = cli_value(c, "platform");
	if (!text)
		return 0;
	if (m->o.all_platforms)
		return err_set(&c->err, ERR_USAGE, "--all and --platform exclude each other");
	int r = oci_platform_parse(text, &m->platform, &c->err);
	if (r >= 0)
		r = store_image_for_platform(m->store, &m->image, &m->platform, &c->err);
	if (r != 0)
		return r < 0 ? r : 0;
	r = err_set(&c->err, ERR_NOT_FOUND, "the store has no '%s' for %s", c->operands[0], text);
	err_hint(&c->err, "kist pull --platform %s %s", text, c->operands[0]);
	return r;
}

static int no_registry(struct cli *c, const char *text)
{
	int r = err_set(&c->err, ERR_USAGE, "'%s' names no registry to push to", text);
	err_hint(&c->err, "kist push %s REGISTRY/%s", c->operands[0], text);
	return r;
}

/* Where to: the second operand, or the name itself. A name that has its registry from nobody
 * (localhost/app of a build) goes nowhere by itself. */
static int read_destination(struct command *m)
{
	struct cli *c = m->c;
	const char *text = c->operands[c->n_operands - 1];
	if (str_starts(text, "docker://"))
		text += strlen("docker://");
	int r = oci_reference_parse(text, &m->to, &c->err);
	if (r < 0 && transport_place_is(text))
		err_hint(&c->err, "push sends to registries: kist copy store:%s %s", c->operands[0],
			text);
	if (r < 0)
		return r;
	if (!m->to.domain[0] && c->n_operands == 1) {
		const char *tag = store_image_tag(&m->image, text);
		r = tag ? oci_reference_parse(tag, &m->to, &c->err) : 0;
		if (r >= 0 && str_eq(m->to.domain, "localhost"))
			m->to.domain[0] = 0;
	}
	if (r < 0)
		return r;
	if (!m->to.domain[0])
		return no_registry(c, text);
	oci_reference_normalise_docker(&m->to);
	return 0;
}

static int write_digest(struct cli *c, const struct transport_pushed *p)
{
	fflush(stdout);
	return outfile_write(cli_value(c, "digestfile"), p->digest, &c->err);
}

static int print_pushed(struct command *m, const struct transport_pushed *p)
{
	if (cli_flag(m->c, "quiet"))
		printf("%s\n", p->name);
	else
		printf("%s: digest: %s size: %llu\n",
			m->to.tag[0] ? m->to.tag : transport_familiar(p->name), p->digest,
			(unsigned long long)p->size);
	return write_digest(m->c, p);
}

static int cmd_push(struct cli *c)
{
	struct command m cleanup(command_release) = {.c = c};
	int r = read_options(&m);
	if (r >= 0)
		r = remote_open(c, &m.remote);
	if (r >= 0)
		r = cli_store_open(c, &m.store, &c->err);
	if (r >= 0)
		r = cli_image_find(m.store, c->operands[0], &m.image, NULL, &c->err);
	if (r >= 0)
		r = choose_platform(&m);
	if (r >= 0)
		r = read_destination(&m);
	if (r < 0)
		return r;
	m.progress = progress_new(PROGRESS_PUSH, cli_flag(c, "quiet"));
	m.remote.notice = progress_note;
	m.remote.notice_ctx = m.progress;
	m.o.name = store_image_tag(&m.image, c->operands[0]);
	m.o.client = m.remote.client;
	m.o.config = m.remote.config;
	m.o.remote = &m.remote.open;
	m.o.jobs = m.remote.jobs;
	m.o.stop = m.remote.stop;
	m.o.progress = progress_listener(m.progress);
	struct transport_pushed got;
	r = transport_push(m.store, m.image.id, &m.to, &m.o, &got, &c->err);
	if (r == -ERR_INTERRUPTED && *m.remote.stop) {
		progress_note(m.progress, "interrupted: nothing was named in the registry");
		return 128 + *m.remote.stop;
	}
	return r < 0 ? r : print_pushed(&m, &got);
}

CLI_COMMAND(push, cmd_push);
