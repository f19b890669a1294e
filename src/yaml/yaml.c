/* Questions to a parsed document, and the errors that name its lines. */
#include "yaml/yaml.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdarg.h>
#include <string.h>

void yaml_release(struct yaml_doc *d)
{
	arena_release(&d->arena);
	*d = (struct yaml_doc)YAML_INIT;
}

int yaml_error(
	struct err *e, int code, const struct yaml_doc *d, unsigned line, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text cleanup_free = mem_vprintf(fmt, ap);
	va_end(ap);
	return err_set(e, code, "%s:%u: %s", d->name, line, text);
}

bool yaml_is_null(const struct yaml_node *n)
{
	return !n || (n->kind == YAML_SCALAR && n->plain &&
			     (str_eq(n->text, "") || str_eq(n->text, "~") ||
				     str_eq(n->text, "null") || str_eq(n->text, "Null")));
}

const struct yaml_node *yaml_get(const struct yaml_node *o, const char *key)
{
	if (!o || o->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *n = o->first; n; n = n->next)
		if (str_eq(n->key, key))
			return n;
	return NULL;
}

static const char *found(const struct yaml_node *n)
{
	if (yaml_is_null(n))
		return "nothing";
	return n->kind == YAML_LIST ? "a list" : n->kind == YAML_MAP ? "a map" : "a text";
}

int yaml_expect(const struct yaml_doc *d, const struct yaml_node *n, enum yaml_kind kind,
	const char *what, struct err *e)
{
	static const char *const names[] = {
		[YAML_SCALAR] = "a text", [YAML_LIST] = "a list", [YAML_MAP] = "a map"};
	if (n->kind == kind)
		return 0;
	return yaml_error(e, ERR_FORMAT, d, n->line, "%s: expected %s, found %s", what, names[kind],
		found(n));
}

int yaml_bool(const struct yaml_doc *d, const struct yaml_node *n, const char *what, bool *ret,
	struct err *e)
{
	bool yes = n->kind == YAML_SCALAR && n->plain && str_eq(n->text, "true");
	bool no = n->kind == YAML_SCALAR && n->plain && str_eq(n->text, "false");
	if (!yes && !no)
		return yaml_error(e, ERR_FORMAT, d, n->line, "%s: expected true or false", what);
	*ret = yes;
	return 0;
}

int yaml_text(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	const char **ret, struct err *e)
{
	if (n->kind != YAML_SCALAR || !*n->text || yaml_is_null(n))
		return yaml_error(e, ERR_FORMAT, d, n->line, "%s: expected a text, found %s", what,
			n->kind == YAML_SCALAR ? "nothing" : found(n));
	*ret = n->text;
	return 0;
}

int yaml_texts(const struct yaml_doc *d, const struct yaml_node *n, const char *what,
	struct strv *ret, struct err *e)
{
	const char *text;
	if (n->kind == YAML_SCALAR && !yaml_is_null(n)) {
		int r = yaml_text(d, n, what, &text, e);
		if (r >= 0)
			strv_add(ret, text);
		return r;
	}
	if (n->kind != YAML_LIST)
		return yaml_error(
			e, ERR_FORMAT, d, n->line, "%s: expected a list, found %s", what, found(n));
	for (const struct yaml_node *i = n->first; i; i = i->next) {
		int r = yaml_text(d, i, what, &text, e);
		if (r < 0)
			return r;
		strv_add(ret, text);
	}
	return 0;
}

int yaml_known_keys(const struct yaml_doc *d, const struct yaml_node *o, const char *what,
	const char *const *keys, struct err *e)
{
	for (const struct yaml_node *n = o->first; n; n = n->next) {
		size_t best = 3;
		const char *meant = NULL;
		bool known = false;
		for (const char *const *k = keys; *k && !known; k++) {
			size_t distance = str_distance(n->key, *k, 2);
			known = distance == 0;
			if (distance < best) {
				best = distance;
				meant = *k;
			}
		}
		if (known)
			continue;
		struct strv list cleanup_strv = STRV_INIT;
		for (const char *const *k = keys; *k; k++)
			strv_add(&list, *k);
		char *names cleanup_free = strv_join(&list, ", ");
		int r = yaml_error(e, ERR_FORMAT, d, n->key_line, "%s%s'%.100s' is not known", what,
			*what ? ": " : "", n->key);
		if (meant)
			err_hint(e, "did you mean '%s'? known are %s", meant, names);
		else
			err_hint(e, "known are %s", names);
		return r;
	}
	return 0;
}
