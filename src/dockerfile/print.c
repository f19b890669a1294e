/* The tree as s-expressions, a line per instruction. */
#include "base/buf.h"
#include "dockerfile/parse.h"
#include "dockerfile/utf8.h"

#include <string.h>

static bool is_printable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {{0x80, 0xa0}, {0xad, 0xad}, {0x1680, 0x1680}, {0x180e, 0x180e},
		{0x2000, 0x200f}, {0x2028, 0x202f}, {0x205f, 0x206f}, {0x3000, 0x3000},
		{0xd800, 0xf8ff}, {0xfeff, 0xfeff}, {0xfff0, 0xfffb}, {0xfffe, 0xffff},
		{0xe0000, 0x10ffff}};
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++)
		if (c >= hidden[i].first && c <= hidden[i].last)
			return false;
	return true;
}

/* A byte below 0x80 */
static void quote_ascii(struct buf *out, unsigned char c)
{
	static const char from[] = "\a\b\f\n\r\t\v\\\"", to[] = "abfnrtv\\\"";
	const char *known = c ? strchr(from, c) : NULL;
	if (known)
		buf_printf(out, "\\%c", to[known - from]);
	else if (c < 32 || c == 127)
		buf_printf(out, "\\x%02x", c);
	else
		buf_add_char(out, (char)c);
}

/* As Go's strconv.Quote */
static void quote(struct buf *out, const struct dockerfile_token *t)
{
	buf_add_char(out, '"');
	for (size_t i = 0; i < t->len;) {
		uint32_t c;
		size_t n = utf8_decode(t->text + i, t->len - i, &c);
		if (!n) {
			buf_printf(out, "\\x%02x", (unsigned char)t->text[i]);
			n = 1;
		} else if (c < 0x80) {
			quote_ascii(out, (unsigned char)c);
		} else if (is_printable(c)) {
			buf_add(out, t->text + i, n);
		} else {
			buf_printf(out, c < 0x10000 ? "\\u%04x" : "\\U%08x", c);
		}
		i += n;
	}
	buf_add_char(out, '"');
}

static void print_flags(struct buf *out, const struct dockerfile_node *node)
{
	for (size_t i = 0; i < node->nflags; i++) {
		buf_add_str(out, i ? " " : " [");
		quote(out, &node->flags[i].word);
	}
	if (node->nflags)
		buf_add_char(out, ']');
}

static void print_arguments(struct buf *out, const struct dockerfile_node *node)
{
	bool pairs = node->form == DOCKERFILE_PAIRS || node->form == DOCKERFILE_LEGACY;
	for (size_t i = 0; i < node->nargs; i++) {
		buf_add_char(out, ' ');
		quote(out, &node->args[i]);
		if (pairs && i % 2)
			buf_add_str(out, node->form == DOCKERFILE_PAIRS ? " \"=\"" : " \"\"");
	}
}

void dockerfile_print_sexp(const struct dockerfile *f, struct buf *out)
{
	for (size_t i = 0; i < f->nnodes; i++) {
		const struct dockerfile_node *node = &f->nodes[i];
		size_t depth = 0;
		for (; node; node = node->trigger) {
			buf_add_str(out, depth++ ? " (" : "(");
			for (size_t k = 0; k < node->keyword.len; k++) {
				char c = node->keyword.text[k];
				buf_add_char(out, c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
			}
			print_flags(out, node);
			print_arguments(out, node);
		}
		while (depth--)
			buf_add_char(out, ')');
		buf_add_char(out, '\n');
	}
}
