/* kist copy. */
#include "cli/transport/copy.h"

#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"
#include "cli/store.h"
#include "cli/transport/remote.h"
#include "transport/copy.h"

#include <stdlib.h>
#include <string.h>

static int read_compression(struct cli *c, struct transport_copy_options *o)
{
	const char *text = cli_value(c, "compression");
	if (!text)
		return 0;
	char *name cleanup_free = mem_strndup(text, strcspn(text, ":"));
	const char *level = text[strlen(name)] ? text + strlen(name) + 1 : NULL;
	uint64_t n = 0;
	if (oci_compression_parse(name, &o->compression) < 0)
		return err_set(&c->err, ERR_USAGE,
			"--compression '%s': it is gzip, zstd, zstd:LEVEL or none", text);
	if (level && (o->compression != OCI_COMPRESSION_ZSTD || str_parse_u64(level, 10, &n) < 0 ||
			     n < 1 || n > 22))
		return err_set(&c->err, ERR_USAGE,
			"--compression '%s': only zstd has levels, 1 to 22", text);
	o->compress = true;
	o->level = (int)n;
	return 0;
}

const char *copy_tmp_dir(void)
{
	const char *dir = getenv("TMPDIR");
	return str_empty(dir) ? "/var/tmp" : dir;
}

int copy_options(struct cli *c, struct copy_request *q)
{
	const char *format = cli_value(c, "format");
	q->o = (struct transport_copy_options){
		.all = cli_flag(c, "all"),
		.preserve_digests = cli_flag(c, "preserve-digests"),
		.foreign = cli_flag(c, "foreign"),
		.tmp_dir = copy_tmp_dir(),
	};
	const char *platform = cli_value(c, "platform");
	int r = platform ? oci_platform_parse(platform, &q->platform, &c->err) : 0;
	if (r < 0)
		return r;
	if (platform)
		q->o.platform = &q->platform;
	if (platform && q->o.all)
		return err_set(&c->err, ERR_USAGE, "--all and --platform exclude each other");
	if (format && oci_format_parse(format, &q->o.format) < 0)
		return err_set(&c->err, ERR_USAGE, "--format '%s': it is oci or docker", format);
	r = read_compression(c, &q->o);
	if (r >= 0 && q->o.preserve_digests && (format || q->o.compress))
		return err_set(&c->err, ERR_USAGE,
			"--preserve-digests goes with neither --format nor --compression");
	return r;
}

void copy_show(struct cli *c, struct copy_request *q, struct remote *a, struct remote *b)
{
	q->progress = progress_new(PROGRESS_COPY, cli_flag(c, "quiet"));
	q->o.progress = progress_listener(q->progress);
	struct remote *both[] = {a, b};
	for (size_t i = 0; i < ARRAY_SIZE(both); i++)
		if (both[i]) {
			both[i]->notice = progress_note;
			both[i]->notice_ctx = q->progress;
		}
}

void copy_request_release(struct copy_request *q)
{
	progress_free(q->progress);
	oci_platform_release(&q->platform);
}

/* The options of one side over those of both. */
static int open_side(
	struct cli *c, struct remote *m, const char *creds, const char *tls, const char *cert_dir)
{
	int r = remote_open(c, m);
	if (r >= 0)
		r = remote_creds(c, m, creds);
	if (r < 0)
		return r;
	if (cli_count(c, tls))
		m->open.tls = cli_tls(c, tls);
	if (cli_value(c, cert_dir))
		m->open.cert_dir = cli_value(c, cert_dir);
	return 0;
}

int copy_open_source(struct cli *c, struct remote *m)
{
	int r = open_side(c, m, "src-creds", "src-tls-verify", "src-cert-dir");
	return r < 0 ? r : remote_trust(c, m);
}

int copy_open_destination(struct cli *c, struct remote *m)
{
	return open_side(c, m, "dest-creds", "dest-tls-verify", "dest-cert-dir");
}

int copy_check_creds(struct cli *c, bool both)
{
	if (!both || !cli_value(c, "creds"))
		return 0;
	return err_set(&c->err, ERR_USAGE,
		"--creds: both sides are registries; say --src-creds or --dest-creds");
}

static int write_digest(struct cli *c, const char *digest)
{
	return outfile_write(cli_value(c, "digestfile"), digest, &c->err);
}

struct command {
	struct cli *c;
	struct transport_place a, b;
	struct copy_request q;
	struct remote src, dest;
	struct store *store;
};

static void command_release(struct command *m)
{
	transport_place_release(&m->a);
	transport_place_release(&m->b);
	copy_request_release(&m->q);
	remote_release(&m->src);
	remote_release(&m->dest);
	store_close(m->store);
}

static int run_copy(struct command *m)
{
	struct cli *c = m->c;
	const struct transport_world in = {m->store, m->src.client, m->src.config, &m->src.open,
		m->q.o.tmp_dir, &m->src.trust, m->q.o.all, m->q.o.platform};
	const struct transport_world out = {m->store, m->dest.client, m->dest.config, &m->dest.open,
		m->q.o.tmp_dir, NULL, false, NULL};
	struct transport_from *from cleanup_transport_from = NULL;
	struct transport_to *to cleanup_transport_to = NULL;
	struct transport_copied done;
	m->q.o.stop = m->src.stop;
	m->q.o.jobs = m->src.jobs;
	copy_show(c, &m->q, &m->src, &m->dest);
	int r = transport_from_open(&m->a, &in, &from, &c->err);
	if (r >= 0)
		r = transport_to_open(&m->b, &out, &to, &c->err);
	if (r >= 0)
		r = transport_copy(from, to, &m->q.o, &done, &c->err);
	if (r >= 0)
		r = write_digest(c, done.digest);
	if (r >= 0 && !cli_flag(c, "quiet"))
		puts(done.digest);
	return r;
}

static int cmd_copy(struct cli *c)
{
	struct command m cleanup(command_release) = {.c = c};
	int r = transport_place_parse(c->operands[0], &m.a, &c->err);
	if (r >= 0)
		r = transport_place_parse(c->operands[1], &m.b, &c->err);
	if (r >= 0)
		r = copy_options(c, &m.q);
	if (r >= 0)
		r = copy_check_creds(c,
			m.a.kind == TRANSPORT_KIND_REGISTRY && m.b.kind == TRANSPORT_KIND_REGISTRY);
	if (r >= 0)
		r = copy_open_source(c, &m.src);
	if (r >= 0)
		r = copy_open_destination(c, &m.dest);
	if (r >= 0 && (m.a.kind == TRANSPORT_KIND_STORE || m.b.kind == TRANSPORT_KIND_STORE))
		r = cli_store_open(c, &m.store, &c->err);
	return r < 0 ? r : run_copy(&m);
}

CLI_COMMAND(copy, cmd_copy);
