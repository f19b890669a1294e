/*
 * Quotes, escapes and the splitting into words; what stands behind a `$` is
 * variable.c. One pass over the bytes; nesting is bounded.
 */
#include "dockerfile/expand.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/strv.h"
#include "dockerfile/expand_priv.h"

#include <string.h>

static bool is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

int expansion_put(struct expansion *ex, struct buf *out, const char *p, size_t len)
{
	if (buf_add(out, p, len) < 0)
		return err_set(ex->e, ERR_LIMIT, "the expanded text is larger than %d bytes",
			LIMIT_EXPANSION);
	return 0;
}

/* What becomes words: a blank splits unless it was quoted. */
static void words_add(struct splitter *w, const char *p, size_t len, bool quoted)
{
	for (size_t i = 0; w && i < len; i++) {
		if (!quoted && is_blank(p[i])) {
			if (w->word.len)
				strv_add(w->words, buf_str(&w->word));
			buf_clear(&w->word);
		} else {
			buf_add_char(&w->word, p[i]);
		}
	}
}

static int put_both(struct expansion *ex, struct buf *out, struct splitter *w, const char *p,
	size_t len, bool quoted)
{
	words_add(w, p, len, quoted);
	return expansion_put(ex, out, p, len);
}

/* At the quote; everything up to the next one is taken as it is. */
static int single_quotes(struct expansion *ex, struct buf *out)
{
	const char *end = memchr(ex->text + ex->at + 1, '\'', ex->len - ex->at - 1);
	if (!end)
		return err_set(ex->e, ERR_SYNTAX, "a single quote is not closed");
	size_t start = ex->at, stop = end - ex->text;
	bool keep = ex->x->flags & DOCKERFILE_KEEP_QUOTES;
	ex->at = stop + 1;
	return expansion_put(ex, out, ex->text + start + !keep, stop - start - 1 + (keep ? 2 : 0));
}

/* At the quote; variables are replaced, and the escape character holds `"`, `$` and itself. */
static int double_quotes(struct expansion *ex, struct buf *out)
{
	bool keep = ex->x->flags & DOCKERFILE_KEEP_QUOTES;
	int r = keep ? expansion_put(ex, out, "\"", 1) : 0;
	ex->at++;
	while (r >= 0 && ex->at < ex->len) {
		const char *c = ex->text + ex->at;
		if (*c == '$') {
			r = expansion_variable(ex, out);
			continue;
		}
		ex->at++;
		if (*c == '"')
			return keep ? expansion_put(ex, out, "\"", 1) : 0;
		if (*c == ex->escape) {
			if (ex->keep_escapes)
				r = expansion_put(ex, out, c, 1);
			if (ex->at == ex->len)
				break;
			if (c[1] == '"' || c[1] == '$' || c[1] == ex->escape) {
				c++;
				ex->at++;
			}
		}
		if (r >= 0)
			r = expansion_put(ex, out, c, 1);
	}
	return r < 0 ? r : err_set(ex->e, ERR_SYNTAX, "a double quote is not closed");
}

static int special(struct expansion *ex, struct buf *out, struct splitter *w)
{
	struct buf value cleanup_buf = BUF_INIT_MAX(LIMIT_EXPANSION);
	char c = ex->text[ex->at];
	int r = c == '$'   ? expansion_variable(ex, &value)
		: c == '"' ? double_quotes(ex, &value)
			   : single_quotes(ex, &value);
	return r < 0 ? r : put_both(ex, out, w, buf_str(&value), value.len, c != '$');
}

/* Up to the character stop (0: the end of the text), which is consumed. */
static int text_run(struct expansion *ex, char stop, struct buf *out, struct splitter *w)
{
	bool quotes = !(ex->x->flags & DOCKERFILE_LITERAL_QUOTES);
	int r = 0;
	while (r >= 0 && ex->at < ex->len) {
		const char *c = ex->text + ex->at;
		if (stop && *c == stop) {
			ex->at++;
			return 0;
		}
		if (*c == '$' || (quotes && (*c == '\'' || *c == '"'))) {
			r = special(ex, out, w);
			continue;
		}
		ex->at++;
		if (*c != ex->escape) {
			r = put_both(ex, out, w, c, 1, false);
			continue;
		}
		if (ex->keep_escapes)
			r = put_both(ex, out, w, c, 1, true);
		if (r >= 0 && ex->at < ex->len)
			r = put_both(ex, out, w, ex->text + ex->at++, 1, true);
	}
	if (r >= 0 && stop)
		r = err_set(ex->e, ERR_SYNTAX, "a '%c' is missing in '${'", stop);
	return r;
}

int expansion_until(struct expansion *ex, char stop, bool keep_escapes, struct buf *out)
{
	bool saved = ex->keep_escapes;
	if (ex->depth >= LIMIT_EXPAND_DEPTH)
		return err_set(
			ex->e, ERR_LIMIT, "variables nested deeper than %d", LIMIT_EXPAND_DEPTH);
	ex->depth++;
	ex->keep_escapes = keep_escapes;
	int r = text_run(ex, stop, out, NULL);
	ex->keep_escapes = saved;
	ex->depth--;
	return r;
}

static struct expansion expansion_begin(
	const struct dockerfile_expander *x, const char *text, struct err *e)
{
	return (struct expansion){
		.x = x,
		.text = text,
		.len = strlen(text),
		.escape = x->escape ? x->escape : '\\',
		.keep_escapes = x->flags & DOCKERFILE_KEEP_ESCAPES,
		.steps = LIMIT_EXPAND_STEPS,
		.e = e,
	};
}

int dockerfile_expand_word(
	const struct dockerfile_expander *x, const char *text, struct buf *out, struct err *e)
{
	struct expansion ex = expansion_begin(x, text, e);
	struct buf value cleanup_buf = BUF_INIT_MAX(LIMIT_EXPANSION);
	int r = text_run(&ex, 0, &value, NULL);
	return r < 0 ? r : expansion_put(&ex, out, buf_str(&value), value.len);
}

int dockerfile_expand_words(
	const struct dockerfile_expander *x, const char *text, struct strv *words, struct err *e)
{
	struct expansion ex = expansion_begin(x, text, e);
	struct buf value cleanup_buf = BUF_INIT_MAX(LIMIT_EXPANSION);
	struct strv found cleanup_strv = STRV_INIT;
	struct splitter w = {.words = &found};
	int r = text_run(&ex, 0, &value, &w);
	if (r >= 0 && w.word.len)
		strv_add(&found, buf_str(&w.word));
	buf_release(&w.word);
	if (r >= 0)
		strv_add_all(words, &found);
	return r;
}
