/*
 * Absolute http and https URLs (RFC 3986, the parts that registries use). Text
 * from a registry (Location, Link, realm) is hostile: lengths are bounded,
 * control characters, blanks, user names and other schemes are refused.
 *
 * Life cycle: `struct http_url u cleanup_http_url = HTTP_URL_INIT;`.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;

struct http_url {
	bool tls;      /* https */
	uint16_t port; /* always set: 80 or 443 when the text has none */
	char *host;    /* lower case; an IPv6 address without its brackets */
	char *path;    /* as written, percent-encoded, "." and ".." resolved; begins with '/' */
	char *query;   /* without '?'; NULL when there is none */
};

#define HTTP_URL_INIT                      \
	{                                  \
		false, 0, NULL, NULL, NULL \
	}

void http_url_release(struct http_url *u);
#define cleanup_http_url cleanup(http_url_release)

/* ret is overwritten (release it first); untouched on failure. -ERR_SYNTAX, -ERR_LIMIT,
 * -ERR_UNSUPPORTED (another scheme, or a user name inside). A fragment is dropped. */
int http_url_parse(const char *text, struct http_url *ret, struct err *e);
/* ref as found in a header of base's answer: absolute, "//host/x", "/x", "x", "?q" (RFC 3986 5.2).
 * ret may not be base. */
int http_url_resolve(
	const struct http_url *base, const char *ref, struct http_url *ret, struct err *e);
/* The whole text, without a default port. */
void http_url_format(const struct http_url *u, struct buf *out);
char *http_url_text(const struct http_url *u) must_check;
void http_url_copy(struct http_url *dst, const struct http_url *src); /* dst is released first */

/* Same scheme, host and port: where an Authorization header may be sent on (RFC 6454). */
bool http_url_same_origin(const struct http_url *a, const struct http_url *b);
/* localhost, *.localhost, 127.0.0.0/8, ::1; host as in struct http_url, or with brackets. */
bool http_host_loopback(const char *host);
/* "host", "host:port", "[::1]:port" split and checked; port 0 when there is none. host: at least
 * 256 bytes, lower case, no brackets. */
int http_host_parse(const char *text, char *ret_host, size_t size, uint16_t *ret_port);

/* Everything but unreserved characters becomes %XX (a query's value; '/' too). */
void http_url_encode(struct buf *out, const char *s);
/* Appends NAME=VALUE, encoded. */
void http_url_add_query(struct http_url *u, const char *name, const char *value);
