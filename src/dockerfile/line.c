/* The joined line of an instruction: its bytes' places in the file, and tokens cut from it. */
#include "base/err.h"
#include "base/mem.h"
#include "dockerfile/parse_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void *dockerfile_grow(void *v, size_t n, size_t *cap, size_t size)
{
	if (n < *cap)
		return v;
	*cap = *cap ? 2 * *cap : 16;
	return mem_realloc(v, *cap, size);
}

/* The place in the file of the byte text[at]. */
static struct dockerfile_pos line_pos(const struct dockerfile_parser *p, size_t at)
{
	size_t low = 0, high = p->npieces;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (p->pieces[middle].at <= at)
			low = middle;
		else
			high = middle;
	}
	const struct dockerfile_piece *piece = &p->pieces[low];
	uint32_t offset = piece->origin + (at - piece->at);
	return (struct dockerfile_pos){
		offset, piece->line, offset - p->f->source.lines[piece->line - 1] + 1};
}

struct dockerfile_span dockerfile_line_span(
	const struct dockerfile_parser *p, size_t start, size_t end)
{
	struct dockerfile_span span = {line_pos(p, start), line_pos(p, start)};
	if (end > start) { /* the end belongs to the last byte, not to the line that may follow */
		span.end = line_pos(p, end - 1);
		span.end.offset++;
		span.end.column++;
	}
	return span;
}

struct dockerfile_token dockerfile_line_token(
	const struct dockerfile_parser *p, size_t start, size_t end)
{
	return (struct dockerfile_token){
		.text = end == p->len ? p->text + start
				      : arena_strndup(&p->f->arena, p->text + start, end - start),
		.len = end - start,
		.span = dockerfile_line_span(p, start, end),
	};
}

int dockerfile_line_error(
	struct dockerfile_parser *p, size_t start, size_t end, int code, const char *fmt, ...)
{
	char message[512];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = 0;
	va_end(ap);
	return dockerfile_error(
		p->f, dockerfile_line_span(p, start, end), p->e, code, "%s", message);
}

void dockerfile_words_add(struct dockerfile_parser *p, struct dockerfile_token t)
{
	p->words.v = dockerfile_grow(p->words.v, p->words.n, &p->words.cap, sizeof(t));
	p->words.v[p->words.n++] = t;
}

void dockerfile_words_take(struct dockerfile_parser *p, struct dockerfile_node *node)
{
	size_t size = p->words.n * sizeof(*p->words.v);
	node->nargs = p->words.n;
	if (size) {
		node->args = arena_alloc(&p->f->arena, size);
		memcpy(node->args, p->words.v, size);
	}
	p->words.n = 0;
}
