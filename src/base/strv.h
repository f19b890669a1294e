/*
 * struct strv: a list of strings that it owns. v is NULL-terminated after the
 * first append, so it can be handed to execve; strv_items never returns NULL.
 */
#pragma once

#include "base/defs.h"

struct strv {
	char **v;
	size_t n;
	size_t cap;
};

#define STRV_INIT          \
	{                  \
		NULL, 0, 0 \
	}

void strv_release(struct strv *s);
#define cleanup_strv cleanup(strv_release)

void strv_add(struct strv *s, const char *str); /* copies */
void strv_take(struct strv *s, char *str);      /* owns str from now on */
void strv_addf(struct strv *s, const char *fmt, ...) printf_like(2, 3);
void strv_add_all(struct strv *s, const struct strv *other); /* copies */
void strv_copy(struct strv *dst, const struct strv *src);    /* dst is released first */
void strv_remove(struct strv *s, size_t i);
void strv_sort(struct strv *s);
bool strv_has(const struct strv *s, const char *str);
bool strv_equal(const struct strv *a, const struct strv *b);
char *const *strv_items(const struct strv *s); /* borrowed, NULL-terminated, never NULL */
char *strv_join(const struct strv *s, const char *sep) must_check;

/* Environment lists of NAME=VALUE: sets or replaces NAME, keeping its place. */
void strv_env_set(struct strv *s, const char *name, const char *value);
const char *strv_env_get(const struct strv *s, const char *name); /* borrowed, NULL if unset */
bool strv_env_unset(struct strv *s, const char *name);
