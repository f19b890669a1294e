/*
 * struct dockerfile_source: the bytes of a Dockerfile with a name and a line
 * table; positions in it, and the excerpt with a caret that a diagnostic shows.
 *
 * Lines and columns count from 1, columns in bytes. A span ends behind its last
 * byte. Line 0 says "no position": the diagnostic then names the file only.
 */
#pragma once

#include "base/defs.h"

struct arena;
struct buf;
struct err;

struct dockerfile_pos {
	uint32_t offset; /* from the first byte of the file, a byte order mark included */
	uint32_t line;
	uint32_t column;
};

struct dockerfile_span {
	struct dockerfile_pos start;
	struct dockerfile_pos end;
};

struct dockerfile_source {
	const char *name;  /* as diagnostics print it: "Dockerfile", "-", "ONBUILD of IMAGE" */
	const char *bytes; /* a copy, with a 0 behind it */
	size_t len;
	const uint32_t *lines; /* offset of each line's first byte */
	size_t nlines;
};

/* Copies name and bytes into the arena. -ERR_LIMIT beyond max bytes. */
int dockerfile_source_init(struct dockerfile_source *s, struct arena *a, const char *name,
	const char *bytes, size_t len, size_t max, struct err *e);

struct dockerfile_pos dockerfile_source_pos(const struct dockerfile_source *s, size_t offset);
struct dockerfile_span dockerfile_source_span(
	const struct dockerfile_source *s, size_t start, size_t end);
/* Line 1..nlines without its end of line; borrowed, not 0-terminated. */
const char *dockerfile_source_line(
	const struct dockerfile_source *s, uint32_t line, size_t *ret_len);

/* Appends the line of span.start and, below it, a caret with tildes:
 *     3 | COPY --form=x a b
 *       |      ^~~~~~~~
 * Long lines are cut around the caret, control characters replaced. */
void dockerfile_source_excerpt(
	const struct dockerfile_source *s, struct dockerfile_span span, struct buf *out);

/* err_set with "NAME:LINE:COLUMN: message" and the excerpt on the lines that follow.
 * code: positive. Returns -code. */
int dockerfile_source_error(const struct dockerfile_source *s, struct dockerfile_span span,
	struct err *e, int code, const char *fmt, ...) printf_like(5, 6);
