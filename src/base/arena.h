/*
 * struct arena: memory for a parse tree or another structure that is freed as a
 * whole. arena_release frees everything; pointers are valid until then.
 */
#pragma once

#include "base/defs.h"

struct arena_block;
struct arena {
	struct arena_block *last;
};

#define ARENA_INIT   \
	{            \
		NULL \
	}

void arena_release(struct arena *a);
#define cleanup_arena cleanup(arena_release)
void *arena_alloc(struct arena *a, size_t size) must_check; /* zeroed, aligned to 16 */
char *arena_strndup(struct arena *a, const char *s, size_t len) must_check; /* 0 bytes kept */
char *arena_strdup(struct arena *a, const char *s) must_check;
char *arena_printf(struct arena *a, const char *fmt, ...) printf_like(2, 3) must_check;
