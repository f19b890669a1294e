/*
 * WWW-Authenticate (RFC 9110, 11.6.1): a list of challenges, each a scheme and
 * either one token68 or parameters. Commas separate both challenges and
 * parameters, and stand inside quoted strings as well; a header may come
 * several times. Bytes are hostile: number and length are bounded.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct err;

struct http_challenge {
	char *scheme;       /* lower case: "bearer", "basic" */
	char *token68;      /* NULL when there are parameters or nothing */
	struct strv params; /* NAME=VALUE, names in lower case, values unquoted; names are unique */
};

struct http_challenges {
	struct http_challenge *v;
	size_t n;
};

#define HTTP_CHALLENGES_INIT \
	{                    \
		NULL, 0      \
	}

void http_challenges_release(struct http_challenges *c);
#define cleanup_http_challenges cleanup(http_challenges_release)

/* Appends the challenges of one header's value; on failure (-ERR_SYNTAX, -ERR_LIMIT) list is as
 * it was. */
int http_challenges_parse(const char *value, struct http_challenges *list, struct err *e);
/* The first with this scheme (lower case); NULL. Borrowed. */
const struct http_challenge *http_challenges_get(
	const struct http_challenges *list, const char *scheme);
/* A parameter's value; NULL. Borrowed. */
const char *http_challenge_param(const struct http_challenge *c, const char *name);
