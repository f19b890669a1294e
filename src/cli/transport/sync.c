/* kist sync: one copy after the other. sync_source.c finds out what there is to copy. */
#include "cli/transport/sync.h"

#include "base/file.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"
#include "oci/reference.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

void sync_item_release(struct sync_item *i)
{
	free(i->source);
	free(i->name);
	free(i->tag);
}

static bool is_digest(const char *tag)
{
	return oci_digest_valid(tag);
}

/* The part of the name that the destination keeps. */
static const char *kept_name(const struct sync *x, const struct sync_item *i)
{
	const char *slash = strrchr(i->name, '/');
	return cli_flag(x->c, "scoped") || !slash ? i->name : slash + 1;
}

/* Where an item goes: "docker://DEST/NAME:TAG", "dir:DEST/NAME:TAG", "oci:DEST/NAME:TAG". */
static char *destination(const struct sync *x, const struct sync_item *i, struct err *e)
{
	const char *dest = x->c->operands[1], *name = kept_name(x, i);
	size_t len = strlen(dest);
	while (len > 1 && dest[len - 1] == '/')
		len--;
	if (str_eq(x->dest, "dir"))
		return mem_printf("dir:%.*s/%s%c%s", (int)len, dest, name,
			is_digest(i->tag) ? '@' : ':', i->tag);
	/* a port inside a scoped name would end the path */
	char *path cleanup_free = mem_strdup(name);
	for (char *p = path; *p; p++)
		if (*p == ':')
			*p = '-';
	if (str_eq(x->dest, "oci"))
		return mem_printf("oci:%.*s/%s:%s", (int)len, dest, path, i->tag);
	struct oci_reference ref;
	char *text cleanup_free = mem_printf(
		"%.*s/%s%c%s", (int)len, dest, path, is_digest(i->tag) ? '@' : ':', i->tag);
	if (oci_reference_parse(text, &ref, e) < 0)
		return NULL;
	return mem_printf("docker://%s", text);
}

static int make_parents(const struct transport_place *p, struct err *e)
{
	if (p->kind != TRANSPORT_KIND_DIR && p->kind != TRANSPORT_KIND_OCI)
		return 0;
	char *dir cleanup_free = mem_strdup(p->path);
	char *slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return 0;
	*slash = 0;
	return file_mkdirs(AT_FDCWD, dir, 0777, e);
}

static int copy(struct sync *x, const struct sync_item *i, const struct transport_place *a,
	const struct transport_place *b, struct err *e)
{
	const struct remote *m = i->remote ? i->remote : &x->remote;
	const struct transport_world wi = {
		NULL, m->client, m->config, &m->open, x->q.o.tmp_dir, &m->trust, false, NULL};
	const struct transport_world wo = {NULL, x->dest_remote.client, x->dest_remote.config,
		&x->dest_remote.open, x->q.o.tmp_dir, NULL, false, NULL};
	struct transport_from *from cleanup_transport_from = NULL;
	struct transport_to *to cleanup_transport_to = NULL;
	struct transport_copied done;
	int r = transport_from_open(a, &wi, &from, e);
	if (r >= 0)
		r = make_parents(b, e);
	if (r >= 0)
		r = transport_to_open(b, &wo, &to, e);
	if (r >= 0)
		r = transport_copy(from, to, &x->q.o, &done, e);
	if (r >= 0)
		buf_printf(&x->digests, "%s %s\n", done.digest, b->text);
	return r;
}

static int sync_one(struct sync *x, const struct sync_item *i, struct err *e)
{
	struct transport_place a cleanup_transport_place = {0}, b cleanup_transport_place = {0};
	char *to cleanup_free = destination(x, i, e);
	if (!to)
		return -ERR_SYNTAX;
	int r = transport_place_parse(i->source, &a, e);
	if (r >= 0)
		r = transport_place_parse(to, &b, e);
	if (r < 0)
		return r;
	bool dry = cli_flag(x->c, "dry-run");
	if (dry || !cli_flag(x->c, "quiet")) {
		printf("%s%s -> %s\n", dry ? "would copy " : "", i->source, to);
		fflush(stdout);
	}
	return dry ? 0 : copy(x, i, &a, &b, e);
}

int sync_item(struct sync *x, const struct sync_item *i)
{
	struct err e = ERR_INIT;
	if (*x->remote.stop)
		return err_set(&x->c->err, ERR_INTERRUPTED, "interrupted");
	int r = sync_one(x, i, &e);
	if (r >= 0) {
		x->done++;
		return 0;
	}
	return sync_failed(x, i->source, r, &e);
}

int sync_failed(struct sync *x, const char *what, int r, struct err *e)
{
	err_wrap(e, r, "sync '%s'", what);
	if (!cli_flag(x->c, "keep-going") || r == -ERR_INTERRUPTED) {
		x->c->err = *e;
		return r;
	}
	cli_error(e);
	x->failed++;
	return 0;
}

static int read_options(struct sync *x)
{
	struct cli *c = x->c;
	static const char *const sources[] = {"yaml", "docker", "dir", "oci"};
	static const char *const dests[] = {"docker", "dir", "oci"};
	bool src = false, dest = false;
	x->src = cli_value(c, "src") ? cli_value(c, "src") : "yaml";
	x->dest = cli_value(c, "dest") ? cli_value(c, "dest") : "docker";
	for (size_t i = 0; i < ARRAY_SIZE(sources); i++)
		src |= str_eq(x->src, sources[i]);
	for (size_t i = 0; i < ARRAY_SIZE(dests); i++)
		dest |= str_eq(x->dest, dests[i]);
	if (!src)
		return err_set(
			&c->err, ERR_USAGE, "--src '%s': it is yaml, docker, dir or oci", x->src);
	if (!dest)
		return err_set(
			&c->err, ERR_USAGE, "--dest '%s': it is docker, dir or oci", x->dest);
	return copy_options(c, &x->q);
}

static void sync_release(struct sync *x)
{
	copy_request_release(&x->q);
	remote_release(&x->remote);
	remote_release(&x->dest_remote);
	buf_release(&x->digests);
}

static int cmd_sync(struct cli *c)
{
	struct sync x cleanup(sync_release) = {.c = c};
	int r = read_options(&x);
	if (r >= 0)
		r = copy_check_creds(c,
			str_eq(x.dest, "docker") && !str_eq(x.src, "dir") && !str_eq(x.src, "oci"));
	if (r >= 0)
		r = copy_open_source(c, &x.remote);
	if (r >= 0)
		r = copy_open_destination(c, &x.dest_remote);
	if (r < 0)
		return r;
	x.q.o.stop = x.remote.stop;
	x.q.o.jobs = x.remote.jobs;
	copy_show(c, &x.q, &x.remote, &x.dest_remote);
	r = sync_walk(&x, c->operands[0]);
	/* what has come before a failure is told, too */
	int written = outfile_write(
		cli_value(c, "digestfile"), buf_str(&x.digests), r < 0 ? NULL : &c->err);
	if (r < 0 || written < 0)
		return MIN(r, written);
	if (!cli_flag(c, "quiet") && !cli_flag(c, "dry-run"))
		printf("%zu image%s, %zu failed\n", x.done, x.done == 1 ? "" : "s", x.failed);
	if (!x.done && !x.failed)
		return err_set(
			&c->err, ERR_NOT_FOUND, "'%s' names nothing to copy", c->operands[0]);
	return x.failed ? 1 : 0;
}

CLI_COMMAND(sync, cmd_sync);
