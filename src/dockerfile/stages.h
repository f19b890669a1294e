/*
 * A Dockerfile as a build sees it: the ARGs above the first FROM, then stages
 * with their typed instructions. Everything is checked by instruction.h.
 */
#pragma once

#include "base/arena.h"
#include "base/defs.h"
#include "dockerfile/instruction.h"

struct err;

struct dockerfile_stage {
	size_t index;
	const char *name; /* lower-cased; NULL when it has none */
	struct dockerfile_instruction from;
	struct dockerfile_instruction *instructions; /* without FROM */
	size_t ninstructions;
};

struct dockerfile_stages {
	const struct dockerfile *file; /* borrowed: must live longer */
	struct dockerfile_instruction *args;
	size_t nargs;
	struct dockerfile_stage *items; /* at least one */
	size_t n;
	struct arena arena;
};

int dockerfile_stages_read(
	const struct dockerfile *file, struct dockerfile_stages **ret_stages, struct err *e);
void dockerfile_stages_free(struct dockerfile_stages *s);
DEFINE_CLEANUP(struct dockerfile_stages *, dockerfile_stages_free)
#define cleanup_dockerfile_stages cleanup(dockerfile_stages_free_cleanup)

/* The stage below number `before` called name (any case), the last one of that name; with
 * numbers true "0", "1", ... too. NULL: none. FROM looks by name only, COPY --from and
 * --target by name and number. before SIZE_MAX: all. */
const struct dockerfile_stage *dockerfile_stage_find(
	const struct dockerfile_stages *s, const char *name, size_t before, bool numbers);
/* The name that was probably meant, for a hint; NULL: none is close. */
const char *dockerfile_stage_suggest(const struct dockerfile_stages *s, const char *name);
