/* Which tags: regular expressions (regex(7), extended), and ranges of semantic versions as Go's
 * Masterminds/semver reads them: comparisons with ',' or blanks between them (and), '||' (or). */
#include "transport/sync_list.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <regex.h>
#include <stdlib.h>
#include <string.h>

#define VERSION_MOST 1000000000U

struct version {
	unsigned v[3];
	int parts; /* that are written */
	char *pre; /* "rc1"; NULL: a release */
};

struct range {
	enum { EQUAL, NOT, LESS, LESS_EQUAL, MORE, MORE_EQUAL, TILDE, CARET } op;
	struct version with;
	bool or_before; /* begins a new alternative */
};

struct transport_pattern {
	bool is_regex;
	regex_t regex;
	struct range *v;
	size_t n;
};

void transport_pattern_free(struct transport_pattern *p)
{
	if (!p)
		return;
	if (p->is_regex)
		regfree(&p->regex);
	for (size_t i = 0; i < p->n; i++)
		free(p->v[i].with.pre);
	free(p->v);
	free(p);
}

int transport_pattern_regex(const char *text, struct transport_pattern **ret, struct err *e)
{
	struct transport_pattern *p = mem_alloc(sizeof(*p));
	int r = regcomp(&p->regex, text, REG_EXTENDED | REG_NOSUB);
	if (r) {
		char why[200];
		regerror(r, &p->regex, why, sizeof(why));
		free(p);
		return err_set(e, ERR_SYNTAX, "'%.200s' is no regular expression: %s", text, why);
	}
	p->is_regex = true;
	*ret = p;
	return 0;
}

/* "v1", "1.2", "1.2.3-rc1+build"; *end: behind it. A text without a number is none. */
static bool parse_version(const char *s, struct version *ret, const char **end)
{
	*ret = (struct version){0};
	s += *s == 'v';
	for (;;) {
		if (*s < '0' || *s > '9' || ret->parts == 3)
			return false;
		unsigned n = 0;
		for (; *s >= '0' && *s <= '9'; s++) {
			n = 10 * n + (unsigned)(*s - '0');
			if (n > VERSION_MOST)
				return false;
		}
		ret->v[ret->parts++] = n;
		if (*s != '.')
			break;
		s++;
	}
	size_t len = *s == '-' ? strcspn(s + 1, "+, |") : 0;
	if (*s == '-' && !len)
		return false;
	if (len) {
		ret->pre = mem_strndup(s + 1, len);
		s += 1 + len;
	}
	s += *s == '+' ? strcspn(s, ", |") : 0;
	*end = s;
	return true;
}

static bool is_number(const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (s[i] < '0' || s[i] > '9')
			return false;
	return len;
}

/* Identifiers between dots: numbers by value and before words (semver.org, 11). */
static int compare_pre(const char *a, const char *b)
{
	while (*a && *b) {
		size_t x = strcspn(a, "."), y = strcspn(b, ".");
		bool nx = is_number(a, x), ny = is_number(b, y);
		int r = 0;
		if (nx != ny)
			r = nx ? -1 : 1;
		else if (nx && x != y)
			r = x < y ? -1 : 1;
		else
			r = strncmp(a, b, MIN(x, y)) ?: (x > y) - (x < y);
		if (r)
			return r;
		a += x + (a[x] == '.');
		b += y + (b[y] == '.');
	}
	return (*a != 0) - (*b != 0);
}

static int compare(const struct version *a, const struct version *b)
{
	for (int i = 0; i < 3; i++)
		if (a->v[i] != b->v[i])
			return a->v[i] < b->v[i] ? -1 : 1;
	if (!a->pre || !b->pre)
		return (a->pre == NULL) - (b->pre == NULL);
	return compare_pre(a->pre, b->pre);
}

/* The first n numbers agree, and nothing is less. */
static bool same_head(const struct version *v, const struct version *with, int n)
{
	for (int i = 0; i < n; i++)
		if (v->v[i] != with->v[i])
			return false;
	return compare(v, with) >= 0;
}

static bool in_range(const struct version *v, const struct range *r)
{
	/* a pre-release fits only where the range speaks of one */
	if (v->pre && !r->with.pre)
		return r->op == NOT;
	int c = compare(v, &r->with);
	int fixed = 0;
	switch (r->op) {
	case EQUAL: /* "1.2" is every 1.2.x */
		return r->with.parts < 3 && !r->with.pre ? same_head(v, &r->with, r->with.parts)
							 : c == 0;
	case NOT:
		return c != 0;
	case LESS:
		return c < 0;
	case LESS_EQUAL:
		return c <= 0 || (r->with.parts < 3 && same_head(v, &r->with, r->with.parts));
	case MORE:
		return c > 0 && !(r->with.parts < 3 && same_head(v, &r->with, r->with.parts));
	case MORE_EQUAL:
		return c >= 0;
	case TILDE:
		return same_head(v, &r->with, MIN(r->with.parts, 2));
	case CARET: /* up to the first number that is not 0 */
		while (fixed < 2 && !r->with.v[fixed] && fixed + 1 < r->with.parts)
			fixed++;
		return same_head(v, &r->with, fixed + 1);
	}
	return false;
}

static int parse_op(const char **s)
{
	static const struct {
		const char *text;
		int op;
	} ops[] = {{"!=", NOT}, {"<=", LESS_EQUAL}, {"=<", LESS_EQUAL}, {">=", MORE_EQUAL},
		{"=>", MORE_EQUAL}, {"~>", TILDE}, {"==", EQUAL}, {"<", LESS}, {">", MORE},
		{"=", EQUAL}, {"~", TILDE}, {"^", CARET}};
	for (size_t i = 0; i < ARRAY_SIZE(ops); i++) {
		if (!str_starts(*s, ops[i].text))
			continue;
		*s += strlen(ops[i].text);
		return ops[i].op;
	}
	return EQUAL;
}

int transport_pattern_semver(const char *text, struct transport_pattern **ret, struct err *e)
{
	struct transport_pattern *p = mem_alloc(sizeof(*p));
	const char *s = text;
	bool or_before = true, good = true;
	while (good && *(s += strspn(s, " ,"))) {
		if (str_starts(s, "||")) {
			or_before = true;
			s += 2;
			continue;
		}
		struct range x = {.or_before = or_before};
		x.op = parse_op(&s);
		s += strspn(s, " ");
		good = parse_version(s, &x.with, &s) && (!*s || strchr(" ,|", *s));
		p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
		p->v[p->n++] = x;
		or_before = false;
	}
	if (good && p->n) {
		*ret = p;
		return 0;
	}
	transport_pattern_free(p);
	return err_set(
		e, ERR_SYNTAX, "'%.200s' is no range of versions (such as \">= 1.2, < 2\")", text);
}

bool transport_pattern_fits(const struct transport_pattern *p, const char *tag)
{
	if (p->is_regex)
		return regexec(&p->regex, tag, 0, NULL, 0) == 0;
	struct version v;
	const char *end = tag;
	bool is_version = parse_version(tag, &v, &end) && !*end, all = false, any = false;
	for (size_t i = 0; is_version && i < p->n; i++) {
		if (p->v[i].or_before) {
			any |= all;
			all = true;
		}
		all = all && in_range(&v, &p->v[i]);
	}
	free(v.pre);
	return is_version && (any || all);
}
