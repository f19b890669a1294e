/* Heredocs: which words of a line open one, and the lines up to each terminator. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dockerfile/parse_priv.h"

#include <string.h>

struct opening {
	uint32_t fd;
	bool strip_tabs;
	bool quoted;
	struct buf name;
};

/* Behind the opening quote of text[at - 1]: where the quoted part ends, or 0. In double quotes a
 * backslash holds the quote, the dollar and itself. name: what it says, NULL: not wanted. */
static size_t quoted_part(const char *text, size_t at, size_t len, struct buf *name)
{
	char quote = text[at - 1];
	for (; at < len; at++) {
		char c = text[at];
		if (c == quote)
			return at + 1;
		if (quote == '"' && c == '\\' && at + 1 < len && memchr("\"$\\", text[at + 1], 3))
			c = text[++at];
		if (name)
			buf_add_char(name, c);
	}
	return 0;
}

/* The end of the shell word at text[at], or 0 when a quote is not closed. name as above. */
static size_t shell_word(
	const char *text, size_t at, size_t len, struct buf *name, bool *ret_quoted)
{
	while (at < len && !dockerfile_is_blank(text[at])) {
		char c = text[at++];
		if (c == '\'' || c == '"') {
			*ret_quoted = true;
			at = quoted_part(text, at, len, name);
			if (!at)
				return 0;
			continue;
		}
		if (c == '\\') {
			*ret_quoted = true;
			if (at == len)
				break;
			c = text[at++];
		}
		if (name)
			buf_add_char(name, c);
	}
	return at;
}

/* Reads `3<<-"EOF"`; the word ends with text[len]. */
static bool opening_parse(const char *text, size_t len, struct opening *o)
{
	size_t at = 0;
	o->fd = 0;
	while (at < len && text[at] >= '0' && text[at] <= '9' && o->fd < 100000)
		o->fd = 10 * o->fd + (uint32_t)(text[at++] - '0');
	if (len - at < 3 || text[at] != '<' || text[at + 1] != '<')
		return false;
	at += 2;
	o->strip_tabs = text[at] == '-';
	at += o->strip_tabs;
	o->quoted = false;
	if (memchr(text + at, '<', len - at))
		return false;
	buf_clear(&o->name);
	return shell_word(text, at, len, &o->name, &o->quoted) == len && o->name.len > 0;
}

bool dockerfile_word_is_heredoc(const char *word)
{
	struct opening o = {.name = BUF_INIT};
	bool is = opening_parse(word, strlen(word), &o);
	buf_release(&o.name);
	return is;
}

/* The body's lines without their leading tabs */
static void strip_tabs(struct dockerfile_parser *p, struct dockerfile_heredoc *h)
{
	struct buf out cleanup_buf = BUF_INIT;
	bool at_start = true;
	for (size_t i = 0; i < h->body.len; i++) {
		char c = h->body.text[i];
		if (at_start && c == '\t')
			continue;
		at_start = c == '\n';
		buf_add_char(&out, c);
	}
	h->text = arena_strndup(&p->f->arena, buf_str(&out), out.len);
	h->text_len = out.len;
}

static bool line_ends_heredoc(
	const struct dockerfile_source *s, uint32_t line, const struct opening *o)
{
	size_t len;
	const char *text = dockerfile_source_line(s, line, &len);
	while (o->strip_tabs && len && *text == '\t') {
		text++;
		len--;
	}
	return len == o->name.len && memcmp(text, o->name.data, len) == 0;
}

/* Reads the lines behind the instruction up to the terminator. */
static int heredoc_read(struct dockerfile_parser *p, size_t start, size_t end,
	const struct opening *o, struct dockerfile_heredoc *ret_heredoc)
{
	struct dockerfile_source *s = &p->f->source;
	size_t line = p->next_line;
	while (line < s->nlines && !line_ends_heredoc(s, line + 1, o))
		line++;
	if (line == s->nlines)
		return dockerfile_line_error(p, start, end, ERR_SYNTAX,
			"the heredoc is not closed: no line says '%.80s'", buf_str(&o->name));
	size_t from = s->lines[p->next_line], to = s->lines[line], len;
	const char *last = dockerfile_source_line(s, line + 1, &len);
	struct dockerfile_heredoc h = {
		.word = dockerfile_line_token(p, start, end),
		.name = arena_strndup(&p->f->arena, o->name.data, o->name.len),
		.fd = o->fd,
		.expand = !o->quoted,
		.strip_tabs = o->strip_tabs,
		.body = {arena_strndup(&p->f->arena, s->bytes + from, to - from), to - from,
			dockerfile_source_span(s, from, to)},
		.end = dockerfile_source_span(s, to, last + len - s->bytes),
	};
	h.text = h.body.text;
	h.text_len = h.body.len;
	if (h.strip_tabs)
		strip_tabs(p, &h);
	p->next_line = line + 1;
	*ret_heredoc = h;
	return 0;
}

/* Is every quote of the line closed? If not, nothing in it opens a heredoc: as the reference. */
static bool quotes_closed(const struct dockerfile_parser *p)
{
	bool quoted;
	for (size_t at = 0; at < p->len; at++)
		if (!dockerfile_is_blank(p->text[at])) {
			at = shell_word(p->text, at, p->len, NULL, &quoted);
			if (!at)
				return false;
		}
	return true;
}

int dockerfile_heredocs_parse(struct dockerfile_parser *p, struct dockerfile_node *node)
{
	if (!memmem(p->text, p->len, "<<", 2) || !quotes_closed(p))
		return 0;
	struct opening o = {.name = BUF_INIT};
	struct dockerfile_heredoc *v cleanup_free = NULL;
	size_t n = 0, cap = 0;
	bool quoted;
	int r = 0;
	for (size_t at = 0; at < p->len && r == 0; at++) {
		if (dockerfile_is_blank(p->text[at]))
			continue;
		size_t start = at;
		at = shell_word(p->text, at, p->len, NULL, &quoted);
		if (!opening_parse(p->text + start, at - start, &o))
			continue;
		v = dockerfile_grow(v, n, &cap, sizeof(*v));
		r = heredoc_read(p, start, at, &o, &v[n]);
		n += r == 0;
	}
	buf_release(&o.name);
	if (r == 0 && n) {
		node->nheredocs = n;
		node->heredocs = arena_alloc(&p->f->arena, n * sizeof(*v));
		memcpy(node->heredocs, v, n * sizeof(*v));
	}
	return r;
}
