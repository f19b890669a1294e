/*
 * .dockerignore with the reference's semantics: Go's filepath.Match and `**`,
 * `!` exceptions, the last pattern that matches a path or one of its parents
 * decides, so an exception works inside an excluded directory too.
 *
 * Paths are relative to the context, cleaned, with '/' between components and
 * none at the ends. "" and "." are the context itself and never excluded.
 */
#pragma once

#include "base/defs.h"

struct err;
struct dockerfile_ignore;

struct dockerfile_ignore_verdict {
	bool excluded;
	const char *pattern; /* the line that decided, as written, trimmed; NULL: none matched */
	uint32_t line;       /* from 1; 0: none */
};

/* name: for errors. -ERR_SYNTAX (with the line), -ERR_LIMIT. */
int dockerfile_ignore_parse(const char *name, const char *bytes, size_t len,
	struct dockerfile_ignore **ret_ignore, struct err *e);
void dockerfile_ignore_free(struct dockerfile_ignore *ig);
DEFINE_CLEANUP(struct dockerfile_ignore *, dockerfile_ignore_free)
#define cleanup_dockerfile_ignore cleanup(dockerfile_ignore_free_cleanup)

size_t dockerfile_ignore_count(const struct dockerfile_ignore *ig); /* patterns */

/* ig NULL: nothing is excluded. */
struct dockerfile_ignore_verdict dockerfile_ignore_match(
	const struct dockerfile_ignore *ig, const char *path);

/* May anything below directory dir be included? false: a walker skips the whole tree. A true
 * may be wrong, a false never is. */
bool dockerfile_ignore_may_include_below(const struct dockerfile_ignore *ig, const char *dir);

/*
 * For a walker, which asks for every entry of a tree: what the patterns say
 * about the directory that it is in is kept in a state, so that an entry costs
 * one match per pattern instead of one per pattern and parent. parent is the
 * number that dockerfile_ignore_enter gave for the directory (0 for the context
 * itself): 1 + the index of the last pattern that matches dir or a parent.
 */
struct dockerfile_ignore_verdict dockerfile_ignore_match_in(
	const struct dockerfile_ignore *ig, size_t parent, const char *path);
size_t dockerfile_ignore_enter(const struct dockerfile_ignore *ig, size_t parent, const char *dir);
/* As dockerfile_ignore_may_include_below, with the number that enter gave for dir itself. */
bool dockerfile_ignore_may_include_in(
	const struct dockerfile_ignore *ig, size_t state, const char *dir);
