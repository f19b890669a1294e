/* Flags, words and name=value pairs of an instruction. */
#include "base/buf.h"
#include "base/err.h"
#include "dockerfile/parse_priv.h"

#include <string.h>

/* One flag word that begins at `at`: quotes and backslashes go. Returns where it ends. The
 * backslash is fixed here whatever the escape directive says, as in the reference. */
static size_t flag_word(const struct dockerfile_parser *p, size_t at, struct buf *out)
{
	char quote = 0;
	for (; at < p->len; at++) {
		char c = p->text[at];
		if (c == '\\') {
			if (at + 1 < p->len)
				buf_add_char(out, p->text[++at]);
		} else if (quote) {
			if (c == quote)
				quote = 0;
			else
				buf_add_char(out, c);
		} else if (c == '\'' || c == '"') {
			quote = c;
		} else if (dockerfile_is_blank(c)) {
			break;
		} else {
			buf_add_char(out, c);
		}
	}
	return at;
}

static struct dockerfile_flag flag_make(
	const struct dockerfile_parser *p, size_t start, size_t end, const struct buf *word)
{
	struct arena *a = &p->f->arena;
	const char *text = arena_strndup(a, word->data, word->len);
	const char *equals = memchr(text, '=', word->len);
	size_t name_len = (equals ? (size_t)(equals - text) : word->len) - 2;
	const char *raw = memchr(p->text + start, '=', end - start);
	size_t name_end = raw ? (size_t)(raw - p->text) : end;
	struct dockerfile_flag flag = {
		.word = {text, word->len, dockerfile_line_span(p, start, end)},
		.name = {arena_strndup(a, text + 2, name_len), name_len,
			dockerfile_line_span(p, MIN(start + 2, name_end), name_end)},
		.has_value = equals != NULL,
	};
	flag.value.text = equals ? equals + 1 : "";
	flag.value.len = equals ? word->len - (equals + 1 - text) : 0;
	flag.value.span = dockerfile_line_span(p, MIN(name_end + 1, end), end);
	return flag;
}

void dockerfile_flags_parse(
	struct dockerfile_parser *p, size_t at, struct dockerfile_node *node, size_t *ret_rest)
{
	struct buf word cleanup_buf = BUF_INIT;
	struct buf flags cleanup_buf = BUF_INIT;
	for (;;) {
		while (at < p->len && dockerfile_is_blank(p->text[at]))
			at++;
		if (p->len - at < 2 || p->text[at] != '-' || p->text[at + 1] != '-')
			break;
		buf_clear(&word);
		size_t start = at;
		at = flag_word(p, at, &word);
		if (word.len == 2)
			break; /* "--" ends the flags */
		struct dockerfile_flag flag = flag_make(p, start, at, &word);
		buf_add(&flags, &flag, sizeof(flag));
		node->nflags++;
	}
	while (at < p->len && dockerfile_is_blank(p->text[at]))
		at++;
	if (node->nflags) {
		node->flags = arena_alloc(&p->f->arena, flags.len);
		memcpy(node->flags, flags.data, flags.len);
	}
	*ret_rest = at;
}

void dockerfile_split_words(struct dockerfile_parser *p, size_t at)
{
	while (at < p->len) {
		size_t start = at;
		while (at < p->len && !dockerfile_is_blank(p->text[at]))
			at++;
		if (at > start)
			dockerfile_words_add(p, dockerfile_line_token(p, start, at));
		while (at < p->len && dockerfile_is_blank(p->text[at]))
			at++;
	}
}

/* The end of the word that begins at `at`; *ret_end: behind its last byte, without an escape
 * character that ends the line. */
static size_t quoted_word(const struct dockerfile_parser *p, size_t at, size_t *ret_end)
{
	char quote = 0;
	for (; at < p->len; at++) {
		char c = p->text[at];
		if (c == p->f->escape && quote != '\'') {
			if (at + 1 == p->len) {
				*ret_end = at;
				return p->len;
			}
			at++;
		} else if (quote) {
			if (c == quote)
				quote = 0;
		} else if (c == '\'' || c == '"') {
			quote = c;
		} else if (dockerfile_is_blank(c)) {
			break;
		}
	}
	*ret_end = at;
	return at;
}

void dockerfile_split_quoted(struct dockerfile_parser *p, size_t at)
{
	for (;;) {
		while (at < p->len && dockerfile_is_blank(p->text[at]))
			at++;
		if (at == p->len)
			return;
		size_t start = at, end;
		at = quoted_word(p, at, &end);
		if (end > start)
			dockerfile_words_add(p, dockerfile_line_token(p, start, end));
	}
}

static int pairs_legacy(struct dockerfile_parser *p, size_t at, struct dockerfile_node *node)
{
	size_t name_end = at;
	while (name_end < p->len && !dockerfile_is_blank(p->text[name_end]))
		name_end++;
	size_t value = name_end;
	while (value < p->len && dockerfile_is_blank(p->text[value]))
		value++;
	if (value == name_end)
		return dockerfile_line_error(p, at, name_end, ERR_SYNTAX,
			"%s needs a value: NAME=VALUE", dockerfile_kind_name(node->kind));
	dockerfile_words_add(p, dockerfile_line_token(p, at, name_end));
	dockerfile_words_add(p, dockerfile_line_token(p, value, p->len));
	dockerfile_words_take(p, node);
	node->form = DOCKERFILE_LEGACY;
	return 0;
}

static struct dockerfile_token token_cut(const struct dockerfile_parser *p,
	const struct dockerfile_token *t, size_t from, size_t to, struct dockerfile_span span)
{
	return (struct dockerfile_token){
		.text = to == t->len ? t->text + from
				     : arena_strndup(&p->f->arena, t->text + from, to - from),
		.len = to - from,
		.span = span,
	};
}

int dockerfile_pairs_parse(struct dockerfile_parser *p, size_t at, struct dockerfile_node *node)
{
	struct buf pairs cleanup_buf = BUF_INIT;
	node->form = DOCKERFILE_PAIRS;
	for (bool first = true;; first = false) {
		while (at < p->len && dockerfile_is_blank(p->text[at]))
			at++;
		if (at == p->len)
			break;
		size_t start = at, end;
		at = quoted_word(p, at, &end);
		if (end == start)
			continue;
		const char *equals = memchr(p->text + start, '=', end - start);
		if (!equals && first)
			return pairs_legacy(p, start, node);
		if (!equals)
			return dockerfile_line_error(p, start, end, ERR_SYNTAX,
				"'%.*s' has no '=': %s takes NAME=VALUE pairs",
				(int)MIN(end - start, 80), p->text + start,
				dockerfile_kind_name(node->kind));
		size_t middle = equals - p->text;
		struct dockerfile_token word = dockerfile_line_token(p, start, end);
		struct dockerfile_token pair[2] = {
			token_cut(p, &word, 0, middle - start,
				dockerfile_line_span(p, start, middle)),
			token_cut(p, &word, middle + 1 - start, end - start,
				dockerfile_line_span(p, MIN(middle + 1, end - 1), end)),
		};
		if (middle + 1 == end) /* an empty value stands behind the '=' */
			pair[1].span.start = pair[1].span.end;
		buf_add(&pairs, pair, sizeof(pair));
	}
	node->nargs = pairs.len / sizeof(struct dockerfile_token);
	if (node->nargs) {
		node->args = arena_alloc(&p->f->arena, pairs.len);
		memcpy(node->args, pairs.data, pairs.len);
	}
	return 0;
}
