/* .dockerignore: its lines, and what they say about a path. */
#include "dockerfile/ignore.h"

#include "base/arena.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "dockerfile/glob_priv.h"
#include "dockerfile/source.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rule {
	struct glob glob;
	bool exception; /* `!` */
	const char *text;
	uint32_t line;
};

struct dockerfile_ignore {
	struct rule *rules;
	size_t n;
	size_t cap;
	struct dockerfile_source source;
	struct arena arena;
};

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Makes a path short, as Go's filepath.Clean: no "//", no "." and no ".." where they can go. In
 * place; never longer than before, but "" becomes "." (there must be room). */
static void path_clean(char *path)
{
	bool rooted = *path == '/';
	char *out = path + rooted, *floor = out; /* ".." goes no lower than floor */
	for (const char *p = path + rooted; *p;) {
		size_t len = strcspn(p, "/");
		if (len == 2 && p[0] == '.' && p[1] == '.') {
			if (out > floor) {
				while (out > floor && *--out != '/')
					;
			} else if (!rooted) {
				if (out > path)
					*out++ = '/';
				*out++ = '.';
				*out++ = '.';
				floor = out;
			}
		} else if (len && !(len == 1 && *p == '.')) {
			if (out > path + rooted)
				*out++ = '/';
			memmove(out, p, len);
			out += len;
		}
		p += len;
		p += *p == '/';
	}
	if (out == path)
		*out++ = '.';
	*out = 0;
}

/* text: a line without the blanks around it. Its `!` is gone then, and so is a leading '/'. */
static const char *rule_clean(struct dockerfile_ignore *ig, const char *text, bool *ret_exception)
{
	*ret_exception = *text == '!';
	text += *ret_exception;
	while (is_blank(*text))
		text++;
	char *path = arena_alloc(&ig->arena, strlen(text) + 2);
	memcpy(path, text, strlen(text));
	if (!*path)
		return path;
	path_clean(path);
	if (*path == '/')
		path++;
	return path;
}

static int rule_add(
	struct dockerfile_ignore *ig, const char *line, size_t len, uint32_t number, struct err *e)
{
	struct rule rule = {.text = arena_strndup(&ig->arena, line, len), .line = number};
	size_t at = line - ig->source.bytes;
	struct dockerfile_span span = dockerfile_source_span(&ig->source, at, at + len);
	const char *pattern = rule_clean(ig, rule.text, &rule.exception);
	if (!*pattern && rule.exception)
		return dockerfile_source_error(
			&ig->source, span, e, ERR_SYNTAX, "'!' needs a pattern");
	int r = glob_compile(&rule.glob, &ig->arena, pattern, true);
	if (r == -ERR_LIMIT)
		return dockerfile_source_error(&ig->source, span, e, ERR_LIMIT,
			"a pattern longer than %d bytes", LIMIT_IGNORE_PATTERN);
	if (r < 0)
		return dockerfile_source_error(
			&ig->source, span, e, ERR_SYNTAX, "the pattern is malformed");
	if (ig->n == ig->cap) {
		ig->cap = ig->cap ? 2 * ig->cap : 16;
		ig->rules = mem_realloc(ig->rules, ig->cap, sizeof(*ig->rules));
	}
	ig->rules[ig->n++] = rule;
	return 0;
}

int dockerfile_ignore_parse(const char *name, const char *bytes, size_t len,
	struct dockerfile_ignore **ret_ignore, struct err *e)
{
	struct dockerfile_ignore *ig cleanup_dockerfile_ignore = mem_alloc(sizeof(*ig));
	int r = dockerfile_source_init(
		&ig->source, &ig->arena, name, bytes, len, LIMIT_IGNORE_FILE, e);
	for (uint32_t i = 1; r == 0 && i <= ig->source.nlines; i++) {
		size_t n;
		const char *line = dockerfile_source_line(&ig->source, i, &n);
		if (i == 1 && n >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
			line += 3;
			n -= 3;
		}
		if (n && *line == '#')
			continue;
		while (n && is_blank(*line)) {
			line++;
			n--;
		}
		while (n && is_blank(line[n - 1]))
			n--;
		if (n && memchr(line, 0, n))
			r = dockerfile_source_error(&ig->source,
				dockerfile_source_span(&ig->source, line - ig->source.bytes,
					line - ig->source.bytes),
				e, ERR_SYNTAX, "a zero byte in a pattern");
		else if (n)
			r = rule_add(ig, line, n, i, e);
	}
	if (r < 0)
		return r;
	*ret_ignore = STEAL(ig);
	return 0;
}

void dockerfile_ignore_free(struct dockerfile_ignore *ig)
{
	if (!ig)
		return;
	free(ig->rules);
	arena_release(&ig->arena);
	free(ig);
}

size_t dockerfile_ignore_count(const struct dockerfile_ignore *ig)
{
	return ig ? ig->n : 0;
}

static size_t enter(const struct dockerfile_ignore *ig, size_t parent, const char *path, size_t len)
{
	for (size_t i = ig->n; i > parent; i--)
		if (glob_match(&ig->rules[i - 1].glob, path, len))
			return i;
	return parent;
}

/* The state of path: that of its parents, one after the other, and its own */
static size_t enter_all(const struct dockerfile_ignore *ig, const char *path)
{
	size_t state = 0;
	for (size_t i = 1; path[0] && path[i]; i++)
		if (path[i] == '/')
			state = enter(ig, state, path, i);
	return enter(ig, state, path, strlen(path));
}

static bool is_context(const char *path)
{
	return !*path || strcmp(path, ".") == 0;
}

static struct dockerfile_ignore_verdict verdict(const struct dockerfile_ignore *ig, size_t state)
{
	if (state == 0)
		return (struct dockerfile_ignore_verdict){0};
	const struct rule *rule = &ig->rules[state - 1];
	return (struct dockerfile_ignore_verdict){!rule->exception, rule->text, rule->line};
}

struct dockerfile_ignore_verdict dockerfile_ignore_match(
	const struct dockerfile_ignore *ig, const char *path)
{
	if (!ig || is_context(path))
		return (struct dockerfile_ignore_verdict){0};
	return verdict(ig, enter_all(ig, path));
}

size_t dockerfile_ignore_enter(const struct dockerfile_ignore *ig, size_t parent, const char *dir)
{
	return ig && !is_context(dir) ? enter(ig, parent, dir, strlen(dir)) : 0;
}

struct dockerfile_ignore_verdict dockerfile_ignore_match_in(
	const struct dockerfile_ignore *ig, size_t parent, const char *path)
{
	if (!ig || is_context(path))
		return (struct dockerfile_ignore_verdict){0};
	return verdict(ig, enter(ig, parent, path, strlen(path)));
}

bool dockerfile_ignore_may_include_in(
	const struct dockerfile_ignore *ig, size_t state, const char *dir)
{
	if (!ig || state == 0 || ig->rules[state - 1].exception)
		return true;
	/* what matched the directory matches all below it: only a later exception helps */
	size_t len = strlen(dir);
	for (size_t i = state; i < ig->n; i++)
		if (ig->rules[i].exception && glob_may_match_below(&ig->rules[i].glob, dir, len))
			return true;
	return false;
}

bool dockerfile_ignore_may_include_below(const struct dockerfile_ignore *ig, const char *dir)
{
	if (!ig || is_context(dir))
		return true;
	return dockerfile_ignore_may_include_in(ig, enter_all(ig, dir), dir);
}
