/* Small questions about C strings, and numbers read from them with their units. */
#pragma once

#include "base/defs.h"

bool str_eq(const char *a, const char *b); /* NULL equals only NULL */
bool str_starts(const char *s, const char *prefix);
bool str_ends(const char *s, const char *suffix);
bool str_empty(const char *s); /* NULL or "" */

/* The whole string must be a number; no sign, no blanks. 0, -EINVAL or -ERANGE. */
int str_parse_u64(const char *s, int base, uint64_t *ret_value);
int str_parse_i64(const char *s, int64_t *ret_value); /* decimal, may begin with '-' */

/* "64m", "1.5g", "4096b", "100": bytes, binary units b k m g t p, as docker's --memory. */
int str_parse_size(const char *s, uint64_t *ret_bytes);

/* "1m30s", "500ms", "1.5h", "0": Go's durations as HEALTHCHECK takes them, in nanoseconds. */
int str_parse_duration(const char *s, int64_t *ret_ns);

/* "12.3 MB", decimal units as docker prints sizes. out: at least 32 bytes; returned. */
char *str_format_size(uint64_t bytes, char *out, size_t size);

/* The edit distance of two words, at most max + 1: for "did you mean". */
size_t str_distance(const char *a, const char *b, size_t max);

/* lower-case hexadecimal, 2 * len characters and a 0 */
void str_hex(const void *bytes, size_t len, char *out);
