/*
 * Wildcards of COPY and ADD sources: Go's filepath.Match, where `*` and `?`
 * match no '/', `[a-z]` and `[^a-z]` are classes and `\` quotes.
 */
#pragma once

#include "base/defs.h"

/* 1: matches, 0: does not, -EINVAL: the pattern is malformed. */
int dockerfile_glob_match(const char *pattern, const char *path);
/* Does it contain wildcard characters (*, ?, [)? */
bool dockerfile_glob_has_magic(const char *pattern);
