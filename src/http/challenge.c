/* WWW-Authenticate: one pass over the value. The comma has two meanings there: what follows it is a
 * parameter when a '=' comes after the word, else the next challenge's scheme. */
#include "http/challenge.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header_priv.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void challenge_release(struct http_challenge *c)
{
	free(c->scheme);
	free(c->token68);
	strv_release(&c->params);
}

static void truncate_list(struct http_challenges *c, size_t n)
{
	while (c->n > n)
		challenge_release(&c->v[--c->n]);
}

void http_challenges_release(struct http_challenges *c)
{
	truncate_list(c, 0);
	free(c->v);
	*c = (struct http_challenges)HTTP_CHALLENGES_INIT;
}

static void lower(char *s)
{
	for (; *s; s++)
		*s = (char)tolower((unsigned char)*s);
}

/* The end of a token68 that stands at p and fills the place up to the next comma; NULL: none. */
static const char *token68_end(const char *p)
{
	const char *s = p;
	while (isalnum((unsigned char)*s) || (*s && strchr("-._~+/", *s)))
		s++;
	if (s == p)
		return NULL;
	while (*s == '=')
		s++;
	const char *end = s;
	s = http_skip_blanks(s);
	return *s == 0 || *s == ',' ? end : NULL;
}

static int add_param(
	struct http_challenge *c, const char *name, size_t len, const char **pp, struct err *e)
{
	char *value cleanup_free = NULL;
	if (http_take_value(pp, &value) < 0)
		return err_set(
			e, ERR_SYNTAX, "the value of '%.*s' has no end", (int)MIN(len, 60), name);
	if (c->params.n >= LIMIT_CHALLENGE_PARAMS)
		return err_set(e, ERR_LIMIT, "more than %d parameters", LIMIT_CHALLENGE_PARAMS);
	char *low cleanup_free = mem_strndup(name, len);
	lower(low);
	if (http_challenge_param(c, low))
		return err_set(e, ERR_SYNTAX, "the parameter '%.60s' comes twice", low);
	strv_addf(&c->params, "%s=%s", low, value);
	return 0;
}

/* A scheme of len bytes at name; *pp behind it. */
static int add_challenge(
	struct http_challenges *list, const char *name, size_t len, const char **pp, struct err *e)
{
	if (list->n >= LIMIT_CHALLENGES)
		return err_set(e, ERR_LIMIT, "more than %d challenges", LIMIT_CHALLENGES);
	list->v = mem_realloc(list->v, list->n + 1, sizeof(*list->v));
	struct http_challenge *c = &list->v[list->n++];
	*c = (struct http_challenge){.scheme = mem_strndup(name, len)};
	lower(c->scheme);
	if (**pp != ' ' && **pp != '\t')
		return 0;
	*pp = http_skip_blanks(*pp);
	const char *end = token68_end(*pp);
	if (end) {
		c->token68 = mem_strndup(*pp, (size_t)(end - *pp));
		*pp = end;
	}
	return 0;
}

static int parse(const char *p, struct http_challenges *list, size_t before, struct err *e)
{
	for (;;) {
		while (*p == ',' || *p == ' ' || *p == '\t')
			p++;
		if (!*p)
			return 0;
		const char *name = p;
		size_t len = http_token_len(p);
		if (len == 0)
			return err_set(e, ERR_SYNTAX, "unexpected '%c'",
				isprint((unsigned char)*p) ? *p : '?');
		p += len;
		const char *eq = http_skip_blanks(p);
		int r;
		if (*eq == '=') {
			if (list->n == before)
				return err_set(e, ERR_SYNTAX, "a parameter before any scheme");
			p = eq + 1;
			r = add_param(&list->v[list->n - 1], name, len, &p, e);
		} else {
			r = add_challenge(list, name, len, &p, e);
		}
		if (r < 0)
			return r;
	}
}

int http_challenges_parse(const char *value, struct http_challenges *list, struct err *e)
{
	size_t before = list->n;
	if (strlen(value) > LIMIT_HTTP_HEADERS)
		return err_wrap(e, err_set(e, ERR_LIMIT, "too long"), "www-authenticate");
	int r = parse(value, list, before, e);
	if (r < 0) {
		truncate_list(list, before);
		return err_wrap(e, r, "www-authenticate");
	}
	return 0;
}

const struct http_challenge *http_challenges_get(
	const struct http_challenges *list, const char *scheme)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i].scheme, scheme))
			return &list->v[i];
	return NULL;
}

const char *http_challenge_param(const struct http_challenge *c, const char *name)
{
	return strv_env_get(&c->params, name);
}
