/* kist tags and kist delete: what is in a registry. */
#include "cli/table.h"
#include "cli/transport/remote.h"

#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"
#include "oci/reference.h"
#include "registry/client/list.h"
#include "registry/client/manifest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *without_scheme(const char *text)
{
	return str_starts(text, "docker://") ? text + strlen("docker://") : text;
}

static int open_name(struct remote *m, const char *name, enum registry_use use,
	struct oci_reference *ref, struct registry_repo **ret, struct err *e)
{
	struct registry_open_options o = m->open;
	o.use = use;
	int r = oci_reference_parse(name, ref, e);
	return r < 0 ? r : registry_open(m->client, m->config, ref, &o, ret, e);
}

static int add_tag(void *arg, const char *name, struct err *e)
{
	strv_add(arg, name);
	return 0;
}

static int read_limit(struct cli *c, struct registry_list *list)
{
	const char *text = cli_value(c, "limit"), *format = cli_value(c, "format");
	uint64_t n = 0;
	if (text && (str_parse_u64(text, 10, &n) < 0 || n < 1 || n > 1000000))
		return err_set(&c->err, ERR_USAGE, "--limit '%s': it is a number from 1", text);
	if (format && !str_eq(format, "json"))
		return err_set(&c->err, ERR_USAGE, "--format '%s': it is json", format);
	list->n = (unsigned)n;
	list->last = cli_value(c, "last");
	return 0;
}

/* The first of the names that a registry knows. */
static int list_tags(struct cli *c, struct remote *m, const struct registry_list *list, char **ret)
{
	struct strv names cleanup_strv = STRV_INIT;
	int r = registry_config_names(m->config, without_scheme(c->operands[0]), &names, &c->err);
	for (size_t i = 0; i < names.n && r >= 0; i++) {
		struct registry_repo *repo cleanup_registry_repo = NULL;
		struct oci_reference ref;
		err_clear(&c->err);
		r = open_name(m, names.v[i], REGISTRY_FETCH, &ref, &repo, &c->err);
		if (r >= 0)
			r = registry_tags(repo, list, &c->err);
		if (r >= 0) {
			*ret = mem_printf("%s/%s", ref.domain, ref.path);
			return 0;
		}
		if (r == -ERR_NOT_FOUND && i + 1 < names.n)
			r = 0;
	}
	return r;
}

static int cmd_tags(struct cli *c)
{
	struct remote m cleanup_remote = {0};
	struct strv tags cleanup_strv = STRV_INIT;
	char *name cleanup_free = NULL;
	struct registry_list list = {.each = add_tag, .arg = &tags};
	struct oci_reference ref;
	int r = oci_reference_parse(without_scheme(c->operands[0]), &ref, &c->err);
	if (r >= 0 && (*ref.tag || *ref.digest))
		r = err_set(&c->err, ERR_USAGE, "'%s' has a tag or a digest: name the repository",
			c->operands[0]);
	if (r >= 0)
		r = read_limit(c, &list);
	if (r >= 0)
		r = remote_open(c, &m);
	if (r >= 0)
		r = list_tags(c, &m, &list, &name);
	if (r < 0)
		return r;
	if (cli_value(c, "format")) {
		json_t *o cleanup_json = json_object();
		json_object_set_new(o, "Repository", oci_json_text(name));
		json_object_set_new(o, "Tags", oci_json_from_strings(&tags));
		cli_print_json(o, true, stdout);
		return 0;
	}
	for (size_t i = 0; i < tags.n; i++)
		puts(tags.v[i]);
	return 0;
}

static int no_tags_alone(struct cli *c, const char *name, const char *digest, struct err *e)
{
	err_clear(e);
	err_set(e, ERR_UNSUPPORTED,
		"the registry of '%s' does not remove a tag alone; the image is %s", name, digest);
	err_hint(e, "kist delete --remote --all-tags %s removes the image with all its tags", name);
	return -ERR_UNSUPPORTED;
}

static int delete_one(struct cli *c, struct remote *m, const char *text, struct err *e)
{
	struct registry_repo *repo cleanup_registry_repo = NULL;
	struct registry_manifest head cleanup_registry_manifest = {0};
	struct oci_reference ref;
	int r = oci_reference_parse(text, &ref, e);
	if (r >= 0 && !*ref.domain)
		r = err_set(e, ERR_USAGE, "'%s' names no registry", text);
	if (r < 0)
		return r;
	oci_reference_normalise_local(&ref);
	struct registry_open_options o = m->open;
	o.use = REGISTRY_PUSH;
	r = registry_open(m->client, m->config, &ref, &o, &repo, e);
	if (r >= 0)
		r = registry_manifest_head(repo, *ref.digest ? ref.digest : ref.tag, &head, e);
	if (r < 0)
		return r;
	bool image = *ref.digest || cli_flag(c, "all-tags");
	r = registry_manifest_delete(repo, image ? head.digest : ref.tag, e);
	if (r == -ERR_UNSUPPORTED && !image)
		return no_tags_alone(c, text, head.digest, e);
	if (r >= 0 && !cli_flag(c, "quiet"))
		printf("%s %s\n", image ? "Deleted:" : "Untagged:", image ? head.digest : text);
	return r;
}

static int cmd_delete(struct cli *c)
{
	struct remote m cleanup_remote = {0};
	int status = 0;
	if (!cli_flag(c, "remote")) {
		err_set(&c->err, ERR_USAGE, "delete works on registries: say --remote");
		err_hint(&c->err, "`kist rmi %s` removes what is here", c->operands[0]);
		return -ERR_USAGE;
	}
	int r = remote_open(c, &m);
	for (int i = 0; i < c->n_operands && r >= 0; i++) {
		struct err e = ERR_INIT;
		if (delete_one(c, &m, without_scheme(c->operands[i]), &e) < 0) {
			cli_error(&e);
			status = 1;
		}
	}
	return r < 0 ? r : status;
}

CLI_COMMAND(tags, cmd_tags);
CLI_COMMAND(delete, cmd_delete);
