/* What stands behind a `$`: names, and the forms of ${...}. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/strv.h"
#include "dockerfile/expand_priv.h"
#include "dockerfile/pattern.h"

#include <errno.h>
#include <string.h>

/* `${name:-word}` in its parts */
struct form {
	char *name;
	const char *value; /* NULL: not set */
	bool colon;        /* an empty value counts as none */
	char op;
	struct buf word;
};

static void form_release(struct form *f)
{
	defs_free_cleanup(&f->name);
	buf_release(&f->word);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Letters beyond ASCII count: any byte of them. */
static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' ||
	       (unsigned char)c >= 0x80;
}

static char peek(const struct expansion *ex)
{
	return ex->at < ex->len ? ex->text[ex->at] : 0;
}

/* A name, a number, or one of the shell's special parameters; "" when none is there. */
static char *take_name(struct expansion *ex)
{
	size_t start = ex->at;
	char c = peek(ex);
	if (is_digit(c)) {
		while (is_digit(peek(ex)))
			ex->at++;
	} else if (c && strchr("@*#?-$!", c)) {
		ex->at++;
	} else {
		while (ex->at < ex->len && is_name(peek(ex)))
			ex->at++;
	}
	return mem_strndup(ex->text + start, ex->at - start);
}

/* Keeps the list sorted, each name once. */
static void note(struct strv *names, const char *name)
{
	if (!names)
		return;
	size_t low = 0, high = names->n;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(names->v[middle], name);
		if (order == 0)
			return;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	strv_add(names, name);
	char *added = names->v[names->n - 1];
	memmove(names->v + low + 1, names->v + low, (names->n - 1 - low) * sizeof(*names->v));
	names->v[low] = added;
}

static const char *look_up(struct expansion *ex, const char *name)
{
	const char *value = ex->x->lookup ? ex->x->lookup(ex->x->arg, name) : NULL;
	note(value ? ex->x->used : ex->x->unset, name);
	return value;
}

/* The value, or nothing; with KEEP_UNSET the text from start on as it was written. */
static int put_value(struct expansion *ex, struct buf *out, const char *name, size_t start)
{
	const char *value = look_up(ex, name);
	if (value)
		return expansion_put(ex, out, value, strlen(value));
	if (ex->x->flags & DOCKERFILE_KEEP_UNSET)
		return expansion_put(ex, out, ex->text + start, ex->at - start);
	note(ex->x->undefined, name);
	return 0;
}

/* ${name?word} without a value */
static int refuse(struct expansion *ex, const struct form *f)
{
	if (f->word.len)
		return err_set(ex->e, ERR_SYNTAX, "%s: %s", f->name, buf_str(&f->word));
	return err_set(ex->e, ERR_SYNTAX, "%s: is not allowed to be %s", f->name,
		f->value ? "empty" : "unset");
}

static int pattern_result(struct expansion *ex, int r, const char *pattern)
{
	if (r == -EINVAL)
		return err_set(ex->e, ERR_SYNTAX, "'%.80s' is not a pattern: a '\\' quotes nothing",
			pattern);
	if (r == -ERR_LIMIT)
		return err_set(
			ex->e, ERR_LIMIT, "the pattern '%.80s' is too much work here", pattern);
	return r;
}

static int trim(struct expansion *ex, const struct form *f, struct buf *out)
{
	const char *pattern = buf_str(&f->word);
	bool longest = *pattern == f->op;
	pattern += longest;
	if (!f->value)
		note(ex->x->undefined, f->name);
	int r = dockerfile_pattern_trim(pattern, f->value ? f->value : "",
		f->op == '#' ? DOCKERFILE_PATTERN_PREFIX : DOCKERFILE_PATTERN_SUFFIX, longest,
		&ex->steps, out);
	return pattern_result(ex, r, pattern);
}

/* ${name-word} and its kin; start: where the `$` is. */
static int put_form(struct expansion *ex, struct form *f, struct buf *out, size_t start)
{
	char op = f->op;
	int r = expansion_until(ex, '}', op == '#' || op == '%', &f->word);
	if (r < 0)
		return r;
	f->value = look_up(ex, f->name);
	if (!f->value && (ex->x->flags & DOCKERFILE_KEEP_UNSET))
		return expansion_put(ex, out, ex->text + start, ex->at - start);
	bool given = f->value && !(f->colon && !*f->value);
	switch (op) {
	case '-':
		return given ? expansion_put(ex, out, f->value, strlen(f->value))
			     : expansion_put(ex, out, buf_str(&f->word), f->word.len);
	case '+':
		return given ? expansion_put(ex, out, buf_str(&f->word), f->word.len) : 0;
	case '?':
		return given ? expansion_put(ex, out, f->value, strlen(f->value)) : refuse(ex, f);
	case '#':
	case '%':
		return trim(ex, f, out);
	default:
		return err_set(ex->e, ERR_SYNTAX, "'%s%c' is not known in '${%s'",
			f->colon ? ":" : "", op, f->name);
	}
}

/* ${name/pattern/word}, ${name//pattern/word}; behind the first slash */
static int put_replaced(struct expansion *ex, struct form *f, struct buf *out, size_t start)
{
	struct buf pattern cleanup_buf = BUF_INIT_MAX(LIMIT_EXPANSION);
	bool all = peek(ex) == '/';
	ex->at += all;
	int r = expansion_until(ex, '/', true, &pattern);
	if (r >= 0)
		r = expansion_until(ex, '}', true, &f->word);
	if (r < 0)
		return r;
	f->value = look_up(ex, f->name);
	if (!f->value && (ex->x->flags & DOCKERFILE_KEEP_UNSET))
		return expansion_put(ex, out, ex->text + start, ex->at - start);
	if (!f->value) {
		note(ex->x->undefined, f->name);
		return 0;
	}
	r = dockerfile_pattern_replace(
		buf_str(&pattern), f->value, buf_str(&f->word), all, &ex->steps, out);
	return pattern_result(ex, r, buf_str(&pattern));
}

static int braces(struct expansion *ex, struct buf *out, size_t start)
{
	char c = peek(ex);
	if (!c)
		return err_set(ex->e, ERR_SYNTAX, "a '}' is missing in '${'");
	if (c == '{' || c == '}' || c == ':')
		return err_set(ex->e, ERR_SYNTAX, "bad substitution: '${%c'", c);
	struct form f cleanup(form_release) = {
		.name = take_name(ex), .word = BUF_INIT_MAX(LIMIT_EXPANSION)};
	f.op = peek(ex);
	if (!f.op)
		return err_set(ex->e, ERR_SYNTAX, "a '}' is missing in '${%.80s'", f.name);
	ex->at++;
	if (f.op == '}')
		return put_value(ex, out, f.name, start);
	if (f.op == '/')
		return put_replaced(ex, &f, out, start);
	if (f.op == ':') {
		f.colon = true;
		f.op = peek(ex);
		ex->at += f.op != 0;
	}
	if (!f.op || !strchr("-+?#%", f.op) || !*f.name)
		return err_set(ex->e, ERR_SYNTAX, "bad substitution: '%c' behind '${%.80s'",
			f.op ? f.op : ':', f.name);
	return put_form(ex, &f, out, start);
}

int expansion_variable(struct expansion *ex, struct buf *out)
{
	size_t start = ex->at++;
	if (peek(ex) == '{') {
		ex->at++;
		return braces(ex, out, start);
	}
	char *name cleanup_free = take_name(ex);
	if (!*name)
		return expansion_put(ex, out, "$", 1);
	return put_value(ex, out, name, start);
}
