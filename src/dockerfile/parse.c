/*
 * Lines to instructions: comments, directives, continuations, and the choice
 * of what an instruction's arguments are. The words themselves are words.c,
 * json.c and heredoc.c.
 */
#include "dockerfile/parse.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "dockerfile/parse_priv.h"

#include <stdlib.h>
#include <string.h>

/* A physical line without its end, and where it begins in the file */
struct line {
	const char *text;
	size_t len;
	size_t origin;
};

static struct line line_get(const struct dockerfile_parser *p, size_t i)
{
	const struct dockerfile_source *s = &p->f->source;
	struct line l;
	l.text = dockerfile_source_line(s, i + 1, &l.len);
	if (i == 0 && l.len >= 3 && memcmp(l.text, "\xef\xbb\xbf", 3) == 0) {
		l.text += 3;
		l.len -= 3;
	}
	l.origin = l.text - s->bytes;
	return l;
}

static struct line line_trim(struct line l)
{
	while (l.len && dockerfile_is_blank(*l.text)) {
		l.text++;
		l.origin++;
		l.len--;
	}
	while (l.len && dockerfile_is_blank(l.text[l.len - 1]))
		l.len--;
	return l;
}

static struct dockerfile_token line_cut(
	const struct dockerfile_parser *p, struct line l, size_t from, size_t to)
{
	return (struct dockerfile_token){
		.text = arena_strndup(&p->f->arena, l.text + from, to - from),
		.len = to - from,
		.span = dockerfile_source_span(&p->f->source, l.origin + from, l.origin + to),
	};
}

/* The line without a continuation character at its end, if it has one that is not escaped. */
static bool line_continues(const struct dockerfile_parser *p, struct line *l)
{
	size_t len = l->len;
	while (len && (l->text[len - 1] == ' ' || l->text[len - 1] == '\t'))
		len--;
	if (!len || l->text[len - 1] != p->f->escape ||
		(len > 1 && l->text[len - 2] == p->f->escape))
		return false;
	l->len = len - 1;
	return true;
}

static int directive_set_escape(struct dockerfile_parser *p, const struct dockerfile_token *value)
{
	if (strcmp(value->text, "\\") != 0 && strcmp(value->text, "`") != 0)
		return dockerfile_error(p->f, value->span, p->e, ERR_SYNTAX,
			"the escape character is '\\' or '`', not '%.20s'", value->text);
	p->f->escape = *value->text;
	return 0;
}

/* l: a trimmed line that begins with '#'. 1: it is a directive, 0: a comment. */
static int directive_parse(struct dockerfile_parser *p, struct line l)
{
	static const char *const known[] = {"check", "escape", "syntax"};
	size_t at = 1, name;
	while (at < l.len && dockerfile_is_blank(l.text[at]))
		at++;
	for (name = at; at < l.len && memchr("=\t\v\f\r ", l.text[at], 6) == NULL; at++)
		;
	size_t name_end = at;
	while (at < l.len && dockerfile_is_blank(l.text[at]))
		at++;
	if (at >= l.len || l.text[at++] != '=')
		return 0;
	while (at < l.len && dockerfile_is_blank(l.text[at]))
		at++;
	const char *found = NULL;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strlen(known[i]) == name_end - name &&
			strncasecmp(known[i], l.text + name, name_end - name) == 0)
			found = known[i];
	if (!found || at == l.len)
		return 0;
	struct dockerfile *f = p->f;
	struct dockerfile_directive d = {line_cut(p, l, name, name_end), line_cut(p, l, at, l.len)};
	d.name.text = found;
	for (size_t i = 0; i < f->ndirectives; i++)
		if (strcmp(f->directives[i].name.text, found) == 0)
			return dockerfile_error(f, d.name.span, p->e, ERR_SYNTAX,
				"only one %s directive can be used", found);
	f->directives =
		dockerfile_grow(f->directives, f->ndirectives, &p->cap_directives, sizeof(d));
	f->directives[f->ndirectives++] = d;
	int r = strcmp(found, "escape") == 0 ? directive_set_escape(p, &d.value) : 0;
	return r < 0 ? r : 1;
}

static void comment_add(struct dockerfile_parser *p, struct line l, bool inside)
{
	struct dockerfile *f = p->f;
	struct line text = {l.text + 1, l.len - 1, l.origin + 1};
	text = line_trim(text);
	struct dockerfile_comment c = {line_cut(p, text, 0, text.len), inside};
	f->comments = dockerfile_grow(f->comments, f->ncomments, &p->cap_comments, sizeof(c));
	f->comments[f->ncomments++] = c;
}

/* A line of its own that begins with '#' */
static int comment_line(struct dockerfile_parser *p, struct line l)
{
	int r = p->directives_done ? 0 : directive_parse(p, l);
	if (r != 0)
		return r;
	p->directives_done = true;
	comment_add(p, l, false);
	return 0;
}

static void line_append(struct dockerfile_parser *p, struct buf *joined, struct line l)
{
	struct dockerfile_piece piece = {joined->len, l.origin, p->next_line};
	p->pieces = dockerfile_grow(p->pieces, p->npieces, &p->cap_pieces, sizeof(piece));
	p->pieces[p->npieces++] = piece;
	buf_add(joined, l.text, l.len);
}

/* Joins the line l and those that continue it into p->text, blanks around trimmed. */
static void lines_join(
	struct dockerfile_parser *p, struct line l, bool more, struct dockerfile_span *ret_empty)
{
	struct buf joined cleanup_buf = BUF_INIT;
	const struct dockerfile_source *s = &p->f->source;
	p->npieces = 0;
	line_append(p, &joined, l);
	while (more && p->next_line < s->nlines) {
		l = line_get(p, p->next_line++);
		struct line trimmed = line_trim(l);
		if (trimmed.len && *trimmed.text == '#') {
			comment_add(p, trimmed, true);
		} else if (!trimmed.len) {
			if (ret_empty->start.line == 0)
				*ret_empty = dockerfile_source_span(s, l.origin, l.origin);
		} else {
			more = line_continues(p, &l);
			line_append(p, &joined, l);
		}
	}
	while (joined.len && dockerfile_is_blank(joined.data[joined.len - 1]))
		joined.len--;
	p->len = joined.len;
	p->text = arena_strndup(&p->f->arena, buf_str(&joined), joined.len);
}

static enum dockerfile_form form_of(enum dockerfile_kind kind)
{
	switch (kind) {
	case DOCKERFILE_ENV:
	case DOCKERFILE_LABEL:
		return DOCKERFILE_PAIRS;
	case DOCKERFILE_ADD:
	case DOCKERFILE_ARG:
	case DOCKERFILE_COPY:
	case DOCKERFILE_EXPOSE:
	case DOCKERFILE_FROM:
	case DOCKERFILE_VOLUME:
		return DOCKERFILE_WORDS;
	case DOCKERFILE_ONBUILD:
		return DOCKERFILE_NESTED;
	default:
		return DOCKERFILE_TEXT;
	}
}

static bool may_be_json(enum dockerfile_kind kind)
{
	switch (kind) {
	case DOCKERFILE_ADD:
	case DOCKERFILE_CMD:
	case DOCKERFILE_COPY:
	case DOCKERFILE_ENTRYPOINT:
	case DOCKERFILE_HEALTHCHECK:
	case DOCKERFILE_RUN:
	case DOCKERFILE_SHELL:
	case DOCKERFILE_VOLUME:
		return true;
	default:
		return false;
	}
}

/* Everything behind the flags, from text[at] on, except for ONBUILD. */
static int arguments_parse(struct dockerfile_parser *p, size_t at, struct dockerfile_node *node)
{
	node->form = form_of(node->kind);
	if (node->form == DOCKERFILE_PAIRS)
		return dockerfile_pairs_parse(p, at, node);
	if (node->kind == DOCKERFILE_HEALTHCHECK && at < p->len) {
		size_t end = at; /* the type, then a command like CMD's */
		while (end < p->len && !dockerfile_is_blank(p->text[end]))
			end++;
		dockerfile_words_add(p, dockerfile_line_token(p, at, end));
		for (at = end; at < p->len && dockerfile_is_blank(p->text[at]); at++)
			;
	}
	int json = may_be_json(node->kind) ? dockerfile_json_parse(p, at) : 0;
	if (json < 0)
		return json;
	if (json)
		node->form = DOCKERFILE_JSON;
	else if (node->kind == DOCKERFILE_ARG)
		dockerfile_split_quoted(p, at);
	else if (node->form == DOCKERFILE_WORDS)
		dockerfile_split_words(p, at);
	else if (at < p->len)
		dockerfile_words_add(p, dockerfile_line_token(p, at, p->len));
	dockerfile_words_take(p, node);
	return 0;
}

/* The instruction at text[at]: keyword, flags, arguments. */
static int node_parse(
	struct dockerfile_parser *p, size_t at, int depth, struct dockerfile_node *node)
{
	size_t end = at, rest;
	while (end < p->len && !dockerfile_is_blank(p->text[end]))
		end++;
	*node = (struct dockerfile_node){
		.kind = dockerfile_kind_parse(p->text + at, end - at),
		.keyword = dockerfile_line_token(p, at, end),
		.text = dockerfile_line_token(p, at, p->len),
		.span = dockerfile_line_span(p, at, p->len),
	};
	dockerfile_flags_parse(p, end, node, &rest);
	node->rest = dockerfile_line_token(p, rest, p->len);
	if (node->kind != DOCKERFILE_ONBUILD)
		return arguments_parse(p, rest, node);
	node->form = DOCKERFILE_NESTED;
	if (rest == p->len)
		return 0;
	if (depth >= LIMIT_ONBUILD_DEPTH)
		return dockerfile_line_error(p, at, end, ERR_LIMIT, "ONBUILD nested too deep");
	node->trigger = arena_alloc(&p->f->arena, sizeof(*node->trigger));
	return node_parse(p, rest, depth + 1, node->trigger);
}

static bool node_may_have_heredocs(const struct dockerfile_node *node)
{
	if (node->kind == DOCKERFILE_ONBUILD)
		node = node->trigger;
	return node && node->form != DOCKERFILE_JSON &&
	       (node->kind == DOCKERFILE_RUN || node->kind == DOCKERFILE_COPY ||
		       node->kind == DOCKERFILE_ADD);
}

static int heredocs_add(struct dockerfile_parser *p, struct dockerfile_node *node)
{
	int r = dockerfile_heredocs_parse(p, node);
	if (r < 0 || !node->nheredocs)
		return r;
	node->span.end = node->heredocs[node->nheredocs - 1].end.end;
	if (node->trigger) {
		node->trigger->heredocs = node->heredocs;
		node->trigger->nheredocs = node->nheredocs;
		node->trigger->span.end = node->span.end;
	}
	return 0;
}

/* An instruction that begins with the line l, already trimmed on the left. */
static int instruction_parse(struct dockerfile_parser *p, struct line l)
{
	struct dockerfile *f = p->f;
	struct dockerfile_node node;
	struct dockerfile_span empty = {0};
	bool more = line_continues(p, &l);
	p->directives_done = true;
	lines_join(p, l, more, &empty);
	size_t at = 0;
	while (at < p->len && dockerfile_is_blank(p->text[at]))
		at++;
	if (at == p->len) {
		p->run_start = f->ncomments;
		return 0;
	}
	int r = node_parse(p, at, 0, &node);
	if (r >= 0 && node_may_have_heredocs(&node))
		r = heredocs_add(p, &node);
	if (r < 0)
		return r;
	node.empty_line = empty;
	node.first_comment = p->run_start;
	node.ncomments = f->ncomments - p->run_start;
	p->run_start = f->ncomments;
	f->nodes = dockerfile_grow(f->nodes, f->nnodes, &p->cap_nodes, sizeof(node));
	f->nodes[f->nnodes++] = node;
	return 0;
}

static int lines_parse(struct dockerfile_parser *p)
{
	struct dockerfile *f = p->f;
	int r = 0;
	while (r >= 0 && p->next_line < f->source.nlines) {
		struct line l = line_get(p, p->next_line++);
		struct line trimmed = line_trim(l);
		if (!trimmed.len) {
			p->directives_done = true;
			p->run_start = f->ncomments;
		} else if (*trimmed.text == '#') {
			r = comment_line(p, trimmed);
		} else {
			l.len -= trimmed.origin - l.origin; /* blanks at the end may be a value's */
			l.text = trimmed.text;
			l.origin = trimmed.origin;
			r = instruction_parse(p, l);
		}
	}
	if (r >= 0 && f->nnodes == 0)
		r = err_set(p->e, ERR_SYNTAX, "%s: no instruction in the file", f->source.name);
	return r;
}

int dockerfile_parse(const char *name, const char *bytes, size_t len, struct dockerfile **ret_file,
	struct err *e)
{
	struct dockerfile *f cleanup_dockerfile = mem_alloc(sizeof(*f));
	f->escape = '\\';
	int r = dockerfile_source_init(
		&f->source, &f->arena, name, bytes, len, LIMIT_DOCKERFILE, e);
	if (r < 0)
		return r;
	struct dockerfile_parser p = {.f = f, .e = e};
	r = lines_parse(&p);
	free(p.pieces);
	free(p.words.v);
	if (r < 0)
		return r;
	*ret_file = STEAL(f);
	return 0;
}

void dockerfile_free(struct dockerfile *f)
{
	if (!f)
		return;
	free(f->directives);
	free(f->comments);
	free(f->nodes);
	arena_release(&f->arena);
	free(f);
}
