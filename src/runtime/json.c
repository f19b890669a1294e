/* Typed reading of untrusted JSON; see json_priv.h. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "runtime/json_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Reads the digits at p; when they mean more than INT64_MAX and fit 64 bits, writes the negative
 * number of the same bits over them, with blanks behind. */
static size_t wrap_number(char *p, size_t left)
{
	size_t n = 0;
	uint64_t v = 0;
	bool fits = true;
	for (; n < left && p[n] >= '0' && p[n] <= '9'; n++)
		if (__builtin_mul_overflow(v, 10, &v) ||
			__builtin_add_overflow(v, (uint64_t)(p[n] - '0'), &v))
			fits = false;
	if (n < 19 || !fits || v <= INT64_MAX || (n < left && strchr(".eE", p[n])))
		return n;
	char text[24];
	int len = snprintf(text, sizeof(text), "%" PRId64, (int64_t)v);
	memset(p, ' ', n);
	memcpy(p, text, (size_t)len); /* at most 20 characters, as many as 2^63 and more take */
	return n;
}

/* Where the scan is: only the two outermost levels matter for a cut. */
struct scan {
	char *text;
	size_t len, i;
	int depth;
	bool in_outer;   /* the value of the last key of level 1 is cut->outer */
	size_t cut_from; /* where the object to cut began, while it is open */
	bool cutting;
	struct json_cut *cut; /* may be NULL */
};

static bool is_key(const struct scan *s, size_t from, size_t end, const char *name)
{
	return strlen(name) == end - from && memcmp(s->text + from, name, end - from) == 0;
}

static size_t skip_blanks(const struct scan *s, size_t i)
{
	while (i < s->len && strchr(" \t\r\n", s->text[i]) && s->text[i])
		i++;
	return i;
}

/* At a quote; afterwards at the closing one. A string with a colon behind it is a key. */
static void scan_string(struct scan *s)
{
	size_t from = ++s->i;
	for (; s->i < s->len && s->text[s->i] != '"'; s->i++)
		if (s->text[s->i] == '\\')
			s->i++;
	if (!s->cut || s->cut->text || s->depth > 2 || s->cutting || s->i >= s->len)
		return;
	size_t colon = skip_blanks(s, s->i + 1);
	if (colon >= s->len || s->text[colon] != ':')
		return;
	if (s->depth == 1)
		s->in_outer = is_key(s, from, s->i, s->cut->outer);
	size_t value = skip_blanks(s, colon + 1);
	if (s->depth == 2 && s->in_outer && is_key(s, from, s->i, s->cut->inner) &&
		value < s->len && s->text[value] == '{') {
		s->cutting = true;
		s->cut_from = value;
	}
}

static void end_cut(struct scan *s, const char *original)
{
	size_t n = s->i + 1 - s->cut_from;
	s->cutting = false;
	if (n < strlen("null"))
		return; /* {}: not worth it */
	s->cut->text = original + s->cut_from;
	s->cut->len = n;
	memcpy(s->text + s->cut_from, "null", strlen("null"));
	memmove(s->text + s->cut_from + strlen("null"), s->text + s->i + 1, s->len - s->i - 1);
	s->len -= n - strlen("null");
	s->i = s->cut_from + strlen("null") - 1;
}

/* One pass before the real parser: depth, numbers that it would refuse, the cut. */
static int scan(struct scan *s, const char *original, struct err *e)
{
	static const bool means_something[256] = {['"'] = true,
		['{'] = true,
		['['] = true,
		['}'] = true,
		[']'] = true,
		['1' ... '9'] = true};
	char *text = s->text;
	for (; s->i < s->len; s->i++) {
		char c = text[s->i];
		if (!means_something[(uint8_t)c]) /* most are blanks */
			continue;
		if (c == '"') {
			scan_string(s);
		} else if (c == '{' || c == '[') {
			if (++s->depth > LIMIT_JSON_DEPTH)
				return err_set(e, ERR_LIMIT, "JSON nests deeper than %d levels",
					LIMIT_JSON_DEPTH);
		} else if (c == '}' || c == ']') {
			s->depth--;
			if (s->cutting && s->depth == 2)
				end_cut(s, original);
		} else if (c >= '1' && c <= '9' && s->i > 0 && !strchr("-+.eE0", text[s->i - 1])) {
			s->i += wrap_number(text + s->i, s->len - s->i) - 1;
		}
	}
	return 0;
}

/* The library would open /dev/urandom for it. */
static void seed_hashes(void)
{
	static bool done; /* only the first seed counts */
	size_t seed = 0;
	if (done)
		return;
	done = true;
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == sizeof(seed) && seed)
		json_object_seed(seed);
}

int json_load_cut(
	const char *text, size_t len, size_t max, struct json_cut *cut, json_t **ret, struct err *e)
{
	if (len > max)
		return err_set(e, ERR_LIMIT, "JSON of %zu bytes, at most %zu are read", len, max);
	cleanup_free char *copy = mem_dup(text, len);
	struct scan s = {.text = copy, .len = len, .cut = cut};
	int r = scan(&s, text, e);
	if (r < 0)
		return r;
	seed_hashes();
	json_error_t je;
	json_t *v = json_loadb(copy, s.len, 0, &je);
	if (!v && cut && cut->text) {
		cut->text = NULL;
		return json_load_cut(text, len, max, NULL, ret, e); /* for the right line */
	}
	if (!v)
		return err_set(
			e, ERR_SYNTAX, "JSON line %d, column %d: %s", je.line, je.column, je.text);
	*ret = v;
	return 0;
}

int json_load(const char *text, size_t len, size_t max, json_t **ret, struct err *e)
{
	return json_load_cut(text, len, max, NULL, ret, e);
}

char *jread_path(const struct jnode *n, char *out, size_t size)
{
	const struct jnode *chain[16];
	size_t depth = 0;
	for (; n && n->up && depth < ARRAY_SIZE(chain); n = n->up)
		chain[depth++] = n;
	struct buf b cleanup_buf = BUF_INIT;
	while (depth--) {
		if (!chain[depth]->key)
			buf_printf(&b, "[%zu]", chain[depth]->index);
		else
			buf_printf(&b, "%s%s", b.len ? "." : "", chain[depth]->key);
	}
	snprintf(out, size, "%s", b.len ? buf_str(&b) : "document");
	return out;
}

int jread_fail(const struct jread *r, const struct jnode *n, const char *fmt, ...)
{
	char path[256];
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *what = mem_vprintf(fmt, ap);
	va_end(ap);
	return err_set(r->e, ERR_FORMAT, "%s: %s", jread_path(n, path, sizeof(path)), what);
}

/* The member of n, or v NULL */
static struct jnode member(const struct jnode *n, const char *key)
{
	json_t *v = json_object_get(n->v, key);
	return (struct jnode){json_is_null(v) ? NULL : v, n, key, 0};
}

int jread_object(const struct jread *r, const struct jnode *n, const char *key, struct jnode *ret)
{
	struct jnode m = member(n, key);
	if (m.v && !json_is_object(m.v))
		return jread_fail(r, &m, "expected an object");
	if (m.v)
		*ret = m;
	return m.v != NULL;
}

int jread_array(const struct jread *r, const struct jnode *n, const char *key, struct jnode *ret)
{
	struct jnode m = member(n, key);
	if (m.v && !json_is_array(m.v))
		return jread_fail(r, &m, "expected an array");
	if (m.v)
		*ret = m;
	return m.v != NULL;
}

int jread_str(const struct jread *r, const struct jnode *n, const char *key, const char **ret)
{
	struct jnode m = member(n, key);
	if (m.v && !json_is_string(m.v))
		return jread_fail(r, &m, "expected a string");
	if (m.v)
		*ret = arena_strdup(r->a, json_string_value(m.v));
	return m.v != NULL;
}

int jread_bool(const struct jread *r, const struct jnode *n, const char *key, bool *ret)
{
	struct jnode m = member(n, key);
	if (m.v && !json_is_boolean(m.v))
		return jread_fail(r, &m, "expected true or false");
	if (m.v)
		*ret = json_is_true(m.v);
	return m.v != NULL;
}

int jread_int(const struct jread *r, const struct jnode *n, const char *key, int64_t min,
	int64_t max, int64_t *ret)
{
	struct jnode m = member(n, key);
	if (!m.v)
		return 0;
	if (!json_is_integer(m.v))
		return jread_fail(r, &m, "expected a whole number");
	int64_t v = json_integer_value(m.v);
	if (v < min || v > max)
		return jread_fail(
			r, &m, "%" PRId64 " is not between %" PRId64 " and %" PRId64, v, min, max);
	*ret = v;
	return 1;
}

int jread_u32(const struct jread *r, const struct jnode *n, const char *key, uint32_t *ret)
{
	int64_t v;
	int k = jread_int(r, n, key, 0, UINT32_MAX, &v);
	if (k > 0)
		*ret = (uint32_t)v;
	return k;
}

int jread_u64(const struct jread *r, const struct jnode *n, const char *key, uint64_t *ret)
{
	int64_t v;
	int k = jread_int(r, n, key, INT64_MIN, INT64_MAX, &v);
	if (k > 0)
		*ret = (uint64_t)v;
	return k;
}

int jread_limit(
	const struct jread *r, const struct jnode *n, const char *key, struct runtime_i64 *ret)
{
	int64_t v;
	int k = jread_int(r, n, key, INT64_MIN, INT64_MAX, &v);
	if (k > 0)
		*ret = (struct runtime_i64){true, v < 0 ? -1 : v};
	return k;
}

int jread_strings(
	const struct jread *r, const struct jnode *n, const char *key, struct runtime_strings *ret)
{
	struct jnode list;
	int k = jread_array(r, n, key, &list);
	if (k <= 0)
		return k;
	size_t count = json_array_size(list.v);
	const char **v = arena_alloc(r->a, (count + 1) * sizeof(*v));
	for (size_t i = 0; i < count; i++) {
		struct jnode item = jread_at(&list, i);
		if (!json_is_string(item.v))
			return jread_fail(r, &item, "expected a string");
		v[i] = arena_strdup(r->a, json_string_value(item.v));
	}
	*ret = (struct runtime_strings){v, count};
	return 1;
}

int jread_pairs(
	const struct jread *r, const struct jnode *n, const char *key, struct runtime_pairs *ret)
{
	struct jnode o;
	int k = jread_object(r, n, key, &o);
	if (k <= 0)
		return k;
	struct runtime_pair *v = arena_alloc(r->a, (json_object_size(o.v) + 1) * sizeof(*v));
	size_t count = 0;
	const char *name;
	json_t *value;
	json_object_foreach (o.v, name, value) {
		struct jnode item = {value, &o, name, 0};
		if (!json_is_string(value))
			return jread_fail(r, &item, "expected a string");
		v[count++] = (struct runtime_pair){
			arena_strdup(r->a, name), arena_strdup(r->a, json_string_value(value))};
	}
	*ret = (struct runtime_pairs){v, count};
	return 1;
}

struct jnode jread_at(const struct jnode *n, size_t i)
{
	return (struct jnode){json_array_get(n->v, i), n, NULL, i};
}

int jread_object_at(const struct jread *r, const struct jnode *n, size_t i, struct jnode *ret)
{
	*ret = jread_at(n, i);
	return json_is_object(ret->v) ? 1 : jread_fail(r, ret, "expected an object");
}

int jread_objects(const struct jread *r, const struct jnode *n, const char *key, size_t size,
	int (*read)(const struct jread *r, const struct jnode *n, void *item), void *ret,
	size_t *ret_n)
{
	struct jnode list;
	int k = jread_array(r, n, key, &list);
	if (k <= 0)
		return k;
	size_t count = json_array_size(list.v);
	char *v = arena_alloc(r->a, (count + 1) * size);
	for (size_t i = 0; i < count; i++) {
		struct jnode item;
		if ((k = jread_object_at(r, &list, i, &item)) < 0 ||
			(k = read(r, &item, v + i * size)) < 0)
			return k;
	}
	memcpy(ret, &v, sizeof(v));
	*ret_n = count;
	return 1;
}
