/*
 * Variables and quotes in the words of an instruction, as the Dockerfile
 * reference has them: $v ${v} ${v-w} ${v:-w} ${v+w} ${v:+w} ${v?w} ${v:?w}
 * ${v#p} ${v##p} ${v%p} ${v%%p} ${v/p/w} ${v//p/w}, single and double quotes,
 * and the escape character of the file. Pure: values come through a callback.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;
struct strv;

enum dockerfile_expand_flags {
	DOCKERFILE_KEEP_QUOTES = 1 << 0,    /* quotes stay in the result */
	DOCKERFILE_KEEP_ESCAPES = 1 << 1,   /* escape characters stay in the result */
	DOCKERFILE_LITERAL_QUOTES = 1 << 2, /* quotes mean nothing: heredoc bodies */
	DOCKERFILE_KEEP_UNSET = 1 << 3,     /* a variable without a value stays as written */
};

struct dockerfile_expander {
	char escape; /* 0 means '\\' */
	enum dockerfile_expand_flags flags;
	/* The value of name, borrowed until the next call; NULL: not set. NULL function: none is. */
	const char *(*lookup)(void *arg, const char *name);
	void *arg;
	/* What the words asked for, each NULL or a list that grows: sorted, each name once. */
	struct strv *used;      /* set, and looked at */
	struct strv *unset;     /* looked at, but not set, whatever came out */
	struct strv *undefined; /* those of unset that silently became nothing */
};

/* One word: blanks inside stay. Appends to out. -ERR_SYNTAX (bad form, quote not closed, ${v?}),
 * -ERR_LIMIT (result above LIMIT_EXPANSION, nested too deep). */
int dockerfile_expand_word(
	const struct dockerfile_expander *x, const char *text, struct buf *out, struct err *e);
/* The same, split at unquoted blanks after the expansion; appends to words. */
int dockerfile_expand_words(
	const struct dockerfile_expander *x, const char *text, struct strv *words, struct err *e);
