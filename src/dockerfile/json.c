/*
 * The exec form: RFC 8259 JSON, of which only an array of strings is of use.
 * Whatever is not JSON to the last byte is text for the shell; JSON that holds
 * anything but strings is an error.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "dockerfile/parse_priv.h"

#include <string.h>

struct json {
	const char *text;
	size_t at;
	size_t len;
};

static void skip_blanks(struct json *j)
{
	while (j->at < j->len && memchr(" \t\r\n", j->text[j->at], 4))
		j->at++;
}

static bool take(struct json *j, char c)
{
	if (j->at >= j->len || j->text[j->at] != c)
		return false;
	j->at++;
	return true;
}

static bool take_digits(struct json *j)
{
	size_t start = j->at;
	while (j->at < j->len && j->text[j->at] >= '0' && j->text[j->at] <= '9')
		j->at++;
	return j->at > start;
}

static bool skip_number(struct json *j)
{
	take(j, '-');
	if (!take(j, '0') && !take_digits(j))
		return false;
	if (take(j, '.') && !take_digits(j))
		return false;
	if (take(j, 'e') || take(j, 'E')) {
		if (!take(j, '+'))
			take(j, '-');
		return take_digits(j);
	}
	return true;
}

static bool take_hex4(struct json *j, uint32_t *ret_value)
{
	uint32_t v = 0;
	if (j->len - j->at < 4)
		return false;
	for (int i = 0; i < 4; i++) {
		char c = j->text[j->at++];
		if (c >= '0' && c <= '9')
			v = v << 4 | (uint32_t)(c - '0');
		else if ((c | 32) >= 'a' && (c | 32) <= 'f')
			v = v << 4 | (uint32_t)((c | 32) - 'a' + 10);
		else
			return false;
	}
	*ret_value = v;
	return true;
}

static void add_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_add_char(out, (char)c);
		return;
	}
	if (c < 0x800) {
		buf_add_char(out, (char)(0xc0 | c >> 6));
	} else {
		if (c < 0x10000) {
			buf_add_char(out, (char)(0xe0 | c >> 12));
		} else {
			buf_add_char(out, (char)(0xf0 | c >> 18));
			buf_add_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
		}
		buf_add_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_add_char(out, (char)(0x80 | (c & 0x3f)));
}

/* Behind "\u". Half of a surrogate pair becomes U+FFFD. */
static bool take_unicode(struct json *j, struct buf *out)
{
	uint32_t c, low;
	if (!take_hex4(j, &c))
		return false;
	if (c >= 0xd800 && c < 0xdc00 && j->len - j->at >= 6 && j->text[j->at] == '\\' &&
		j->text[j->at + 1] == 'u') {
		struct json ahead = {j->text, j->at + 2, j->len};
		if (!take_hex4(&ahead, &low))
			return false;
		if (low >= 0xdc00 && low < 0xe000) {
			j->at = ahead.at;
			add_utf8(out, 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00));
			return true;
		}
	}
	add_utf8(out, c >= 0xd800 && c < 0xe000 ? 0xfffd : c);
	return true;
}

/* At the quote. out gets what it says. */
static bool take_string(struct json *j, struct buf *out)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (!take(j, '"'))
		return false;
	while (j->at < j->len) {
		char c = j->text[j->at++];
		if (c == '"')
			return true;
		if ((unsigned char)c < 32)
			return false;
		if (c != '\\') {
			buf_add_char(out, c);
			continue;
		}
		if (j->at == j->len)
			return false;
		c = j->text[j->at++];
		const char *known = c ? strchr(from, c) : NULL;
		if (known)
			buf_add_char(out, to[known - from]);
		else if (c != 'u' || !take_unicode(j, out))
			return false;
	}
	return false;
}

static bool skip_word(struct json *j)
{
	static const char *const words[] = {"true", "false", "null"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		size_t len = strlen(words[i]);
		if (j->len - j->at >= len && memcmp(j->text + j->at, words[i], len) == 0) {
			j->at += len;
			return true;
		}
	}
	return false;
}

static bool skip_value(struct json *j, int depth);

/* Behind the bracket of an array or an object. */
static bool skip_members(struct json *j, bool object, int depth)
{
	char end = object ? '}' : ']';
	struct buf key cleanup_buf = BUF_INIT;
	skip_blanks(j);
	if (take(j, end))
		return true;
	do {
		if (object) {
			skip_blanks(j);
			buf_clear(&key);
			if (!take_string(j, &key))
				return false;
			skip_blanks(j);
			if (!take(j, ':'))
				return false;
		}
		if (!skip_value(j, depth + 1))
			return false;
		skip_blanks(j);
	} while (take(j, ','));
	return take(j, end);
}

static bool skip_value(struct json *j, int depth)
{
	struct buf text cleanup_buf = BUF_INIT;
	skip_blanks(j);
	if (j->at == j->len || depth > LIMIT_JSON_DEPTH)
		return false;
	switch (j->text[j->at]) {
	case '"':
		return take_string(j, &text);
	case '[':
	case '{':
		return skip_members(j, j->text[j->at++] == '{', depth);
	case 't':
	case 'f':
	case 'n':
		return skip_word(j);
	default:
		return skip_number(j);
	}
}

/* An element: a string becomes a word; of anything else *ret_bad keeps the place. */
static bool take_element(struct dockerfile_parser *p, struct json *j, struct buf *text,
	struct dockerfile_span *ret_bad)
{
	skip_blanks(j);
	size_t start = j->at;
	if (start < j->len && j->text[start] == '"') {
		buf_clear(text);
		if (!take_string(j, text))
			return false;
		dockerfile_words_add(
			p, (struct dockerfile_token){
				   .text = arena_strndup(&p->f->arena, buf_str(text), text->len),
				   .len = text->len,
				   .span = dockerfile_line_span(p, start, j->at),
			   });
		return true;
	}
	if (!skip_value(j, 1))
		return false;
	if (ret_bad->start.line == 0)
		*ret_bad = dockerfile_line_span(p, start, j->at);
	return true;
}

int dockerfile_json_parse(struct dockerfile_parser *p, size_t at)
{
	struct json j = {p->text, at, p->len};
	struct buf text cleanup_buf = BUF_INIT;
	struct dockerfile_span bad = {0};
	size_t first = p->words.n;
	if (!take(&j, '['))
		return 0;
	skip_blanks(&j);
	bool fine = true;
	if (!take(&j, ']')) {
		do {
			fine = take_element(p, &j, &text, &bad);
			skip_blanks(&j);
		} while (fine && take(&j, ','));
		fine = fine && take(&j, ']');
	}
	skip_blanks(&j);
	if (!fine || j.at != j.len) {
		p->words.n = first;
		return 0;
	}
	if (bad.start.line)
		return dockerfile_error(
			p->f, bad, p->e, ERR_SYNTAX, "a JSON array here holds strings only");
	return 1;
}
