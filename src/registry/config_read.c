/* kist's configuration file: the sections `registries` and `short-names`. What is wrong is said with
 * file and line; nothing of a file counts when a part of it is wrong. */
#include "registry/config_priv.h"

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "yaml/yaml.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void mirror_release(struct registry_mirror *m)
{
	free(m->location);
	free(m->ca);
	free(m->cert_dir);
	*m = (struct registry_mirror){0};
}

void registry_entry_release(struct registry_entry *n)
{
	free(n->prefix);
	free(n->origin);
	free(n->location);
	free(n->ca);
	free(n->cert_dir);
	for (size_t i = 0; i < n->nmirrors; i++)
		mirror_release(&n->mirrors[i]);
	free(n->mirrors);
	*n = (struct registry_entry){0};
}

/* host[:port][/path]: what can stand before a repository's name */
static bool is_place(const char *text)
{
	struct oci_reference r;
	char *whole cleanup_free = mem_printf("%s/x", text);
	return oci_reference_parse(whole, &r, NULL) >= 0 && *r.domain && !*r.tag && !*r.digest;
}

static int bad_place(
	const struct yaml_doc *d, unsigned line, const char *what, const char *text, struct err *e)
{
	int r = yaml_error(e, ERR_FORMAT, d, line,
		"%s: '%.200s' is no registry or repository prefix", what, text);
	if (strstr(text, "://"))
		err_hint(e, "write it without '%.*s'", (int)(strstr(text, "://") - text + 3), text);
	else
		err_hint(e, "write HOST[:PORT][/PATH]; HOST has a '.' or a port, or is localhost");
	return r;
}

static int read_place(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	char **ret, struct err *e)
{
	const char *text;
	int r = yaml_text(d, n, what, &text, e);
	if (r < 0)
		return r;
	if (!is_place(text))
		return bad_place(d, n->line, what, text, e);
	free(*ret);
	*ret = mem_strdup(text);
	return 0;
}

static int read_path(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	char **ret, struct err *e)
{
	const char *text;
	int r = yaml_text(d, n, what, &text, e);
	if (r < 0)
		return r;
	if (text[0] != '/')
		return yaml_error(e, ERR_FORMAT, d, n->line,
			"%s: '%.200s' must be an absolute path", what, text);
	if (!file_exists(AT_FDCWD, text))
		return yaml_error(
			e, ERR_NOT_FOUND, d, n->line, "%s: '%.200s' does not exist", what, text);
	free(*ret);
	*ret = mem_strdup(text);
	return 0;
}

static int read_only(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	struct registry_mirror *m, struct err *e)
{
	const char *text;
	int r = yaml_text(d, n, what, &text, e);
	if (r < 0)
		return r;
	m->no_tags = str_eq(text, "digests");
	m->no_digests = str_eq(text, "tags");
	if (!m->no_tags && !m->no_digests)
		return yaml_error(e, ERR_FORMAT, d, n->line, "%s: '%.100s': it is digests or tags",
			what, text);
	return 0;
}

static int read_mirror(const struct yaml_doc *d, const struct yaml_node *o, const char *what,
	struct registry_mirror *m, struct err *e)
{
	static const char *const keys[] = {"location", "insecure", "only", "ca", "cert-dir", NULL};
	if (o->kind == YAML_SCALAR)
		return read_place(d, o, what, &m->location, e);
	int r = yaml_expect(d, o, YAML_MAP, what, e);
	if (r >= 0)
		r = yaml_known_keys(d, o, what, keys, e);
	for (const struct yaml_node *n = r >= 0 ? o->first : NULL; n && r >= 0; n = n->next) {
		char *place cleanup_free = mem_printf("%s.%s", what, n->key);
		if (str_eq(n->key, "location"))
			r = read_place(d, n, place, &m->location, e);
		else if (str_eq(n->key, "insecure"))
			r = yaml_bool(d, n, place, &m->insecure, e);
		else if (str_eq(n->key, "only"))
			r = read_only(d, n, place, m, e);
		else if (str_eq(n->key, "ca"))
			r = read_path(d, n, place, &m->ca, e);
		else
			r = read_path(d, n, place, &m->cert_dir, e);
	}
	if (r >= 0 && !m->location)
		return yaml_error(e, ERR_FORMAT, d, o->line, "%s: 'location' is missing", what);
	return r;
}

static int read_mirrors(const struct yaml_doc *d, const struct yaml_node *list, const char *what,
	struct registry_entry *entry, struct err *e)
{
	int r = yaml_expect(d, list, YAML_LIST, what, e);
	if (r < 0)
		return r;
	entry->mirrors = mem_array(list->n + 1, sizeof(*entry->mirrors));
	for (const struct yaml_node *n = list->first; n && r >= 0; n = n->next) {
		char *place cleanup_free = mem_printf("%s[%zu]", what, entry->nmirrors);
		r = read_mirror(d, n, place, &entry->mirrors[entry->nmirrors++], e);
	}
	return r;
}

/* "*", "*.example.org", or what is_place says */
static bool is_prefix(const char *text)
{
	if (str_eq(text, "*"))
		return true;
	if (str_starts(text, "*."))
		return !strchr(text, '/') && is_place(text + 2);
	return is_place(text);
}

static int read_member(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	struct registry_entry *entry, struct err *e)
{
	if (str_eq(n->key, "location"))
		return read_place(d, n, what, &entry->location, e);
	if (str_eq(n->key, "mirrors"))
		return read_mirrors(d, n, what, entry, e);
	if (str_eq(n->key, "insecure"))
		return yaml_bool(d, n, what, &entry->insecure, e);
	if (str_eq(n->key, "blocked"))
		return yaml_bool(d, n, what, &entry->blocked, e);
	if (str_eq(n->key, "offline"))
		return yaml_bool(d, n, what, &entry->offline, e);
	if (str_eq(n->key, "ca"))
		return read_path(d, n, what, &entry->ca, e);
	return read_path(d, n, what, &entry->cert_dir, e);
}

static int read_entry(const struct yaml_doc *d, const struct yaml_node *o,
	struct registry_entry *entry, struct err *e)
{
	static const char *const keys[] = {
		"location", "mirrors", "insecure", "blocked", "offline", "ca", "cert-dir", NULL};
	if (!is_prefix(o->key))
		return bad_place(d, o->key_line, "registries", o->key, e);
	char *what cleanup_free = mem_printf("registries.%s", o->key);
	int r = yaml_expect(d, o, YAML_MAP, what, e);
	if (r >= 0)
		r = yaml_known_keys(d, o, what, keys, e);
	if (r < 0)
		return r;
	entry->prefix = mem_strdup(o->key);
	entry->origin = mem_printf("%s:%u", d->name, o->key_line);
	for (const struct yaml_node *n = o->first; n && r >= 0; n = n->next) {
		char *place cleanup_free = mem_printf("%s.%s", what, n->key);
		r = read_member(d, n, place, entry, e);
	}
	return r;
}

/* A later entry of the same prefix takes the place of the earlier one. */
static void put_entry(struct registry_config *c, struct registry_entry *entry)
{
	size_t i = 0;
	while (i < c->n && !str_eq(c->v[i].prefix, entry->prefix))
		i++;
	if (i == c->n) {
		c->v = mem_realloc(c->v, c->n + 1, sizeof(*c->v));
		c->n++;
	} else {
		registry_entry_release(&c->v[i]);
	}
	c->v[i] = *entry;
	*entry = (struct registry_entry){0};
}

static int read_registries(struct registry_config *c, const struct yaml_doc *d,
	const struct yaml_node *o, struct err *e)
{
	if (yaml_is_null(o))
		return 0;
	int r = yaml_expect(d, o, YAML_MAP, "registries", e);
	for (const struct yaml_node *n = r >= 0 ? o->first : NULL; n && r >= 0; n = n->next) {
		struct registry_entry entry cleanup_registry_entry = {0};
		r = read_entry(d, n, &entry, e);
		if (r >= 0)
			put_entry(c, &entry);
	}
	return r;
}

static int read_alias(struct registry_config *c, const struct yaml_doc *d,
	const struct yaml_node *n, struct err *e)
{
	struct oci_reference name, target;
	char *what cleanup_free = mem_printf("short-names.aliases.%s", n->key);
	if (oci_reference_parse(n->key, &name, NULL) < 0 || *name.domain || *name.tag ||
		*name.digest)
		return yaml_error(e, ERR_FORMAT, d, n->key_line,
			"short-names.aliases: '%.200s' is no short name (no registry, no tag)",
			n->key);
	const char *text;
	int r = yaml_text(d, n, what, &text, e);
	if (r < 0)
		return r;
	if (oci_reference_parse(text, &target, NULL) < 0 || !*target.domain || *target.tag ||
		*target.digest)
		return yaml_error(e, ERR_FORMAT, d, n->line,
			"%s: '%.200s' is no full name (REGISTRY/PATH without a tag)", what, text);
	strv_env_set(&c->aliases, n->key, text);
	return 0;
}

static int read_short_names(struct registry_config *c, const struct yaml_doc *d,
	const struct yaml_node *o, struct err *e)
{
	static const char *const keys[] = {"aliases", "registries", NULL};
	if (yaml_is_null(o))
		return 0;
	int r = yaml_expect(d, o, YAML_MAP, "short-names", e);
	if (r >= 0)
		r = yaml_known_keys(d, o, "short-names", keys, e);
	if (r < 0)
		return r;
	const struct yaml_node *aliases = yaml_get(o, "aliases"), *list = yaml_get(o, "registries");
	if (!yaml_is_null(aliases))
		r = yaml_expect(d, aliases, YAML_MAP, "short-names.aliases", e);
	for (const struct yaml_node *n = yaml_is_null(aliases) ? NULL : aliases->first; n && r >= 0;
		n = n->next)
		r = read_alias(c, d, n, e);
	if (r < 0 || !list)
		return r;
	/* a later file's list replaces the earlier one, also by an empty one */
	strv_release(&c->search);
	if (yaml_is_null(list))
		return 0;
	r = yaml_texts(d, list, "short-names.registries", &c->search, e);
	for (size_t i = 0; i < c->search.n && r >= 0; i++)
		if (!is_place(c->search.v[i]))
			r = bad_place(d, list->line, "short-names.registries", c->search.v[i], e);
	return r;
}

static int read_document(struct registry_config *c, const struct yaml_doc *d, struct err *e)
{
	static const char *const keys[] = {"registries", "short-names", NULL};
	if (yaml_is_null(d->root))
		return 0;
	int r = yaml_expect(d, d->root, YAML_MAP, "configuration", e);
	if (r >= 0)
		r = yaml_known_keys(d, d->root, "", keys, e);
	if (r >= 0)
		r = read_registries(c, d, yaml_get(d->root, "registries"), e);
	if (r >= 0)
		r = read_short_names(c, d, yaml_get(d->root, "short-names"), e);
	return r;
}

int registry_config_parse(
	struct registry_config *c, const char *bytes, size_t len, const char *name, struct err *e)
{
	struct yaml_doc d cleanup_yaml = YAML_INIT;
	int r = yaml_parse(bytes, len, name, &d, e);
	if (r < 0)
		return r;
	strv_add(&c->files, name);
	return read_document(c, &d, e);
}

int registry_config_load(
	struct registry_config *c, const char *path, bool missing_ok, struct err *e)
{
	/* looked for first: libfyaml is not loaded for a file that is not there */
	if (missing_ok && !file_exists(AT_FDCWD, path))
		return 0;
	struct yaml_doc d cleanup_yaml = YAML_INIT;
	int r = yaml_load(path, &d, e);
	if (r < 0)
		return r;
	strv_add(&c->files, path);
	return read_document(c, &d, e);
}
