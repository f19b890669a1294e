/* skopeo's YAML list of what to synchronise. */
#include "transport/sync_list.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "yaml/yaml.h"

#include <stdlib.h>
#include <string.h>

static void registry_release(struct transport_sync_registry *r)
{
	for (size_t i = 0; i < r->n; i++) {
		free(r->v[i].path);
		strv_release(&r->v[i].tags);
		transport_pattern_free(r->v[i].pattern);
	}
	free(r->v);
	free(r->host);
	free(r->username);
	if (r->password)
		explicit_bzero(r->password, strlen(r->password));
	free(r->password);
	free(r->cert_dir);
}

void transport_sync_list_release(struct transport_sync_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		registry_release(&l->v[i]);
	free(l->v);
	*l = (struct transport_sync_list){0};
}

static int add_repository(const struct yaml_doc *d, const struct yaml_node *n,
	struct transport_sync_registry *r, struct transport_sync_repository **ret, struct err *e)
{
	struct oci_reference ref;
	char *whole cleanup_free = mem_printf("%s/%s", r->host, n->key);
	if (oci_reference_parse(whole, &ref, NULL) < 0 || *ref.tag || *ref.digest)
		return yaml_error(e, ERR_FORMAT, d, n->key_line,
			"'%.200s' is no repository (a path without a tag)", n->key);
	r->v = mem_realloc(r->v, r->n + 1, sizeof(*r->v));
	r->v[r->n] = (struct transport_sync_repository){.path = mem_strdup(n->key)};
	*ret = &r->v[r->n++];
	return 0;
}

static bool is_tag(const char *text)
{
	struct oci_reference ref;
	char *whole cleanup_free = mem_printf("x%s%s", oci_digest_valid(text) ? "@" : ":", text);
	return oci_reference_parse(whole, &ref, NULL) >= 0;
}

static int read_images(const struct yaml_doc *d, const struct yaml_node *o,
	struct transport_sync_registry *r, struct err *e)
{
	int k = yaml_expect(d, o, YAML_MAP, "images", e);
	for (const struct yaml_node *n = k >= 0 ? o->first : NULL; n && k >= 0; n = n->next) {
		struct transport_sync_repository *repo;
		k = add_repository(d, n, r, &repo, e);
		if (k >= 0 && !yaml_is_null(n))
			k = yaml_texts(d, n, n->key, &repo->tags, e);
		for (size_t i = 0; k >= 0 && i < repo->tags.n; i++)
			if (!is_tag(repo->tags.v[i]))
				k = yaml_error(e, ERR_FORMAT, d, n->line,
					"%s: '%.150s' is neither a tag nor a digest", n->key,
					repo->tags.v[i]);
	}
	return k;
}

static int read_patterns(const struct yaml_doc *d, const struct yaml_node *o,
	int (*make)(const char *, struct transport_pattern **, struct err *),
	struct transport_sync_registry *r, struct err *e)
{
	int k = yaml_expect(d, o, YAML_MAP, o->key, e);
	for (const struct yaml_node *n = k >= 0 ? o->first : NULL; n && k >= 0; n = n->next) {
		struct transport_sync_repository *repo;
		const char *text;
		k = add_repository(d, n, r, &repo, e);
		if (k >= 0)
			k = yaml_text(d, n, n->key, &text, e);
		if (k < 0)
			return k;
		struct err why = ERR_INIT;
		if (make(text, &repo->pattern, &why) < 0)
			return yaml_error(e, why.code, d, n->line, "%s: %s", n->key, why.msg);
	}
	return k;
}

static int read_credentials(const struct yaml_doc *d, const struct yaml_node *o,
	struct transport_sync_registry *r, struct err *e)
{
	static const char *const keys[] = {"username", "password", NULL};
	const char *user = NULL, *password = NULL;
	int k = yaml_expect(d, o, YAML_MAP, "credentials", e);
	if (k >= 0)
		k = yaml_known_keys(d, o, "credentials", keys, e);
	const struct yaml_node *u = yaml_get(o, "username"), *p = yaml_get(o, "password");
	if (k >= 0 && (!u || !p))
		k = yaml_error(e, ERR_FORMAT, d, o->line,
			"credentials: username and password belong together");
	if (k >= 0)
		k = yaml_text(d, u, "credentials.username", &user, e);
	if (k >= 0)
		k = yaml_text(d, p, "credentials.password", &password, e);
	if (k < 0)
		return k;
	r->username = mem_strdup(user);
	r->password = mem_strdup(password);
	return 0;
}

static int read_member(const struct yaml_doc *d, const struct yaml_node *n,
	struct transport_sync_registry *r, struct err *e)
{
	bool verify;
	const char *text;
	int k;
	if (str_eq(n->key, "images"))
		return read_images(d, n, r, e);
	if (str_eq(n->key, "images-by-tag-regex"))
		return read_patterns(d, n, transport_pattern_regex, r, e);
	if (str_eq(n->key, "images-by-semver"))
		return read_patterns(d, n, transport_pattern_semver, r, e);
	if (str_eq(n->key, "credentials"))
		return read_credentials(d, n, r, e);
	if (str_eq(n->key, "tls-verify")) {
		k = yaml_bool(d, n, n->key, &verify, e);
		r->tls_verify = k >= 0 ? verify : -1;
		return k;
	}
	k = yaml_text(d, n, n->key, &text, e);
	if (k >= 0)
		r->cert_dir = mem_strdup(text);
	return k;
}

static int read_registry(const struct yaml_doc *d, const struct yaml_node *o,
	struct transport_sync_registry *r, struct err *e)
{
	static const char *const keys[] = {"images", "images-by-tag-regex", "images-by-semver",
		"credentials", "tls-verify", "cert-dir", NULL};
	struct oci_reference ref;
	char *whole cleanup_free = mem_printf("%s/x", o->key);
	if (oci_reference_parse(whole, &ref, NULL) < 0 || !*ref.domain || strchr(o->key, '/'))
		return yaml_error(e, ERR_FORMAT, d, o->key_line, "'%.200s' is no registry", o->key);
	r->host = mem_strdup(o->key);
	int k = yaml_expect(d, o, YAML_MAP, o->key, e);
	if (k >= 0)
		k = yaml_known_keys(d, o, o->key, keys, e);
	for (const struct yaml_node *n = k >= 0 ? o->first : NULL; n && k >= 0; n = n->next)
		k = read_member(d, n, r, e);
	if (k >= 0 && !r->n)
		k = yaml_error(e, ERR_FORMAT, d, o->key_line, "%s: it names no images", o->key);
	return k;
}

static int read_document(const struct yaml_doc *d, struct transport_sync_list *l, struct err *e)
{
	if (yaml_is_null(d->root))
		return yaml_error(e, ERR_FORMAT, d, 1, "the list is empty");
	int r = yaml_expect(d, d->root, YAML_MAP, "list", e);
	for (const struct yaml_node *n = r >= 0 ? d->root->first : NULL; n && r >= 0; n = n->next) {
		l->v = mem_realloc(l->v, l->n + 1, sizeof(*l->v));
		l->v[l->n] = (struct transport_sync_registry){.tls_verify = -1};
		r = read_registry(d, n, &l->v[l->n++], e);
	}
	return r;
}

static int take(const struct yaml_doc *d, struct transport_sync_list *ret, struct err *e)
{
	struct transport_sync_list l cleanup_transport_sync_list = {0};
	int r = read_document(d, &l, e);
	if (r < 0)
		return r;
	*ret = l;
	l = (struct transport_sync_list){0};
	return 0;
}

int transport_sync_list_load(const char *path, struct transport_sync_list *ret, struct err *e)
{
	struct yaml_doc d cleanup_yaml = YAML_INIT;
	int r = yaml_load(path, &d, e);
	return r < 0 ? r : take(&d, ret, e);
}

int transport_sync_list_parse(const char *bytes, size_t len, const char *name,
	struct transport_sync_list *ret, struct err *e)
{
	struct yaml_doc d cleanup_yaml = YAML_INIT;
	int r = yaml_parse(bytes, len, name, &d, e);
	return r < 0 ? r : take(&d, ret, e);
}
