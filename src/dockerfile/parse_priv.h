/*
 * Between the parser's files: the joined line of an instruction, which knows
 * where in the file each of its bytes came from, and the small parsers of what
 * follows a keyword. All of them put their results into file->arena.
 */
#pragma once

#include "dockerfile/parse.h"

struct err;

/* A stretch of the joined line: text[at..] comes from source.bytes[origin..], in that line. */
struct dockerfile_piece {
	uint32_t at;
	uint32_t origin;
	uint32_t line; /* from 1 */
};

struct dockerfile_list_tokens {
	struct dockerfile_token *v;
	size_t n;
	size_t cap;
};

struct dockerfile_parser {
	struct dockerfile *f;
	struct err *e;
	/* the joined line; in the arena, 0-terminated */
	const char *text;
	size_t len;
	struct dockerfile_piece *pieces;
	size_t npieces;
	size_t cap_pieces;
	/* the physical line that is read next, from 0 */
	size_t next_line;
	struct dockerfile_list_tokens words; /* scratch */
	/* what the file will own */
	size_t cap_nodes;
	size_t cap_comments;
	size_t cap_directives;
	size_t run_start; /* the first of the comments right above */
	bool directives_done;
};

/* The next power of two above n elements, for growing arrays that realloc. */
void *dockerfile_grow(void *v, size_t n, size_t *cap, size_t size);

static inline bool dockerfile_is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Positions of text[start..end) of the joined line. */
struct dockerfile_span dockerfile_line_span(
	const struct dockerfile_parser *p, size_t start, size_t end);
/* The same with its text, copied unless it reaches to the end of the line. */
struct dockerfile_token dockerfile_line_token(
	const struct dockerfile_parser *p, size_t start, size_t end);
int dockerfile_line_error(struct dockerfile_parser *p, size_t start, size_t end, int code,
	const char *fmt, ...) printf_like(5, 6);

void dockerfile_words_add(struct dockerfile_parser *p, struct dockerfile_token t);
/* The collected words as node's args; empties the scratch list. */
void dockerfile_words_take(struct dockerfile_parser *p, struct dockerfile_node *node);

/* Each parses text[at..len). */

/* `--flag` words at the beginning; *ret_rest: where the rest begins. */
void dockerfile_flags_parse(
	struct dockerfile_parser *p, size_t at, struct dockerfile_node *node, size_t *ret_rest);
/* Words between blanks, quotes mean nothing. */
void dockerfile_split_words(struct dockerfile_parser *p, size_t at);
/* Words where quotes and the escape character hold blanks; quotes and escapes stay. */
void dockerfile_split_quoted(struct dockerfile_parser *p, size_t at);
/* name=value pairs, or the older `name value` */
int dockerfile_pairs_parse(struct dockerfile_parser *p, size_t at, struct dockerfile_node *node);
/* A JSON array of strings that fills the whole rest: 1 and the words; 0: something else, to be
 * read as text; -ERR_SYNTAX: JSON, but not only strings. */
int dockerfile_json_parse(struct dockerfile_parser *p, size_t at);
/* The heredocs that node's line opens; reads their lines. */
int dockerfile_heredocs_parse(struct dockerfile_parser *p, struct dockerfile_node *node);
