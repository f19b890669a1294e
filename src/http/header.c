/* Header fields: look-up, and the values that have a grammar of their own. */
#include "http/header.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "http/header_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

const char *http_skip_blanks(const char *s)
{
	return s + strspn(s, " \t");
}

size_t http_token_len(const char *s)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || (s[n] && strchr("!#$%&'*+-.^_`|~", s[n])))
		n++;
	return n;
}

int http_take_value(const char **pp, char **ret)
{
	const char *s = http_skip_blanks(*pp);
	if (*s != '"') {
		size_t n = strcspn(s, ",; \t\"");
		if (s[n] == '"')
			return -EINVAL;
		*ret = mem_strndup(s, n);
		*pp = s + n;
		return 0;
	}
	struct buf b cleanup_buf = BUF_INIT;
	for (s++; *s && *s != '"'; s++) {
		if (*s == '\\' && s[1])
			s++;
		buf_add_char(&b, *s);
	}
	if (!*s)
		return -EINVAL;
	*pp = s + 1;
	*ret = b.len ? buf_take(&b) : mem_strdup("");
	return 0;
}

const char *http_header_nth(const struct strv *headers, const char *name, size_t i)
{
	size_t len = strlen(name);
	for (size_t k = 0; k < headers->n; k++) {
		const char *h = headers->v[k];
		if (strncmp(h, name, len) == 0 && h[len] == ':' && i-- == 0)
			return http_skip_blanks(h + len + 1);
	}
	return NULL;
}

const char *http_header_get(const struct strv *headers, const char *name)
{
	return http_header_nth(headers, name, 0);
}

int http_header_u64(
	const struct strv *headers, const char *name, uint64_t *ret_value, struct err *e)
{
	const char *value = http_header_get(headers, name);
	if (!value)
		return 0;
	if (str_parse_u64(value, 10, ret_value) < 0)
		return err_set(
			e, ERR_SYNTAX, "the header %s is '%.60s', not a number", name, value);
	return 1;
}

/* Whether the blank-separated list of relations has rel; they do not mind case (RFC 8288 3.3). */
static bool has_relation(const char *list, const char *rel)
{
	size_t len = strlen(rel);
	for (const char *s = list; *s;) {
		s += strspn(s, " \t");
		size_t n = strcspn(s, " \t");
		if (n == len && strncasecmp(s, rel, n) == 0)
			return true;
		s += n;
	}
	return false;
}

/* The parameters of a link, up to the comma that ends it. 1: rel fits, 0: not, -EINVAL. */
static int link_params(const char **pp, const char *rel)
{
	const char *p = *pp;
	int fits = 0;
	bool seen = false;
	for (;;) {
		p = http_skip_blanks(p);
		if (*p != ';')
			break;
		p = http_skip_blanks(p + 1);
		const char *name = p;
		size_t len = http_token_len(p);
		p = http_skip_blanks(p + len);
		if (len == 0 || *p != '=')
			continue;
		p++;
		char *value cleanup_free = NULL;
		if (http_take_value(&p, &value) < 0)
			return -EINVAL;
		/* only the first rel counts */
		if (len == 3 && strncasecmp(name, "rel", 3) == 0 && !seen) {
			seen = true;
			fits = has_relation(value, rel);
		}
	}
	*pp = p;
	return fits;
}

char *http_link_find(const char *value, const char *rel)
{
	const char *p = value;
	for (;;) {
		p += strspn(p, " \t,");
		if (*p != '<')
			return NULL;
		const char *target = p + 1;
		size_t len = strcspn(target, ">");
		if (!target[len])
			return NULL;
		p = target + len + 1;
		int r = link_params(&p, rel);
		if (r < 0)
			return NULL;
		if (r)
			return mem_strndup(target, len);
		if (*p != ',')
			return NULL;
	}
}

/* Digits at *pp, which goes behind them. */
static int take_u64(const char **pp, uint64_t *ret)
{
	char digits[24];
	size_t n = strspn(*pp, "0123456789");
	if (n == 0 || n >= sizeof(digits))
		return -ERR_SYNTAX;
	memcpy(digits, *pp, n);
	digits[n] = 0;
	*pp += n;
	return str_parse_u64(digits, 10, ret) < 0 ? -ERR_SYNTAX : 0;
}

int http_range_parse(
	const char *value, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total)
{
	uint64_t first, last, total = UINT64_MAX;
	if (strncasecmp(value, "bytes", 5) != 0 || (value[5] != ' ' && value[5] != '\t'))
		return -ERR_SYNTAX;
	const char *p = http_skip_blanks(value + 5);
	if (take_u64(&p, &first) < 0 || *p++ != '-' || take_u64(&p, &last) < 0 || *p++ != '/')
		return -ERR_SYNTAX;
	if (*p == '*')
		p++;
	else if (take_u64(&p, &total) < 0)
		return -ERR_SYNTAX;
	if (*http_skip_blanks(p) || last < first || last >= total)
		return -ERR_SYNTAX;
	*ret_first = first;
	*ret_last = last;
	*ret_total = total;
	return 0;
}

int64_t http_retry_after(const char *value, int64_t now)
{
	static const char *const forms[] = {
		"%a, %d %b %Y %H:%M:%S GMT", /* IMF-fixdate */
		"%a, %d-%b-%y %H:%M:%S GMT", /* RFC 850; %a takes the long names, too */
		"%a %b %e %H:%M:%S %Y",      /* asctime */
	};
	uint64_t seconds;
	if (str_parse_u64(value, 10, &seconds) == 0)
		return seconds > INT32_MAX ? INT32_MAX : (int64_t)seconds;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct tm tm = {0};
		const char *end = strptime(value, forms[i], &tm);
		if (end && !*http_skip_blanks(end))
			return MAX((int64_t)timegm(&tm) - now, 0);
	}
	return -EINVAL;
}
