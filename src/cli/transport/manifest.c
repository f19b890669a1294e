/* kist manifest create|add|annotate|inspect|push|remove|rm|exists. */
#include "cli/store.h"
#include "cli/table.h"
#include "cli/transport/copy.h"
#include "cli/transport/remote.h"

#include "base/limits.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/str.h"
#include "store/image.h"
#include "transport/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct command {
	struct cli *c;
	struct store *store;
	struct remote remote;
	struct remote sources; /* push: where the images come from; --creds are for where they go */
	struct copy_request q;
	struct transport_world world;
	struct transport_list list;
	struct transport_list_entry entry;
	char name[OCI_REFERENCE_MAX]; /* of the list */
};

static void command_release(struct command *m)
{
	transport_list_release(&m->list);
	strv_release(&m->entry.os_features);
	strv_release(&m->entry.features);
	strv_release(&m->entry.annotations);
	copy_request_release(&m->q);
	remote_release(&m->remote);
	remote_release(&m->sources);
	store_close(m->store);
}

static int read_entry(struct command *m)
{
	struct cli *c = m->c;
	struct transport_list_entry *w = &m->entry;
	struct strv *lists[] = {&w->os_features, &w->features};
	static const char *const names[] = {"os-features", "features"};
	w->os = cli_value(c, "os");
	w->arch = cli_value(c, "arch");
	w->variant = cli_value(c, "variant");
	w->os_version = cli_value(c, "os-version");
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		const char *text = cli_value(c, names[i]);
		char *copy cleanup_free = mem_strdup(text), *next = copy, *part;
		while (next && (part = strsep(&next, ",")))
			if (*part)
				strv_add(lists[i], part);
	}
	for (size_t i = 0; i < cli_count(c, "annotation"); i++) {
		const char *text = cli_value_at(c, "annotation", i);
		if (!strchr(text, '=') || text[0] == '=')
			return err_set(
				&c->err, ERR_USAGE, "--annotation '%s' is not NAME=VALUE", text);
		strv_add(&w->annotations, text);
	}
	return 0;
}

/* An image of the store comes before a name in a registry. base: where it will come from. */
static int open_image(struct command *m, const char *text, struct transport_from **ret, char **base)
{
	struct transport_place p cleanup_transport_place = {0};
	struct store_image img cleanup_store_image = {0};
	struct cli *c = m->c;
	bool whole = transport_place_is(text);
	bool ours = str_starts(text, "store:") ||
		    (!whole && store_image_find(m->store, text, &img, NULL) >= 0);
	char *full cleanup_free = whole  ? mem_strdup(text)
				  : ours ? mem_printf("store:%s", img.id)
					 : mem_printf("docker://%s", text);
	int r = transport_place_parse(full, &p, &c->err);
	if (r >= 0 && p.kind != TRANSPORT_KIND_STORE && p.kind != TRANSPORT_KIND_REGISTRY) {
		r = err_set(&c->err, ERR_USAGE,
			"'%s': a list holds images of the store and of registries", text);
		err_hint(&c->err, "kist copy %s store:NAME brings it here", text);
	}
	if (r >= 0 && ours && whole)
		r = store_image_find(m->store, p.path, &img, &c->err);
	if (r >= 0)
		r = transport_from_open(&p, &m->world, ret, &c->err);
	if (r < 0)
		return r;
	if (ours) {
		*base = mem_printf("store:%s", img.id);
		return 0;
	}
	char repo[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
	oci_reference_split((*ret)->reference, repo, tag);
	*base = mem_printf("docker://%s", repo);
	return 0;
}

static int add_images(struct command *m, int first, struct strv *digests)
{
	int r = 0;
	for (int i = first; i < m->c->n_operands && r >= 0; i++) {
		struct transport_from *from cleanup_transport_from = NULL;
		char *base cleanup_free = NULL;
		r = open_image(m, m->c->operands[i], &from, &base);
		if (r >= 0)
			r = transport_list_add(
				&m->list, from, base, &m->entry, &m->q.o, digests, &m->c->err);
	}
	return r;
}

static int do_create(struct command *m)
{
	struct strv digests cleanup_strv = STRV_INIT;
	struct err none = ERR_INIT;
	bool there = transport_list_load(m->store, m->name, &m->list, &none) >= 0;
	if (there && !cli_flag(m->c, "amend")) {
		err_set(&m->c->err, ERR_EXISTS, "the manifest list %s is there already", m->name);
		err_hint(&m->c->err, "--amend goes on with it; `kist manifest rm` forgets it");
		return -ERR_EXISTS;
	}
	if (!there)
		transport_list_new(&m->list, m->name);
	int r = add_images(m, 2, &digests);
	if (r >= 0)
		r = transport_list_save(m->store, &m->list, &m->c->err);
	if (r >= 0 && !cli_flag(m->c, "quiet"))
		puts(m->name);
	return r;
}

static int do_add(struct command *m)
{
	struct strv digests cleanup_strv = STRV_INIT;
	int r = transport_list_load(m->store, m->name, &m->list, &m->c->err);
	if (r >= 0 && m->c->n_operands < 3)
		r = err_set(&m->c->err, ERR_USAGE, "add needs a list and an image");
	if (r >= 0)
		r = add_images(m, 2, &digests);
	if (r >= 0)
		r = transport_list_save(m->store, &m->list, &m->c->err);
	for (size_t i = 0; r >= 0 && i < digests.n && !cli_flag(m->c, "quiet"); i++)
		puts(digests.v[i]);
	return r;
}

/* docker names the entry by the image, podman by its digest. */
static int entry_digest(struct command *m, const char *text, char **ret)
{
	struct transport_from *from cleanup_transport_from = NULL;
	struct transport_list scratch cleanup_transport_list = {0};
	struct strv digests cleanup_strv = STRV_INIT;
	char *base cleanup_free = NULL;
	const char *hex = str_starts(text, "sha256:") ? text + 7 : text;
	if (hex[strspn(hex, "0123456789abcdef")] == 0) {
		*ret = mem_strdup(text);
		return 0;
	}
	int r = open_image(m, text, &from, &base);
	transport_list_new(&scratch, m->name);
	const struct transport_list_entry nothing = {0};
	if (r >= 0)
		r = transport_list_add(
			&scratch, from, base, &nothing, &m->q.o, &digests, &m->c->err);
	if (r >= 0)
		*ret = mem_strdup(digests.n ? digests.v[0] : "");
	return r;
}

static int do_change(struct command *m, bool removal)
{
	char *digest cleanup_free = NULL;
	int r = transport_list_load(m->store, m->name, &m->list, &m->c->err);
	if (r >= 0 && m->c->n_operands != 3)
		r = err_set(&m->c->err, ERR_USAGE, "%s needs a list and one of its entries",
			m->c->operands[0]);
	if (r >= 0)
		r = entry_digest(m, m->c->operands[2], &digest);
	if (r >= 0)
		r = removal ? transport_list_remove(&m->list, digest, &m->c->err)
			    : transport_list_annotate(&m->list, digest, &m->entry, &m->c->err);
	if (r >= 0)
		r = transport_list_save(m->store, &m->list, &m->c->err);
	return r;
}

static int print_document(struct command *m, const char *bytes, size_t len)
{
	json_t *doc cleanup_json = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_MANIFEST, "manifest", &doc, &m->c->err);
	if (r >= 0)
		cli_print_json(doc, true, stdout);
	return r;
}

static int inspect_remote(struct command *m)
{
	struct transport_place p cleanup_transport_place = {0};
	struct transport_from *from cleanup_transport_from = NULL;
	struct transport_document doc cleanup_transport_document = {0};
	const char *text = m->c->operands[1];
	char *full cleanup_free =
		transport_place_is(text) ? mem_strdup(text) : mem_printf("docker://%s", text);
	int r = transport_place_parse(full, &p, &m->c->err);
	if (r >= 0)
		r = transport_from_open(&p, &m->world, &from, &m->c->err);
	if (r >= 0)
		r = transport_from_manifest(from, NULL, &doc, &m->c->err);
	return r < 0 ? r : print_document(m, doc.bytes.data, doc.bytes.len);
}

static int do_inspect(struct command *m)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct err none = ERR_INIT;
	if (!*m->name || transport_list_load(m->store, m->name, &m->list, &none) < 0)
		return inspect_remote(m);
	transport_list_format(&m->list, &b);
	return print_document(m, b.data, b.len);
}

static int open_sources(struct command *m, struct transport_world *ret)
{
	int r = remote_open(m->c, &m->sources);
	registry_credentials_release(&m->sources.given);
	m->sources.open.tls = m->remote.open.tls;
	*ret = m->world;
	ret->client = m->sources.client;
	ret->remote = &m->sources.open;
	return r;
}

static int do_push(struct command *m)
{
	struct transport_world from;
	struct transport_place p cleanup_transport_place = {0};
	struct transport_to *to cleanup_transport_to = NULL;
	struct transport_copied done;
	struct cli *c = m->c;
	const char *dest = c->n_operands > 2 ? c->operands[2] : m->name;
	char *full cleanup_free =
		transport_place_is(dest) ? mem_strdup(dest) : mem_printf("docker://%s", dest);
	int r = transport_list_load(m->store, m->name, &m->list, &c->err);
	if (r >= 0)
		r = transport_place_parse(full, &p, &c->err);
	if (r >= 0)
		r = transport_to_open(&p, &m->world, &to, &c->err);
	if (r >= 0 && (to->needs & TRANSPORT_TO_SINGLE))
		r = err_set(&c->err, ERR_UNSUPPORTED, "'%s' holds one image", full);
	if (r >= 0)
		r = open_sources(m, &from);
	if (r >= 0)
		copy_show(c, &m->q, &m->remote, &m->sources);
	if (r >= 0)
		r = transport_list_push(&m->list, &from, to, &m->q.o, &done, &c->err);
	if (r >= 0 && (cli_flag(c, "purge") || cli_flag(c, "rm")))
		r = transport_list_delete(m->store, m->name, &c->err);
	if (r >= 0)
		r = outfile_write(cli_value(c, "digestfile"), done.digest, &c->err);
	if (r >= 0 && !cli_flag(c, "quiet"))
		puts(done.digest);
	return r;
}

static int do_rm(struct command *m)
{
	int r = 0;
	for (int i = 1; i < m->c->n_operands && r >= 0; i++) {
		r = oci_reference_tag(m->c->operands[i], m->name, &m->c->err);
		if (r >= 0)
			r = transport_list_delete(m->store, m->name, &m->c->err);
		if (r >= 0 && !cli_flag(m->c, "quiet"))
			puts(m->name);
	}
	return r;
}

static int run(struct command *m, const char *verb)
{
	if (str_eq(verb, "create"))
		return do_create(m);
	if (str_eq(verb, "add"))
		return do_add(m);
	if (str_eq(verb, "annotate") || str_eq(verb, "remove"))
		return do_change(m, verb[0] == 'r');
	if (str_eq(verb, "inspect"))
		return do_inspect(m);
	if (str_eq(verb, "push"))
		return do_push(m);
	if (str_eq(verb, "rm"))
		return do_rm(m);
	if (str_eq(verb, "exists"))
		return transport_list_load(m->store, m->name, &m->list, NULL) < 0;
	return err_set(&m->c->err, ERR_USAGE,
		"'%s': it is create, add, annotate, inspect, push, remove, rm or exists", verb);
}

static int cmd_manifest(struct cli *c)
{
	struct command m cleanup(command_release) = {.c = c};
	bool inspect = str_eq(c->operands[0], "inspect");
	int r = oci_reference_tag(c->operands[1], m.name, inspect ? NULL : &c->err);
	if (r < 0 && inspect) {
		m.name[0] = 0; /* a digest, a transport: no list, but something to look at */
		r = 0;
	}
	if (r >= 0)
		r = read_entry(&m);
	if (r >= 0)
		r = copy_options(c, &m.q);
	if (r >= 0)
		r = remote_open(c, &m.remote);
	if (r >= 0)
		r = remote_trust(c, &m.remote);
	if (r >= 0)
		r = cli_store_open(c, &m.store, &c->err);
	if (r < 0)
		return r;
	if (cli_flag(c, "insecure"))
		m.remote.open.tls = REGISTRY_TLS_UNCHECKED;
	m.q.o.stop = m.remote.stop;
	m.q.o.jobs = m.remote.jobs;
	m.world = (struct transport_world){m.store, m.remote.client, m.remote.config,
		&m.remote.open, m.q.o.tmp_dir, &m.remote.trust, false};
	return run(&m, c->operands[0]);
}

CLI_COMMAND(manifest, cmd_manifest);
