/* A wildcard pattern ready to match many paths; glob.h and ignore.h are its users. */
#pragma once

#include "base/defs.h"

struct arena;
struct glob_item;

enum glob_type {
	GLOB_ITEMS,  /* matched item by item */
	GLOB_EXACT,  /* no wildcard: the text itself */
	GLOB_PREFIX, /* text, then anything */
	GLOB_SUFFIX, /* anything, then text */
};

struct glob {
	enum glob_type type;
	const char *text; /* of the three simple types; else the literal end of the pattern */
	size_t len;
	struct glob_item *items;
	size_t nitems;
	size_t slashes;   /* in a path that matches, if fixed_depth */
	bool fixed_depth; /* nothing in it but '/' itself matches a '/' */
};

/* Reads pattern into g, which lives in the arena. double_star: `**` crosses '/', as in
 * .dockerignore. -EINVAL: malformed, -ERR_LIMIT: longer than LIMIT_IGNORE_PATTERN. */
int glob_compile(struct glob *g, struct arena *a, const char *pattern, bool double_star);
bool glob_match(const struct glob *g, const char *path, size_t len);
/* May a path below the directory match? false is certain. */
bool glob_may_match_below(const struct glob *g, const char *dir, size_t len);
