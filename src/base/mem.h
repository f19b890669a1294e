/*
 * Memory. The x functions abort when memory is out: a small allocation that
 * fails leaves nothing sensible to do. Sizes that come from outside go through
 * struct buf with a limit instead.
 */
#pragma once

#include "base/defs.h"

#include <stdarg.h>

void *mem_alloc(size_t size) must_check; /* zeroed */
void *mem_array(size_t n, size_t size) must_check;
void *mem_realloc(void *p, size_t n, size_t size) must_check; /* n * size, checked for overflow */
void *mem_dup(const void *p, size_t len) must_check;          /* len bytes and a 0 after them */
char *mem_strdup(const char *s) must_check;                   /* NULL gives NULL */
char *mem_strndup(const char *s, size_t len) must_check;
char *mem_printf(const char *fmt, ...) printf_like(1, 2) must_check;
char *mem_vprintf(const char *fmt, va_list ap) must_check;
