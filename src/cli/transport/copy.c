/* kist copy. */
#include "cli/transport/copy.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/store.h"
#include "cli/transport/remote.h"
#include "transport/copy.h"

#include <fcntl.h>
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

static void print_blob(
	void *ctx, const struct oci_descriptor *d, enum transport_blob_state state, bool done)
{
	static const char *const words[] = {
		[TRANSPORT_BLOB_COPIED] = "copied",
		[TRANSPORT_BLOB_THERE] = "exists",
		[TRANSPORT_BLOB_REFERENCE] = "foreign: its reference only",
	};
	char size[CLI_SIZE_MAX];
	if (done)
		fprintf(stderr, "blob %.19s %8s  %s\n", d->digest, cli_size(d->size, size),
			words[state]);
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
		.told = cli_flag(c, "quiet") ? NULL : print_blob,
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

void copy_request_release(struct copy_request *q)
{
	oci_platform_release(&q->platform);
}

struct registry_open_options copy_side(
	struct cli *c, const struct remote *m, const char *tls, const char *cert_dir)
{
	struct registry_open_options o = m->open;
	if (cli_count(c, tls))
		o.tls = cli_tls(c, tls);
	if (cli_value(c, cert_dir))
		o.cert_dir = cli_value(c, cert_dir);
	return o;
}

static int write_digest(struct cli *c, const char *digest)
{
	const char *path = cli_value(c, "digestfile");
	if (!path)
		return 0;
	return file_write(AT_FDCWD, path, digest, strlen(digest), 0644, 0, &c->err);
}

static int run_copy(struct cli *c, struct remote *m, struct store *s, struct copy_request *q,
	const struct transport_place *a, const struct transport_place *b)
{
	struct registry_open_options in = copy_side(c, m, "src-tls-verify", "src-cert-dir");
	struct registry_open_options out = copy_side(c, m, "dest-tls-verify", "dest-cert-dir");
	const struct transport_world wi = {
		s, m->client, m->config, &in, q->o.tmp_dir, &m->trust, q->o.all};
	const struct transport_world wo = {
		s, m->client, m->config, &out, q->o.tmp_dir, NULL, false};
	struct transport_from *from cleanup_transport_from = NULL;
	struct transport_to *to cleanup_transport_to = NULL;
	struct transport_copied done;
	q->o.stop = m->stop;
	q->o.jobs = m->jobs;
	int r = transport_from_open(a, &wi, &from, &c->err);
	if (r >= 0)
		r = transport_to_open(b, &wo, &to, &c->err);
	if (r >= 0)
		r = transport_copy(from, to, &q->o, &done, &c->err);
	if (r >= 0)
		r = write_digest(c, done.digest);
	if (r >= 0 && !cli_flag(c, "quiet"))
		puts(done.digest);
	return r;
}

static int cmd_copy(struct cli *c)
{
	struct transport_place a cleanup_transport_place = {0}, b cleanup_transport_place = {0};
	struct copy_request q cleanup(copy_request_release) = {0};
	struct remote m cleanup_remote = {0};
	struct store *s cleanup_store = NULL;
	int r = transport_place_parse(c->operands[0], &a, &c->err);
	if (r >= 0)
		r = transport_place_parse(c->operands[1], &b, &c->err);
	if (r >= 0)
		r = copy_options(c, &q);
	if (r >= 0)
		r = remote_open(c, &m);
	if (r >= 0)
		r = remote_trust(c, &m);
	if (r >= 0 && (a.kind == TRANSPORT_KIND_STORE || b.kind == TRANSPORT_KIND_STORE))
		r = cli_store_open(c, &s, &c->err);
	return r < 0 ? r : run_copy(c, &m, s, &q, &a, &b);
}

CLI_COMMAND(copy, cmd_copy);
