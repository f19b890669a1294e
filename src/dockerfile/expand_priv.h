/* Between expand.c and variable.c: the state of one expansion. */
#pragma once

#include "base/buf.h"
#include "dockerfile/expand.h"

struct expansion {
	const struct dockerfile_expander *x;
	const char *text;
	size_t at;
	size_t len;
	char escape;
	bool keep_escapes;
	int depth;
	size_t steps; /* left for patterns */
	struct err *e;
};

struct splitter {
	struct buf word;
	struct strv *words;
};

/* Appends; sets the error when out is full. */
int expansion_put(struct expansion *ex, struct buf *out, const char *p, size_t len);
/* At a `$`: appends what the variable gives and goes behind it. */
int expansion_variable(struct expansion *ex, struct buf *out);
/* Expands up to the character stop and goes behind it; its absence is an error. */
int expansion_until(struct expansion *ex, char stop, bool keep_escapes, struct buf *out);
