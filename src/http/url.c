/* URLs: parse, resolve a reference against a base, write. Nothing is decoded: a path goes to the
 * server as it came. */
#include "http/url.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define HOST_MAX 255

void http_url_release(struct http_url *u)
{
	free(u->host);
	free(u->path);
	free(u->query);
	*u = (struct http_url)HTTP_URL_INIT;
}

void http_url_copy(struct http_url *dst, const struct http_url *src)
{
	struct http_url copy = *src;
	copy.host = mem_strdup(src->host);
	copy.path = mem_strdup(src->path);
	copy.query = mem_strdup(src->query);
	http_url_release(dst);
	*dst = copy;
}

static bool host_char(char c)
{
	return isalnum((unsigned char)c) || c == '-' || c == '.' || c == '_';
}

static int take_port(const char *text, size_t len, uint16_t *ret)
{
	char digits[6];
	uint64_t port;
	if (len == 0 || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len);
	digits[len] = 0;
	if (str_parse_u64(digits, 10, &port) < 0 || port == 0 || port > 65535)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

/* host [":" port] of len bytes */
static int parse_authority(const char *s, size_t len, char *host, size_t size, uint16_t *ret_port)
{
	const char *end = s + len, *name = s, *after;
	if (len && *s == '[') {
		struct in6_addr ignored;
		const char *close = memchr(s, ']', len);
		if (!close)
			return -EINVAL;
		name = s + 1;
		len = (size_t)(close - name);
		if (len == 0 || len >= size)
			return -EINVAL;
		memcpy(host, name, len);
		host[len] = 0;
		if (inet_pton(AF_INET6, host, &ignored) != 1)
			return -EINVAL;
		after = close + 1;
	} else {
		for (after = s; after < end && host_char(*after); after++)
			;
		len = (size_t)(after - s);
		if (len == 0 || len >= size || len > HOST_MAX)
			return -EINVAL;
		memcpy(host, name, len);
		host[len] = 0;
	}
	for (char *p = host; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	*ret_port = 0;
	if (after == end)
		return 0;
	return *after == ':' ? take_port(after + 1, (size_t)(end - after - 1), ret_port) : -EINVAL;
}

int http_host_parse(const char *text, char *ret_host, size_t size, uint16_t *ret_port)
{
	return parse_authority(text, strlen(text), ret_host, size, ret_port);
}

/* RFC 3986 5.2.4, in place: "." and ".." go, ".." stops at the root. */
static void remove_dots(char *path)
{
	char *out = path, *in = path;
	while (*in) {
		size_t len = strcspn(in + 1, "/") + 1; /* "/segment" */
		bool last = in[len] == 0;
		if (len == 2 && in[1] == '.') {
			if (last)
				*out++ = '/';
		} else if (len == 3 && in[1] == '.' && in[2] == '.') {
			while (out > path && *--out != '/')
				;
			if (last)
				*out++ = '/';
		} else {
			memmove(out, in, len);
			out += len;
		}
		in += len;
	}
	*out = 0;
}

/* "/path?query#fragment": what follows the authority. path gets a '/' where it has none. */
static void set_path(struct http_url *u, const char *s)
{
	size_t len = strcspn(s, "?#");
	u->path = *s == '/' ? mem_strndup(s, len) : mem_printf("/%.*s", (int)len, s);
	remove_dots(u->path);
	if (!*u->path) {
		free(u->path);
		u->path = mem_strdup("/");
	}
	if (s[len] == '?')
		u->query = mem_strndup(s + len + 1, strcspn(s + len + 1, "#"));
}

/* What no URL of ours may contain, whatever its form. Signed links of object stores have characters
 * that RFC 3986 wants encoded, so the rest is let through. */
static int check_bytes(const char *text, struct err *e)
{
	size_t len = strlen(text);
	if (len > LIMIT_URL)
		return err_set(e, ERR_LIMIT, "a URL of %zu bytes, more than %d", len, LIMIT_URL);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] <= ' ' || (unsigned char)text[i] >= 0x7f ||
			text[i] == '\\')
			return err_set(e, ERR_SYNTAX,
				"a URL has the byte 0x%02x at offset %zu, which must be encoded",
				(unsigned char)text[i], i);
	return 0;
}

int http_url_parse(const char *text, struct http_url *ret, struct err *e)
{
	int r = check_bytes(text, e);
	if (r < 0)
		return r;
	struct http_url u cleanup_http_url = HTTP_URL_INIT;
	const char *rest;
	if (strncasecmp(text, "https://", 8) == 0) {
		u.tls = true;
		rest = text + 8;
	} else if (strncasecmp(text, "http://", 7) == 0) {
		rest = text + 7;
	} else if (strstr(text, "://")) {
		return err_set(e, ERR_UNSUPPORTED,
			"the scheme of '%.100s': only https and http are known", text);
	} else {
		return err_set(e, ERR_SYNTAX, "'%.100s' is not a URL", text);
	}
	size_t len = strcspn(rest, "/?#");
	/* the text may have a password in it: it is not shown */
	if (memchr(rest, '@', len))
		return err_set(e, ERR_UNSUPPORTED, "a URL with a user name inside");
	char host[HOST_MAX + 1];
	if (parse_authority(rest, len, host, sizeof(host), &u.port) < 0)
		return err_set(
			e, ERR_SYNTAX, "'%.*s' is not a host and port", (int)MIN(len, 100), rest);
	if (!u.port)
		u.port = u.tls ? 443 : 80;
	u.host = mem_strdup(host);
	set_path(&u, rest + len);
	http_url_release(ret);
	*ret = u;
	u = (struct http_url)HTTP_URL_INIT;
	return 0;
}

/* A reference begins with "scheme:" when letters, digits, "+-." lead to the first colon. */
static bool has_scheme(const char *s)
{
	size_t len = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");
	return len > 0 && isalpha((unsigned char)*s) && s[len] == ':';
}

int http_url_resolve(
	const struct http_url *base, const char *ref, struct http_url *ret, struct err *e)
{
	if (has_scheme(ref))
		return http_url_parse(ref, ret, e);
	int r = check_bytes(ref, e);
	if (r < 0)
		return r;
	if (ref[0] == '/' && ref[1] == '/') {
		char *text cleanup_free = mem_printf("%s:%s", base->tls ? "https" : "http", ref);
		return http_url_parse(text, ret, e);
	}
	struct http_url u cleanup_http_url = HTTP_URL_INIT;
	u.tls = base->tls;
	u.port = base->port;
	u.host = mem_strdup(base->host);
	if (*ref == '/') {
		set_path(&u, ref);
	} else if (*ref == '?' || *ref == '#' || !*ref) {
		u.path = mem_strdup(base->path);
		if (*ref == '?')
			u.query = mem_strndup(ref + 1, strcspn(ref + 1, "#"));
		else
			u.query = mem_strdup(base->query);
	} else {
		size_t dir = (size_t)(strrchr(base->path, '/') - base->path) + 1;
		char *text cleanup_free = mem_printf("%.*s%s", (int)dir, base->path, ref);
		set_path(&u, text);
	}
	http_url_release(ret);
	*ret = u;
	u = (struct http_url)HTTP_URL_INIT;
	return 0;
}

void http_url_format(const struct http_url *u, struct buf *out)
{
	bool v6 = strchr(u->host, ':') != NULL;
	buf_printf(out, "%s://%s%s%s", u->tls ? "https" : "http", v6 ? "[" : "", u->host,
		v6 ? "]" : "");
	if (u->port != (u->tls ? 443 : 80))
		buf_printf(out, ":%u", u->port);
	buf_add_str(out, u->path);
	if (u->query)
		buf_printf(out, "?%s", u->query);
}

char *http_url_text(const struct http_url *u)
{
	struct buf b = BUF_INIT;
	http_url_format(u, &b);
	return buf_take(&b);
}

bool http_url_same_origin(const struct http_url *a, const struct http_url *b)
{
	return a->tls == b->tls && a->port == b->port && str_eq(a->host, b->host);
}

bool http_host_loopback(const char *host)
{
	struct in_addr v4;
	if (strcasecmp(host, "localhost") == 0 || strcmp(host, "::1") == 0 ||
		strcmp(host, "[::1]") == 0)
		return true;
	size_t len = strlen(host);
	if (len > 10 && strcasecmp(host + len - 10, ".localhost") == 0)
		return true;
	/* strictly four numbers: "127.evil.example" is a name */
	return inet_pton(AF_INET, host, &v4) == 1 && (ntohl(v4.s_addr) >> 24) == 127;
}

void http_url_encode(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (isalnum(c) || strchr("-._~", c))
			buf_add_char(out, (char)c);
		else
			buf_printf(out, "%%%02X", c);
	}
}

void http_url_add_query(struct http_url *u, const char *name, const char *value)
{
	struct buf b = BUF_INIT;
	if (!str_empty(u->query))
		buf_printf(&b, "%s&", u->query);
	http_url_encode(&b, name);
	buf_add_char(&b, '=');
	http_url_encode(&b, value);
	free(u->query);
	u->query = buf_take(&b);
}
