/* Bump allocation in blocks; see the header. */
#include "base/arena.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct arena_block {
	struct arena_block *before;
	size_t used, size;
	_Alignas(16) char bytes[];
};

enum { BLOCK_SIZE = 16 * 1024 - 64 };

void arena_release(struct arena *a)
{
	while (a->last) {
		struct arena_block *before = a->last->before;
		free(a->last);
		a->last = before;
	}
}

void *arena_alloc(struct arena *a, size_t size)
{
	if (size > SIZE_MAX / 2)
		abort();
	size = (size + 15) & ~(size_t)15;
	if (!a->last || a->last->size - a->last->used < size) {
		size_t room = MAX(size, (size_t)BLOCK_SIZE);
		struct arena_block *b = mem_alloc(sizeof(*b) + room);
		b->before = a->last;
		b->size = room;
		a->last = b;
	}
	void *p = a->last->bytes + a->last->used;
	a->last->used += size;
	return p;
}

char *arena_strndup(struct arena *a, const char *s, size_t len)
{
	char *copy = arena_alloc(a, len + 1);
	if (len)
		memcpy(copy, s, len);
	return copy;
}

char *arena_strdup(struct arena *a, const char *s)
{
	return arena_strndup(a, s, strlen(s));
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	cleanup_free char *s = mem_vprintf(fmt, ap);
	va_end(ap);
	return arena_strdup(a, s);
}
