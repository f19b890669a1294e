/*
 * Header fields as a list of "name: value" with names in lower case, and the
 * readers of single values that registries send. All input is hostile.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct err;

/* A field's value; the first when there are several; NULL. Borrowed. Name in lower case. */
const char *http_header_get(const struct strv *headers, const char *name);
/* The i-th (from 0) field of that name; NULL when there are no more. */
const char *http_header_nth(const struct strv *headers, const char *name, size_t i);
/* A field whose value is one number: 1, 0 when it is absent, -ERR_SYNTAX. */
int http_header_u64(
	const struct strv *headers, const char *name, uint64_t *ret_value, struct err *e);

/* Link (RFC 8288): the target of the first link with relation rel, unresolved: the caller frees.
 * NULL when there is none, or when the value breaks the grammar before it. */
char *http_link_find(const char *value, const char *rel) must_check;

/* Content-Range of a 206: "bytes FIRST-LAST/TOTAL"; TOTAL "*" gives UINT64_MAX. 0 or -ERR_SYNTAX. */
int http_range_parse(
	const char *value, uint64_t *ret_first, uint64_t *ret_last, uint64_t *ret_total);

/* Retry-After: seconds, or one of HTTP's three date forms (RFC 9110 5.6.7) against now (seconds
 * since 1970). Seconds to wait, 0 for the past; -EINVAL when it is neither. */
int64_t http_retry_after(const char *value, int64_t now);
