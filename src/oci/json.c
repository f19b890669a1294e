/* Bounded reading of JSON and typed access to its members; and its deterministic writing. */
#include "oci/json.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"

#include <string.h>

/* jansson recurses once per level: the depth is counted before it sees the bytes. */
static bool json_too_deep(const char *p, size_t len)
{
	size_t depth = 0;
	bool in_string = false;
	for (size_t i = 0; i < len; i++) {
		char c = p[i];
		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '[' || c == '{') {
			if (++depth > LIMIT_JSON_DEPTH)
				return true;
		} else if ((c == ']' || c == '}') && depth) {
			depth--;
		}
	}
	return false;
}

int oci_json_parse(
	const char *bytes, size_t len, size_t max, const char *what, json_t **ret, struct err *e)
{
	if (len > max)
		return err_set(
			e, ERR_LIMIT, "%s: %zu bytes, more than the limit of %zu", what, len, max);
	if (json_too_deep(bytes, len))
		return err_set(
			e, ERR_LIMIT, "%s: nested deeper than %d levels", what, LIMIT_JSON_DEPTH);
	json_error_t je;
	json_t *doc = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &je);
	if (!doc)
		return err_set(e, ERR_SYNTAX, "%s: not valid JSON: line %d, column %d: %s", what,
			je.line, je.column, je.text);
	*ret = doc;
	return 0;
}

static int json_to_buf(const char *p, size_t len, void *out)
{
	return buf_add(out, p, len) < 0 ? -1 : 0;
}

void oci_json_format(const json_t *doc, struct buf *out)
{
	json_dump_callback(doc, json_to_buf, out, JSON_COMPACT);
}

static const char *json_type_name(const json_t *v)
{
	switch (json_typeof(v)) {
	case JSON_OBJECT:
		return "an object";
	case JSON_ARRAY:
		return "a list";
	case JSON_STRING:
		return "a string";
	case JSON_INTEGER:
	case JSON_REAL:
		return "a number";
	case JSON_TRUE:
	case JSON_FALSE:
		return "true or false";
	case JSON_NULL:
		break;
	}
	return "null";
}

static int bad_type(
	struct err *e, const char *where, const char *key, const char *want, const json_t *v)
{
	return err_set(e, ERR_FORMAT, "%s%s%s: expected %s, found %s", where, *where ? "." : "",
		key, want, json_type_name(v));
}

/* The member, or NULL when it is absent or null. */
static json_t *json_member(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	return json_is_null(v) ? NULL : v;
}

int oci_json_string(json_t *o, const char *where, const char *key, const char **ret, struct err *e)
{
	json_t *v = json_member(o, key);
	if (!v)
		return 0;
	if (!json_is_string(v))
		return bad_type(e, where, key, "a string", v);
	*ret = json_string_value(v);
	return 1;
}

int oci_json_i64(json_t *o, const char *where, const char *key, int64_t *ret, struct err *e)
{
	json_t *v = json_member(o, key);
	if (!v)
		return 0;
	if (!json_is_integer(v))
		return bad_type(e, where, key, "a whole number", v);
	*ret = json_integer_value(v);
	return 1;
}

int oci_json_bool(json_t *o, const char *where, const char *key, bool *ret, struct err *e)
{
	json_t *v = json_member(o, key);
	if (!v)
		return 0;
	if (!json_is_boolean(v))
		return bad_type(e, where, key, "true or false", v);
	*ret = json_is_true(v);
	return 1;
}

int oci_json_object(json_t *o, const char *where, const char *key, json_t **ret, struct err *e)
{
	json_t *v = json_member(o, key);
	if (!v)
		return 0;
	if (!json_is_object(v))
		return bad_type(e, where, key, "an object", v);
	*ret = v;
	return 1;
}

int oci_json_array(json_t *o, const char *where, const char *key, json_t **ret, struct err *e)
{
	json_t *v = json_member(o, key);
	if (!v)
		return 0;
	if (!json_is_array(v))
		return bad_type(e, where, key, "a list", v);
	*ret = v;
	return 1;
}

int oci_json_strings(json_t *o, const char *where, const char *key, struct strv *ret, struct err *e)
{
	json_t *a = NULL;
	int r = oci_json_array(o, where, key, &a, e);
	if (r <= 0)
		return r;
	size_t i;
	json_t *v;
	json_array_foreach (a, i, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_FORMAT, "%s%s%s[%zu]: expected a string, found %s",
				where, *where ? "." : "", key, i, json_type_name(v));
		strv_add(ret, json_string_value(v));
	}
	return 1;
}

int oci_json_map(json_t *o, const char *where, const char *key, struct strv *ret, struct err *e)
{
	json_t *m = NULL;
	int r = oci_json_object(o, where, key, &m, e);
	if (r <= 0)
		return r;
	const char *name;
	json_t *v;
	json_object_foreach (m, name, v) {
		if (!json_is_string(v))
			return err_set(e, ERR_FORMAT, "%s%s%s.%s: expected a string, found %s",
				where, *where ? "." : "", key, name, json_type_name(v));
		strv_addf(ret, "%s=%s", name, json_string_value(v));
	}
	return 1;
}

int oci_json_set(json_t *o, const char *where, const char *key, struct strv *ret, struct err *e)
{
	json_t *m = json_member(o, key);
	if (!m)
		return 0;
	if (json_is_array(m))
		return oci_json_strings(o, where, key, ret, e);
	if (!json_is_object(m))
		return bad_type(e, where, key, "an object", m);
	const char *name;
	json_t *v;
	json_object_foreach (m, name, v)
		strv_add(ret, name);
	return 1;
}

/* Length of the UTF-8 sequence at p (RFC 3629), or 0. */
static size_t utf8_len(const unsigned char *p)
{
	if (p[0] < 0x80)
		return 1;
	size_t n = p[0] >= 0xc2 && p[0] <= 0xdf ? 2 : p[0] >= 0xe0 && p[0] <= 0xef ? 3 : 4;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
		(p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

json_t *oci_json_text(const char *s)
{
	json_t *v = json_string(s);
	if (v)
		return v;
	struct buf b cleanup_buf = BUF_INIT;
	for (const unsigned char *p = (const unsigned char *)s; *p;) {
		size_t n = utf8_len(p);
		if (n)
			buf_add(&b, p, n);
		else
			buf_add_str(&b, "\xef\xbf\xbd");
		p += n ? n : 1;
	}
	return json_string(buf_str(&b));
}

json_t *oci_json_from_strings(const struct strv *s)
{
	json_t *a = json_array();
	for (size_t i = 0; i < s->n; i++)
		json_array_append_new(a, oci_json_text(s->v[i]));
	return a;
}

static void object_set_text(json_t *o, const char *name, json_t *value)
{
	cleanup_json json_t *key = oci_json_text(name);
	json_object_set_new(o, json_string_value(key), value);
}

/* By the name alone: '=' sorts after '-' and '.', which names contain. */
static int compare_names(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t nx = strcspn(x, "="), ny = strcspn(y, "=");
	int r = memcmp(x, y, MIN(nx, ny));
	return r ? r : (nx > ny) - (nx < ny);
}

json_t *oci_json_from_map(const struct strv *s)
{
	struct strv sorted cleanup_strv = STRV_INIT;
	strv_copy(&sorted, s);
	if (sorted.n)
		qsort(sorted.v, sorted.n, sizeof(sorted.v[0]), compare_names);
	json_t *o = json_object();
	for (size_t i = 0; i < sorted.n; i++) {
		char *eq = strchr(sorted.v[i], '=');
		if (eq)
			*eq = 0;
		object_set_text(o, sorted.v[i], oci_json_text(eq ? eq + 1 : ""));
	}
	return o;
}

json_t *oci_json_from_set(const struct strv *s)
{
	struct strv sorted cleanup_strv = STRV_INIT;
	strv_copy(&sorted, s);
	strv_sort(&sorted);
	json_t *o = json_object();
	for (size_t i = 0; i < sorted.n; i++)
		object_set_text(o, sorted.v[i], json_object());
	return o;
}
