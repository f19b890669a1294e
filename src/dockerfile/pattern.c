/*
 * Shell patterns over characters: a pattern is cut at its stars into pieces,
 * and a match is found piece by piece, so that no input is exponential.
 */
#include "dockerfile/pattern.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "dockerfile/utf8.h"

#include <errno.h>
#include <string.h>

enum {
	ANY_CHARACTER = 0x200000,
	ANY_TEXT,
	INVALID_BYTE, /* and above: a byte that is not UTF-8, as a character of its own */
};

/* Characters, and with a value the byte where each begins (n + 1 of them) */
struct symbols {
	uint32_t *v;
	size_t *at;
	size_t n;
};

static void symbols_release(struct symbols *s)
{
	defs_free_cleanup(&s->v);
	defs_free_cleanup(&s->at);
}

static size_t next_character(const char *p, size_t len, uint32_t *ret)
{
	size_t n = utf8_decode(p, len, ret);
	if (n)
		return n;
	*ret = INVALID_BYTE + (unsigned char)*p;
	return 1;
}

static struct symbols value_read(const char *value)
{
	size_t len = strlen(value);
	struct symbols s = {mem_array(len + 1, sizeof(*s.v)), mem_array(len + 1, sizeof(*s.at)), 0};
	size_t at = 0;
	while (at < len) {
		s.at[s.n] = at;
		at += next_character(value + at, len - at, &s.v[s.n++]);
	}
	s.at[s.n] = len;
	return s;
}

static int pattern_read(const char *pattern, struct symbols *ret)
{
	size_t len = strlen(pattern);
	struct symbols s = {mem_array(len + 1, sizeof(*s.v)), NULL, 0};
	for (size_t at = 0; at < len;) {
		uint32_t c;
		at += next_character(pattern + at, len - at, &c);
		if (c == '*') {
			c = ANY_TEXT;
		} else if (c == '?') {
			c = ANY_CHARACTER;
		} else if (c == '\\') {
			if (at == len || !memchr("*?\\}/", pattern[at], 5)) {
				symbols_release(&s);
				return -EINVAL;
			}
			c = (unsigned char)pattern[at++];
		}
		s.v[s.n++] = c;
	}
	*ret = s;
	return 0;
}

static void reverse(uint32_t *v, size_t n)
{
	for (size_t i = 0; i < n / 2; i++) {
		uint32_t c = v[i];
		v[i] = v[n - 1 - i];
		v[n - 1 - i] = c;
	}
}

struct search {
	const struct symbols *pattern;
	const struct symbols *value;
	size_t *steps;
};

static bool piece_fits(struct search *s, size_t from, size_t to, size_t at)
{
	if (s->value->n - at < to - from)
		return false;
	for (size_t i = from; i < to; i++) {
		if (*s->steps == 0)
			return false;
		--*s->steps;
		if (s->pattern->v[i] != ANY_CHARACTER &&
			s->pattern->v[i] != s->value->v[at + i - from])
			return false;
	}
	return true;
}

/* Where pattern[from..to) fits first, or last, at or after `at`; -1: nowhere */
static ssize_t piece_find(struct search *s, size_t from, size_t to, size_t at, bool last)
{
	if (s->value->n < to - from || at > s->value->n - (to - from))
		return -1;
	size_t end = s->value->n - (to - from);
	for (size_t i = 0; i <= end - at && *s->steps; i++) {
		size_t place = last ? end - i : at + i;
		--*s->steps;
		if (piece_fits(s, from, to, place))
			return (ssize_t)place;
	}
	return -1;
}

/* The end of the shortest or longest match that begins at `at`, or -1 */
static ssize_t match_at(struct search *s, size_t at, bool longest)
{
	size_t from = 0, n = s->pattern->n;
	bool star = false;
	for (;;) {
		size_t to = from;
		while (to < n && s->pattern->v[to] != ANY_TEXT)
			to++;
		bool is_last = to == n;
		ssize_t place = (ssize_t)at;
		if (!star)
			place = piece_fits(s, from, to, at) ? place : -1;
		else
			place = piece_find(s, from, to, at, is_last && longest);
		if (place < 0)
			return -1;
		at = (size_t)place + (to - from);
		if (is_last)
			return (ssize_t)at;
		star = true;
		from = to + 1;
	}
}

int dockerfile_pattern_trim(const char *pattern, const char *value, enum dockerfile_pattern_end end,
	bool longest, size_t *steps, struct buf *out)
{
	struct symbols p cleanup(symbols_release) = {0};
	int r = pattern_read(pattern, &p);
	if (r < 0)
		return r;
	struct symbols v cleanup(symbols_release) = value_read(value);
	if (end == DOCKERFILE_PATTERN_SUFFIX) {
		reverse(p.v, p.n);
		reverse(v.v, v.n);
	}
	*steps -= MIN(*steps, p.n + v.n);
	struct search s = {&p, &v, steps};
	ssize_t to = match_at(&s, 0, longest);
	if (*steps == 0)
		return -ERR_LIMIT;
	size_t n = to < 0 ? 0 : (size_t)to; /* characters that go */
	if (end == DOCKERFILE_PATTERN_SUFFIX)
		return buf_add(out, value, v.at[v.n - n]);
	return buf_add(out, value + v.at[n], v.at[v.n] - v.at[n]);
}

/* The first match at or after `at`: its beginning, or -1 */
static ssize_t match_find(struct search *s, size_t at, size_t *ret_end)
{
	for (; at <= s->value->n && *s->steps; at++) {
		--*s->steps;
		ssize_t end = match_at(s, at, true);
		if (end >= 0) {
			*ret_end = (size_t)end;
			return (ssize_t)at;
		}
	}
	return -1;
}

int dockerfile_pattern_replace(const char *pattern, const char *value, const char *replacement,
	bool all, size_t *steps, struct buf *out)
{
	struct symbols p cleanup(symbols_release) = {0};
	int r = pattern_read(pattern, &p);
	if (r < 0)
		return r;
	struct symbols v cleanup(symbols_release) = value_read(value);
	*steps -= MIN(*steps, p.n + v.n);
	struct search s = {&p, &v, steps};
	size_t done = 0, at = 0, end;
	while (at <= v.n && r == 0) {
		ssize_t found = match_find(&s, at, &end);
		if (found < 0)
			break;
		r = buf_add(out, value + v.at[done], v.at[found] - v.at[done]);
		/* an empty match right behind another one is none */
		if (r == 0 && (end > done || found == 0))
			r = buf_add(out, replacement, strlen(replacement));
		done = end;
		at = MAX(end, (size_t)found + (end == (size_t)found));
		if (!all)
			break;
	}
	if (r == 0 && *steps == 0)
		r = -ERR_LIMIT;
	return r < 0 ? r : buf_add(out, value + v.at[done], v.at[v.n] - v.at[done]);
}
