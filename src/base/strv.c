/* The list of strings; see the header. */
#include "base/strv.h"
#include "base/buf.h"
#include "base/mem.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void strv_release(struct strv *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->v[i]);
	free(s->v);
	*s = (struct strv)STRV_INIT;
}

void strv_take(struct strv *s, char *str)
{
	if (s->n + 2 > s->cap) {
		s->cap = s->cap ? s->cap * 2 : 8;
		s->v = mem_realloc(s->v, s->cap, sizeof(*s->v));
	}
	s->v[s->n++] = str;
	s->v[s->n] = NULL;
}

void strv_add(struct strv *s, const char *str)
{
	strv_take(s, mem_strdup(str));
}

void strv_addf(struct strv *s, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	strv_take(s, mem_vprintf(fmt, ap));
	va_end(ap);
}

void strv_add_all(struct strv *s, const struct strv *other)
{
	for (size_t i = 0; i < other->n; i++)
		strv_add(s, other->v[i]);
}

void strv_copy(struct strv *dst, const struct strv *src)
{
	if (dst == src)
		return;
	strv_release(dst);
	strv_add_all(dst, src);
}

void strv_remove(struct strv *s, size_t i)
{
	if (i >= s->n)
		return;
	free(s->v[i]);
	memmove(s->v + i, s->v + i + 1, (s->n - i) * sizeof(*s->v));
	s->n--;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void strv_sort(struct strv *s)
{
	if (s->n)
		qsort(s->v, s->n, sizeof(*s->v), compare);
}

bool strv_has(const struct strv *s, const char *str)
{
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->v[i], str) == 0)
			return true;
	return false;
}

bool strv_equal(const struct strv *a, const struct strv *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	return true;
}

char *const *strv_items(const struct strv *s)
{
	static char *const empty[] = {NULL};
	return s->v ? s->v : empty;
}

char *strv_join(const struct strv *s, const char *sep)
{
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < s->n; i++) {
		if (i)
			buf_add_str(&b, sep);
		buf_add_str(&b, s->v[i]);
	}
	return buf_take(&b);
}

static ssize_t env_index(const struct strv *s, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < s->n; i++)
		if (strncmp(s->v[i], name, len) == 0 && s->v[i][len] == '=')
			return (ssize_t)i;
	return -1;
}

void strv_env_set(struct strv *s, const char *name, const char *value)
{
	char *pair = mem_printf("%s=%s", name, value);
	ssize_t i = env_index(s, name);
	if (i < 0) {
		strv_take(s, pair);
		return;
	}
	free(s->v[i]);
	s->v[i] = pair;
}

const char *strv_env_get(const struct strv *s, const char *name)
{
	ssize_t i = env_index(s, name);
	return i < 0 ? NULL : s->v[i] + strlen(name) + 1;
}

bool strv_env_unset(struct strv *s, const char *name)
{
	ssize_t i = env_index(s, name);
	if (i < 0)
		return false;
	strv_remove(s, (size_t)i);
	return true;
}
