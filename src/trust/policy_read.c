/* policy.json from bytes, strictly (containers-policy.json(5)). */
#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static void key_release(struct trust_key *k)
{
	free(k->path);
	free(k->data);
}

static void requirement_release(struct trust_requirement *r)
{
	for (size_t i = 0; i < r->nkeys; i++)
		key_release(&r->keys[i]);
	free(r->keys);
	free(r->identity.value);
	free(r->identity.signed_prefix);
	free(r->unsupported);
}

static void scope_release(struct trust_scope *s)
{
	for (size_t i = 0; i < s->n; i++)
		requirement_release(&s->v[i]);
	free(s->v);
	free(s->transport);
	free(s->name);
	free(s->clause);
}

void trust_policy_free(struct trust_policy *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		scope_release(&p->v[i]);
	free(p->v);
	free(p->name);
	free(p);
}

/* A key that is not in the list (NULL-terminated) is an error: what it was meant to forbid would
 * be allowed. */
static int known_keys(json_t *o, const char *where, const char *const *keys, struct err *e)
{
	const char *name;
	json_t *v;
	json_object_foreach (o, name, v) {
		size_t i = 0;
		while (keys[i] && !str_eq(keys[i], name))
			i++;
		if (!keys[i])
			return err_set(e, ERR_FORMAT, "%s: unknown key '%s'", where, name);
	}
	return 0;
}

static int required(json_t *o, const char *where, const char *key, char **ret, struct err *e)
{
	const char *s = NULL;
	int r = oci_json_string(o, where, key, &s, e);
	if (r < 0)
		return r;
	if (!r || !*s)
		return err_set(e, ERR_FORMAT, "%s.%s: is missing", where, key);
	*ret = mem_strdup(s);
	return 0;
}

static int read_identity(json_t *o, const char *where, struct trust_identity *ret, struct err *e)
{
	static const struct {
		const char *name, *key, *key2;
		enum trust_identity_kind kind;
	} kinds[] = {
		{"matchRepoDigestOrExact", NULL, NULL, TRUST_MATCH_REPO_DIGEST_OR_EXACT},
		{"matchExact", NULL, NULL, TRUST_MATCH_EXACT},
		{"matchRepository", NULL, NULL, TRUST_MATCH_REPOSITORY},
		{"exactReference", "dockerReference", NULL, TRUST_EXACT_REFERENCE},
		{"exactRepository", "dockerRepository", NULL, TRUST_EXACT_REPOSITORY},
		{"remapIdentity", "prefix", "signedPrefix", TRUST_REMAP_IDENTITY},
	};
	cleanup_free char *type = NULL;
	int r = required(o, where, "type", &type, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		if (!str_eq(kinds[i].name, type))
			continue;
		const char *const keys[] = {"type", kinds[i].key, kinds[i].key2, NULL};
		ret->kind = kinds[i].kind;
		r = known_keys(o, where, keys, e);
		if (r == 0 && kinds[i].key)
			r = required(o, where, kinds[i].key, &ret->value, e);
		if (r == 0 && kinds[i].key2)
			r = required(o, where, kinds[i].key2, &ret->signed_prefix, e);
		if (r < 0)
			return r;
		struct oci_reference ref;
		bool named =
			ret->kind == TRUST_EXACT_REFERENCE || ret->kind == TRUST_EXACT_REPOSITORY;
		if (named && (r = oci_reference_parse(ret->value, &ref, e)) < 0)
			return err_wrap(e, r, "%s.%s", where, kinds[i].key);
		if (ret->kind == TRUST_EXACT_REFERENCE && !*ref.tag && !*ref.digest)
			return err_set(e, ERR_FORMAT, "%s.%s: '%s' has neither tag nor digest",
				where, kinds[i].key, ret->value);
		return 0;
	}
	return err_set(e, ERR_FORMAT,
		"%s.type: '%s' is none of matchRepoDigestOrExact, matchExact, matchRepository, "
		"exactReference, exactRepository, remapIdentity",
		where, type);
}

static struct trust_key *add_key(struct trust_requirement *q)
{
	q->keys = mem_realloc(q->keys, q->nkeys + 1, sizeof(q->keys[0]));
	struct trust_key *k = &q->keys[q->nkeys++];
	memset(k, 0, sizeof(*k));
	return k;
}

static int add_key_data(
	struct trust_requirement *q, const char *where, const char *text, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_POLICY);
	int r = base64_decode(text, strlen(text), &b);
	if (r < 0 || !b.len)
		return err_set(e, ERR_FORMAT, "%s: is not base64", where);
	struct trust_key *k = add_key(q);
	k->len = b.len;
	k->data = buf_take(&b);
	return 0;
}

/* keyPath, keyPaths, keyData, keyDatas: exactly one of them. */
static int read_keys(json_t *o, const char *where, struct trust_requirement *q, struct err *e)
{
	static const char *const names[] = {"keyPath", "keyPaths", "keyData", "keyDatas"};
	size_t found = 0;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct strv texts cleanup_strv = STRV_INIT;
		const char *one = NULL;
		int r = i % 2 ? oci_json_strings(o, where, names[i], &texts, e)
			      : oci_json_string(o, where, names[i], &one, e);
		if (r < 0)
			return r;
		if (!r)
			continue;
		found++;
		if (one)
			strv_add(&texts, one);
		for (size_t k = 0; k < texts.n; k++) {
			cleanup_free char *at = mem_printf("%s.%s", where, names[i]);
			if (i >= 2)
				r = add_key_data(q, at, texts.v[k], e);
			else if (texts.v[k][0] != '/')
				r = err_set(e, ERR_FORMAT, "%s: '%s' is not an absolute path", at,
					texts.v[k]);
			else
				add_key(q)->path = mem_strdup(texts.v[k]);
			if (r < 0)
				return r;
		}
	}
	if (found != 1 || !q->nkeys)
		return err_set(e, ERR_FORMAT,
			"%s: exactly one of keyPath, keyPaths, keyData and keyDatas must name a "
			"key",
			where);
	return 0;
}

static int read_signed_by(json_t *o, const char *where, struct trust_requirement *q, struct err *e)
{
	static const char *const keys[] = {
		"type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity", NULL};
	cleanup_free char *type = NULL;
	int r = known_keys(o, where, keys, e);
	if (r == 0)
		r = required(o, where, "keyType", &type, e);
	if (r < 0)
		return r;
	if (!str_eq(type, "GPGKeys"))
		return err_set(e, ERR_FORMAT,
			"%s.keyType: '%s' is not 'GPGKeys', the only one that "
			"the format has an implementation of",
			where, type);
	return read_keys(o, where, q, e);
}

static int read_sigstore(json_t *o, const char *where, struct trust_requirement *q, struct err *e)
{
	static const char *const keys[] = {"type", "keyPath", "keyPaths", "keyData", "keyDatas",
		"signedIdentity", "fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyPaths",
		"rekorPublicKeyData", "rekorPublicKeyDatas", NULL};
	int r = known_keys(o, where, keys, e);
	if (r < 0)
		return r;
	/* certificates and transparency logs: other scopes of the file may do without */
	const char *name;
	json_t *v;
	json_object_foreach (o, name, v)
		if (!q->unsupported && (str_eq(name, "fulcio") || str_eq(name, "pki") ||
					       str_starts(name, "rekor")))
			q->unsupported = mem_strdup(name);
	return q->unsupported ? 0 : read_keys(o, where, q, e);
}

static int read_requirement(
	json_t *o, const char *where, struct trust_requirement *q, struct err *e)
{
	static const char *const none[] = {"type", NULL};
	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "%s: expected an object with a type", where);
	cleanup_free char *type = NULL;
	int r = required(o, where, "type", &type, e);
	if (r < 0)
		return r;
	if (str_eq(type, "insecureAcceptAnything") || str_eq(type, "reject")) {
		q->kind = *type == 'r' ? TRUST_REJECT : TRUST_ACCEPT_ANYTHING;
		return known_keys(o, where, none, e);
	}
	if (str_eq(type, "signedBy")) {
		q->kind = TRUST_SIGNED_BY;
		r = read_signed_by(o, where, q, e);
	} else if (str_eq(type, "sigstoreSigned")) {
		q->kind = TRUST_SIGSTORE_SIGNED;
		r = read_sigstore(o, where, q, e);
	} else {
		return err_set(e, ERR_FORMAT,
			"%s.type: '%s' is none of insecureAcceptAnything, reject, signedBy, "
			"sigstoreSigned",
			where, type);
	}
	json_t *identity = NULL;
	if (r == 0)
		r = oci_json_object(o, where, "signedIdentity", &identity, e);
	if (r <= 0)
		return r;
	cleanup_free char *at = mem_printf("%s.signedIdentity", where);
	return read_identity(identity, at, &q->identity, e);
}

static int read_scope(struct trust_policy *p, const char *transport, const char *name,
	const char *clause, json_t *list, struct err *e)
{
	p->v = mem_realloc(p->v, p->n + 1, sizeof(p->v[0]));
	struct trust_scope *s = &p->v[p->n++];
	memset(s, 0, sizeof(*s));
	s->transport = mem_strdup(transport);
	s->name = mem_strdup(name);
	s->clause = mem_strdup(clause);
	if (!json_is_array(list) || !json_array_size(list))
		return err_set(e, ERR_FORMAT,
			"%s: expected a list with at least one requirement; to forbid everything, "
			"write [{\"type\": \"reject\"}]",
			clause);
	s->v = mem_array(json_array_size(list), sizeof(s->v[0]));
	size_t i;
	json_t *o;
	json_array_foreach (list, i, o) {
		s->n = i + 1;
		cleanup_free char *where = mem_printf("%s[%zu]", clause, i);
		int r = read_requirement(o, where, &s->v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_transports(struct trust_policy *p, json_t *transports, struct err *e)
{
	const char *transport, *name;
	json_t *scopes, *list;
	json_object_foreach (transports, transport, scopes) {
		if (!json_is_object(scopes))
			return err_set(e, ERR_FORMAT, "transports.%s: expected an object of scopes",
				transport);
		json_object_foreach (scopes, name, list) {
			cleanup_free char *clause =
				mem_printf("transports.%s.\"%s\"", transport, name);
			int r = read_scope(p, transport, name, clause, list, e);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

static int read_policy(json_t *doc, struct trust_policy *p, struct err *e)
{
	static const char *const keys[] = {"default", "transports", NULL};
	if (!json_is_object(doc))
		return err_set(e, ERR_FORMAT, "expected an object");
	int r = known_keys(doc, "policy", keys, e);
	if (r < 0)
		return r;
	json_t *fallback = json_object_get(doc, "default");
	if (!fallback)
		return err_set(e, ERR_FORMAT,
			"default: is missing: what counts for images that no "
			"scope names");
	r = read_scope(p, NULL, "", "default", fallback, e);
	json_t *transports = NULL;
	if (r == 0)
		r = oci_json_object(doc, "", "transports", &transports, e);
	return r > 0 ? read_transports(p, transports, e) : r;
}

int trust_policy_parse(
	const char *bytes, size_t len, const char *name, struct trust_policy **ret, struct err *e)
{
	cleanup_json json_t *doc = NULL;
	cleanup_free char *what = mem_printf("policy '%s'", name);
	int r = oci_json_parse(bytes, len, LIMIT_POLICY, what, &doc, e);
	if (r < 0)
		return r;
	cleanup_trust_policy struct trust_policy *p = mem_alloc(sizeof(*p));
	p->name = mem_strdup(name);
	r = read_policy(doc, p, e);
	if (r < 0)
		return err_wrap(e, r, "%s", what);
	*ret = STEAL(p);
	return 0;
}

int trust_policy_load(const char *path, struct trust_policy **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_POLICY);
	int r = file_read(AT_FDCWD, path, &b, e);
	if (r < 0)
		return err_wrap(e, r, "signature policy");
	return trust_policy_parse(buf_str(&b), b.len, path, ret, e);
}
