/*
 * struct buf: bytes that grow. Always followed by a 0 byte that len does not
 * count, so data is a C string when no 0 is inside; data is never NULL after
 * the first append, and buf_str never returns NULL.
 *
 * Life cycle: `struct buf b cleanup_buf = BUF_INIT;`, buf_release, or buf_take
 * to keep the bytes. `max` bounds what comes from outside: 0 means no limit
 * (for what we make ourselves); an append beyond it returns -ERR_LIMIT and
 * changes nothing. Without max the append functions cannot fail.
 */
#pragma once

#include "base/defs.h"

#include <stdarg.h>

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
};

#define BUF_INIT              \
	{                     \
		NULL, 0, 0, 0 \
	}
#define BUF_INIT_MAX(limit)         \
	{                           \
		NULL, 0, 0, (limit) \
	}

void buf_release(struct buf *b);
#define cleanup_buf cleanup(buf_release)

int buf_reserve(struct buf *b, size_t extra); /* room for extra more bytes at data + len */
int buf_add(struct buf *b, const void *p, size_t len);
int buf_add_str(struct buf *b, const char *s);
int buf_add_char(struct buf *b, char c);
int buf_printf(struct buf *b, const char *fmt, ...) printf_like(2, 3);
int buf_vprintf(struct buf *b, const char *fmt, va_list ap);
void buf_clear(struct buf *b); /* empty, memory kept */
void buf_truncate(struct buf *b, size_t len);
const char *buf_str(const struct buf *b); /* borrowed until the next change */
char *buf_take(struct buf *b);            /* the caller frees it; b is empty afterwards */
