/*
 * The shell patterns of ${v#p} and ${v/p/w}: `*` is any text, `?` a character,
 * `\` quotes `*`, `?`, `\`, `}` and `/`; no brackets. Work is bounded by a
 * budget of steps that the caller keeps over several calls.
 */
#pragma once

#include "base/defs.h"

struct buf;

enum dockerfile_pattern_end {
	DOCKERFILE_PATTERN_PREFIX,
	DOCKERFILE_PATTERN_SUFFIX,
};

/* Appends value without what pattern matches at that end, the shortest or the longest.
 * -EINVAL: a `\` before another character; -ERR_LIMIT: out of steps, or out is full. */
int dockerfile_pattern_trim(const char *pattern, const char *value, enum dockerfile_pattern_end end,
	bool longest, size_t *steps, struct buf *out);
/* Appends value with the first match, or every one, replaced. */
int dockerfile_pattern_replace(const char *pattern, const char *value, const char *replacement,
	bool all, size_t *steps, struct buf *out);
