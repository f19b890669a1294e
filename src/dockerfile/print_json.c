/* The tree as JSON with the position of every token. */
#include "base/buf.h"
#include "dockerfile/parse.h"
#include "dockerfile/utf8.h"

#include <string.h>

static const char *const forms[] = {
	[DOCKERFILE_WORDS] = "words",
	[DOCKERFILE_TEXT] = "text",
	[DOCKERFILE_JSON] = "json",
	[DOCKERFILE_PAIRS] = "pairs",
	[DOCKERFILE_LEGACY] = "legacy",
	[DOCKERFILE_NESTED] = "nested",
};

/* Bytes that are not UTF-8 become U+FFFD: JSON has no others. */
static void add_string(struct buf *out, const char *text, size_t len)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < len;) {
		uint32_t c;
		size_t n = utf8_decode(text + i, len - i, &c);
		if (!n)
			buf_add_str(out, "\\ufffd");
		else if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (int)c);
		else if (c == '\n')
			buf_add_str(out, "\\n");
		else if (c < 32 || c == 127)
			buf_printf(out, "\\u%04x", c);
		else
			buf_add(out, text + i, n);
		i += n ? n : 1;
	}
	buf_add_char(out, '"');
}

static void add_pos(struct buf *out, const char *key, struct dockerfile_pos pos)
{
	buf_printf(out, "\"%s\":{\"line\":%u,\"column\":%u,\"offset\":%u}", key, pos.line,
		pos.column, pos.offset);
}

static void add_span(struct buf *out, struct dockerfile_span span)
{
	add_pos(out, "start", span.start);
	buf_add_char(out, ',');
	add_pos(out, "end", span.end);
}

static void add_token(struct buf *out, const char *key, const struct dockerfile_token *t)
{
	if (key)
		buf_printf(out, "\"%s\":", key);
	buf_add_str(out, "{\"text\":");
	add_string(out, t->text, t->len);
	buf_add_char(out, ',');
	add_span(out, t->span);
	buf_add_char(out, '}');
}

static void add_flags(struct buf *out, const struct dockerfile_node *node)
{
	buf_add_str(out, ",\"flags\":[");
	for (size_t i = 0; i < node->nflags; i++) {
		const struct dockerfile_flag *flag = &node->flags[i];
		buf_add_str(out, i ? ",{" : "{");
		add_token(out, "name", &flag->name);
		if (flag->has_value) {
			buf_add_char(out, ',');
			add_token(out, "value", &flag->value);
		}
		buf_add_char(out, ',');
		add_span(out, flag->word.span);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_heredoc(struct buf *out, const struct dockerfile_heredoc *h)
{
	buf_add_str(out, "{\"name\":");
	add_string(out, h->name, strlen(h->name));
	buf_printf(out, ",\"fd\":%u,\"expand\":%s,\"strip_tabs\":%s,", h->fd,
		h->expand ? "true" : "false", h->strip_tabs ? "true" : "false");
	add_token(out, "word", &h->word);
	buf_add_char(out, ',');
	add_token(out, "body", &h->body);
	buf_add_str(out, ",\"terminator\":{");
	add_span(out, h->end);
	buf_add_str(out, "}}");
}

static void add_arguments(struct buf *out, const struct dockerfile_node *node)
{
	buf_add_str(out, ",\"args\":[");
	for (size_t i = 0; i < node->nargs; i++) {
		buf_add_str(out, i ? "," : "");
		add_token(out, NULL, &node->args[i]);
	}
	buf_add_str(out, "],\"heredocs\":[");
	for (size_t i = 0; i < node->nheredocs; i++) {
		buf_add_str(out, i ? "," : "");
		add_heredoc(out, &node->heredocs[i]);
	}
	buf_add_char(out, ']');
}

static void add_comments(struct buf *out, const struct dockerfile_comment *comments, size_t n)
{
	buf_add_str(out, "\"comments\":[");
	for (size_t i = 0; i < n; i++) {
		buf_printf(out, "%s{\"inside\":%s,", i ? "," : "",
			comments[i].inside ? "true" : "false");
		add_token(out, "text", &comments[i].text);
		buf_add_char(out, '}');
	}
	buf_add_char(out, ']');
}

static void add_node(
	struct buf *out, const struct dockerfile *f, const struct dockerfile_node *node)
{
	buf_printf(out, "{\"kind\":\"%s\",\"form\":\"%s\",", dockerfile_kind_name(node->kind),
		forms[node->form]);
	add_token(out, "keyword", &node->keyword);
	buf_add_char(out, ',');
	add_span(out, node->span);
	buf_add_str(out, ",\"text\":");
	add_string(out, node->text.text, node->text.len);
	add_flags(out, node);
	add_arguments(out, node);
	buf_add_char(out, ',');
	add_comments(out, f->ncomments ? f->comments + node->first_comment : NULL, node->ncomments);
}

static void add_directives(struct buf *out, const struct dockerfile *f)
{
	buf_add_str(out, ",\"directives\":[");
	for (size_t i = 0; i < f->ndirectives; i++) {
		buf_add_str(out, i ? ",{" : "{");
		add_token(out, "name", &f->directives[i].name);
		buf_add_char(out, ',');
		add_token(out, "value", &f->directives[i].value);
		buf_add_char(out, '}');
	}
	buf_add_str(out, "],");
}

void dockerfile_print_json(const struct dockerfile *f, struct buf *out)
{
	buf_add_str(out, "{\"name\":");
	add_string(out, f->source.name, strlen(f->source.name));
	buf_printf(out, ",\"escape\":\"%s\"", f->escape == '\\' ? "\\\\" : "`");
	add_directives(out, f);
	add_comments(out, f->comments, f->ncomments);
	buf_add_str(out, ",\"instructions\":[");
	for (size_t i = 0; i < f->nnodes; i++) {
		const struct dockerfile_node *node = &f->nodes[i];
		buf_add_str(out, i ? ",\n" : "\n");
		size_t depth = 0;
		for (; node; node = node->trigger) {
			buf_add_str(out, depth++ ? ",\"trigger\":" : "");
			add_node(out, f, node);
		}
		while (depth--)
			buf_add_char(out, '}');
	}
	buf_add_str(out, "\n]}\n");
}
