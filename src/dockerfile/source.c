/* Line table, positions and the excerpt under a diagnostic; see the header. */
#include "dockerfile/source.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#include <stdarg.h>
#include <string.h>

enum {
	EXCERPT_WIDTH = 100, /* bytes of a line that are shown */
	EXCERPT_LEAD = 40,   /* of these, before the caret */
	MESSAGE_MAX = 1024,
};

int dockerfile_source_init(struct dockerfile_source *s, struct arena *a, const char *name,
	const char *bytes, size_t len, size_t max, struct err *e)
{
	if (len > max)
		return err_set(e, ERR_LIMIT, "%s: larger than %zu bytes", name, max);
	size_t n = 1;
	for (const char *p = bytes; len && (p = memchr(p, '\n', bytes + len - p)); p++)
		n++;
	uint32_t *lines = arena_alloc(a, n * sizeof(*lines));
	size_t i = 0;
	lines[i++] = 0;
	for (const char *p = bytes; len && (p = memchr(p, '\n', bytes + len - p)); p++)
		lines[i++] = p + 1 - bytes;
	if (n > 1 && lines[n - 1] == len)
		n--; /* nothing behind the last end of line */
	*s = (struct dockerfile_source){
		.name = arena_strdup(a, name),
		.bytes = arena_strndup(a, len ? bytes : "", len),
		.len = len,
		.lines = lines,
		.nlines = n,
	};
	return 0;
}

struct dockerfile_pos dockerfile_source_pos(const struct dockerfile_source *s, size_t offset)
{
	size_t low = 0, high = s->nlines;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;
		if (s->lines[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return (struct dockerfile_pos){offset, low + 1, offset - s->lines[low] + 1};
}

struct dockerfile_span dockerfile_source_span(
	const struct dockerfile_source *s, size_t start, size_t end)
{
	return (struct dockerfile_span){
		dockerfile_source_pos(s, start), dockerfile_source_pos(s, end)};
}

const char *dockerfile_source_line(
	const struct dockerfile_source *s, uint32_t line, size_t *ret_len)
{
	size_t start = s->lines[line - 1];
	size_t end = line < s->nlines ? s->lines[line] : s->len;
	while (end > start && (s->bytes[end - 1] == '\n' || s->bytes[end - 1] == '\r'))
		end--;
	*ret_len = end - start;
	return s->bytes + start;
}

static bool is_continuation_byte(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Adds text that a terminal shows in one column a character: what is not is replaced. */
static void add_shown(struct buf *out, const char *p, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)p[i];
		buf_add_char(out, c == '\t' ? ' ' : c < 32 || c == 127 ? '?' : (char)c);
	}
}

static size_t count_characters(const char *p, size_t len)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++)
		n += !is_continuation_byte(p[i]);
	return n;
}

static void add_repeated(struct buf *out, char c, size_t n)
{
	while (n--)
		buf_add_char(out, c);
}

void dockerfile_source_excerpt(
	const struct dockerfile_source *s, struct dockerfile_span span, struct buf *out)
{
	if (span.start.line == 0 || span.start.line > s->nlines)
		return;
	size_t len;
	const char *text = dockerfile_source_line(s, span.start.line, &len);
	size_t from = MIN(span.start.column - 1, len);
	size_t to = span.end.line == span.start.line ? MIN(span.end.column - 1, len) : len;
	size_t left = 0;
	if (len > EXCERPT_WIDTH && from > EXCERPT_LEAD)
		left = MIN(from - EXCERPT_LEAD, len - EXCERPT_WIDTH);
	while (left > 0 && left < len && is_continuation_byte(text[left]))
		left--;
	size_t right = MIN(len, left + EXCERPT_WIDTH);
	while (right < len && is_continuation_byte(text[right]))
		right++;
	to = MIN(to, right);

	buf_printf(out, "%6u | %s", span.start.line, left ? "..." : "");
	add_shown(out, text + left, right - left);
	buf_add_str(out, right < len ? "...\n" : "\n");
	buf_add_str(out, "       | ");
	add_repeated(out, ' ', (left ? 3 : 0) + count_characters(text + left, from - left));
	buf_add_char(out, '^');
	size_t marked = to > from ? count_characters(text + from, to - from) : 0;
	if (marked > 1)
		add_repeated(out, '~', marked - 1);
}

int dockerfile_source_error(const struct dockerfile_source *s, struct dockerfile_span span,
	struct err *e, int code, const char *fmt, ...)
{
	char message[MESSAGE_MAX];
	va_list ap;
	va_start(ap, fmt);
	if (vsnprintf(message, sizeof(message), fmt, ap) < 0)
		message[0] = 0;
	va_end(ap);
	if (span.start.line == 0)
		return err_set(e, code, "%s: %s", s->name, message);
	struct buf excerpt cleanup_buf = BUF_INIT;
	dockerfile_source_excerpt(s, span, &excerpt);
	return err_set(e, code, "%s:%u:%u: %s\n%s", s->name, span.start.line, span.start.column,
		message, buf_str(&excerpt));
}
