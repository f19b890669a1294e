/*
 * Time, in nanoseconds since 1970 (wall) or since boot (monotonic), and its
 * RFC 3339 text as image configs and docker print it. Tests may fix the wall clock.
 */
#pragma once

#include "base/defs.h"

#define CLOCK_NS_PER_S 1000000000LL
#define CLOCK_TEXT_MAX 40

int64_t clock_now(void);       /* wall clock */
int64_t clock_monotonic(void); /* for durations */
void clock_fix(int64_t ns);    /* tests: the wall clock stands at ns; 0 lets it go again */

/* "2024-01-02T03:04:05Z", with 9 digits of fraction where there is one. UTC. Returns out. */
char *clock_format(int64_t ns, char out[CLOCK_TEXT_MAX]);
/* RFC 3339 with any offset and up to nine digits. 0, -EINVAL, or -ERANGE: a time, but outside the
 * years 1678 to 2262 (Go's zero time is in the year 1). */
int clock_parse(const char *s, int64_t *ret_ns);
/* "3 minutes ago", docker's words. out: CLOCK_TEXT_MAX. Returns out. */
char *clock_format_ago(int64_t ns, int64_t now, char out[CLOCK_TEXT_MAX]);
/* "3 minutes", the same words without "ago" */
char *clock_format_span(int64_t span_ns, char out[CLOCK_TEXT_MAX]);
