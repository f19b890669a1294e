/* Answers from the configuration: where a repository is asked for, what a short name means. */
#include "registry/config_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"

#include <stdlib.h>
#include <string.h>

struct registry_config *registry_config_new(void)
{
	return mem_alloc(sizeof(struct registry_config));
}

void registry_config_free(struct registry_config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		registry_entry_release(&c->v[i]);
	free(c->v);
	strv_release(&c->aliases);
	strv_release(&c->search);
	strv_release(&c->files);
	free(c);
}

void registry_places_release(struct registry_places *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].host);
		free(p->v[i].repository);
		free(p->v[i].ca);
		free(p->v[i].cert_dir);
	}
	free(p->v);
	*p = (struct registry_places){0};
}

/* How many bytes of name (DOMAIN/PATH) a prefix covers; 0: it does not fit. The host of a pattern
 * is covered as a whole. */
static size_t covers(const char *prefix, const char *name)
{
	size_t host = strcspn(name, "/"), len = strlen(prefix);
	if (str_eq(prefix, "*"))
		return host;
	if (str_starts(prefix, "*.")) {
		const char *end = prefix + 1; /* ".example.org" */
		size_t n = len - 1;
		return host > n && memcmp(name + host - n, end, n) == 0 ? host : 0;
	}
	if (strncmp(name, prefix, len) != 0)
		return 0;
	return name[len] == '/' || !name[len] ? len : 0;
}

/* The most exact entry: the longest prefix; "*" is shorter than everything. */
static const struct registry_entry *find_entry(
	const struct registry_config *c, const char *name, size_t *ret_covered)
{
	const struct registry_entry *best = NULL;
	size_t best_len = 0;
	for (size_t i = 0; i < c->n; i++) {
		size_t covered = covers(c->v[i].prefix, name), len = strlen(c->v[i].prefix);
		bool pattern = c->v[i].prefix[0] == '*';
		/* any exact prefix is better than any pattern */
		size_t rank = covered ? len + (pattern ? 0 : 1000) : 0;
		if (rank > best_len) {
			best = &c->v[i];
			best_len = rank;
			*ret_covered = covered;
		}
	}
	return best;
}

/* location and what of name the prefix did not cover */
static void add_place(struct registry_places *p, const char *location, const char *rest,
	const struct registry_place *like)
{
	char *whole cleanup_free = mem_printf("%s%s", location, rest);
	size_t host = strcspn(whole, "/");
	p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
	struct registry_place *n = &p->v[p->n++];
	*n = *like;
	n->host = mem_strndup(whole, host);
	n->repository = mem_strdup(whole[host] ? whole + host + 1 : "");
	n->ca = mem_strdup(like->ca);
	n->cert_dir = mem_strdup(like->cert_dir);
}

static int nowhere(
	const struct registry_entry *entry, const char *name, enum registry_use use, struct err *e)
{
	int r = err_set(e, ERR_UNSUPPORTED, "'%s' is offline by %s%s", name, entry->origin,
		use == REGISTRY_PUSH ? ": nothing is pushed there"
		: entry->nmirrors    ? ", and no mirror of it may answer for this name"
				     : ", and it has no mirror");
	err_hint(e, "load the image from a file, or remove 'offline' there");
	return r;
}

int registry_config_places(const struct registry_config *c, const struct oci_reference *ref,
	enum registry_use use, struct registry_places *ret, struct err *e)
{
	struct registry_places p cleanup_registry_places = {0};
	char *name cleanup_free = mem_printf("%s/%s", ref->domain, ref->path);
	size_t covered = 0;
	const struct registry_entry *entry = c ? find_entry(c, name, &covered) : NULL;
	if (entry && entry->blocked)
		return err_set(e, ERR_UNSUPPORTED, "'%s' is blocked by %s", name, entry->origin);
	const char *rest = name + covered;
	for (size_t i = 0; entry && use == REGISTRY_FETCH && i < entry->nmirrors; i++) {
		const struct registry_mirror *m = &entry->mirrors[i];
		if (*ref->digest ? m->no_digests : m->no_tags)
			continue;
		add_place(&p, m->location, rest,
			&(struct registry_place){.mirror = true,
				.insecure = m->insecure,
				.tags = !m->no_tags,
				.ca = m->ca,
				.cert_dir = m->cert_dir});
	}
	if (!entry) {
		add_place(&p, name, "", &(struct registry_place){.tags = true});
	} else if (!entry->offline) {
		char *same cleanup_free = mem_strndup(name, covered);
		add_place(&p, entry->location ?: same, rest,
			&(struct registry_place){.insecure = entry->insecure,
				.tags = true,
				.ca = entry->ca,
				.cert_dir = entry->cert_dir});
	}
	if (!p.n)
		return nowhere(entry, name, use, e);
	*ret = p;
	p = (struct registry_places){0};
	return 0;
}

bool registry_config_is_mirror(const struct registry_config *c, const char *key)
{
	size_t host = strcspn(key, "/");
	for (size_t i = 0; c && i < c->n; i++)
		for (size_t k = 0; k < c->v[i].nmirrors; k++) {
			const char *at = c->v[i].mirrors[k].location;
			if (strcspn(at, "/") == host && strncmp(at, key, host) == 0)
				return true;
		}
	return false;
}

static void add_name(
	const char *place, const char *path, const struct oci_reference *like, struct strv *ret)
{
	char *whole cleanup_free = mem_printf("%s%s%s", place, path ? "/" : "", path ? path : "");
	struct oci_reference r;
	if (oci_reference_parse(whole, &r, NULL) < 0)
		return;
	memcpy(r.tag, like->tag, sizeof(r.tag));
	memcpy(r.digest, like->digest, sizeof(r.digest));
	oci_reference_normalise_local(&r);
	char text[OCI_REFERENCE_MAX];
	strv_add(ret, oci_reference_format(&r, text));
}

int registry_config_names(
	const struct registry_config *c, const char *text, struct strv *ret, struct err *e)
{
	struct oci_reference r;
	int k = oci_reference_parse(text, &r, e);
	if (k < 0)
		return k;
	size_t before = ret->n;
	const char *alias = c && !*r.domain ? strv_env_get(&c->aliases, r.path) : NULL;
	if (*r.domain) {
		char *place cleanup_free = mem_printf("%s/%s", r.domain, r.path);
		add_name(place, NULL, &r, ret);
	} else if (alias) {
		add_name(alias, NULL, &r, ret);
	} else {
		for (size_t i = 0; c && i < c->search.n; i++)
			add_name(c->search.v[i], r.path, &r, ret);
	}
	if (ret->n > before)
		return 0;
	k = err_set(e, ERR_NOT_FOUND,
		"the short name '%s' names no registry, and no registry is configured for short "
		"names",
		text);
	char *file = c && c->files.n ? c->files.v[c->files.n - 1] : NULL;
	err_hint(e,
		"write the whole name, such as docker.io/%s%s, or list the registries to try in "
		"%s:\nshort-names:\n  registries: [docker.io]",
		strchr(r.path, '/') ? "" : "library/", text, file ?: "/etc/kist/config.yaml");
	return k;
}
