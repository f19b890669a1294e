/*
 * malloc for programs that are started with every container (KIST_STATIC, src/meson.build): they live
 * for milliseconds or do next to nothing, with one thread. musl's own gives each small group of
 * blocks back to the kernel as soon as it is free and asks for it again; that was a hundred system
 * calls in a start, and as many new pages. Here blocks are cut from one growing region, and what
 * is freed is kept in a list of its size. Sizes above HEAP_LARGE are mappings of their own.
 *
 * Not for threads. Results are aligned to 16 bytes, or NULL with errno ENOMEM.
 */
#pragma once

#include <stddef.h>

enum { HEAP_LARGE = 128 * 1024 };

void *heap_alloc(size_t size);
void *heap_zalloc(size_t n, size_t size); /* all zero; NULL when n * size overflows */
void *heap_realloc(void *p, size_t size);
void heap_free(void *p); /* aborts when p is no block in use */
