/*
 * Static libraries of a distribution were compiled against glibc with _FORTIFY_SOURCE. These are the
 * functions that they then ask for, for a program that holds another C library (KIST_STATIC):
 * the same checks, the same end.
 */
#ifdef KIST_STATIC

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __snprintf_chk(char *s, size_t size, int flag, size_t room, const char *fmt, ...);
int __vsnprintf_chk(char *s, size_t size, int flag, size_t room, const char *fmt, va_list ap);
int __fprintf_chk(FILE *f, int flag, const char *fmt, ...);
char *__strncpy_chk(char *to, const char *from, size_t size, size_t room);

int __vsnprintf_chk(char *s, size_t size, int flag, size_t room, const char *fmt, va_list ap)
{
	if (room < size)
		abort();
	return vsnprintf(s, size, fmt, ap);
}

int __snprintf_chk(char *s, size_t size, int flag, size_t room, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = __vsnprintf_chk(s, size, flag, room, fmt, ap);
	va_end(ap);
	return n;
}

int __fprintf_chk(FILE *f, int flag, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int n = vfprintf(f, fmt, ap);
	va_end(ap);
	return n;
}

char *__strncpy_chk(char *to, const char *from, size_t size, size_t room)
{
	if (room < size)
		abort();
	size_t n = strnlen(from, size);
	memcpy(to, from, n);
	memset(to + n, 0, size - n);
	return to;
}

#endif
