/*
 * The Dockerfile parser: bytes in, a tree out, nothing opened, nothing judged.
 *
 * It knows the lexical rules (directives, comments, continuations, heredocs,
 * JSON arrays, flags, words, pairs) and refuses what breaks those. What an
 * instruction allows - its flags, how many arguments, whether its keyword
 * exists at all - is judged by dockerfile/instruction.h, so that lint and
 * templates can read files that a build refuses.
 *
 * Life cycle: dockerfile_parse, dockerfile_free. Everything in the tree lives
 * until then. Texts are 0-terminated; len counts zeros inside (JSON \u0000).
 */
#pragma once

#include "base/arena.h"
#include "base/defs.h"
#include "dockerfile/source.h"

struct buf;
struct err;

enum dockerfile_kind {
	DOCKERFILE_UNKNOWN, /* the keyword is no instruction's */
	DOCKERFILE_ADD,
	DOCKERFILE_ARG,
	DOCKERFILE_CMD,
	DOCKERFILE_COPY,
	DOCKERFILE_ENTRYPOINT,
	DOCKERFILE_ENV,
	DOCKERFILE_EXPOSE,
	DOCKERFILE_FROM,
	DOCKERFILE_HEALTHCHECK,
	DOCKERFILE_LABEL,
	DOCKERFILE_MAINTAINER,
	DOCKERFILE_ONBUILD,
	DOCKERFILE_RUN,
	DOCKERFILE_SHELL,
	DOCKERFILE_STOPSIGNAL,
	DOCKERFILE_USER,
	DOCKERFILE_VOLUME,
	DOCKERFILE_WORKDIR,
	DOCKERFILE_KINDS,
};

/* How the arguments are written, and so what args holds. */
enum dockerfile_form {
	DOCKERFILE_WORDS,  /* args: words, separated by blanks */
	DOCKERFILE_TEXT,   /* args: one, the whole rest; none when there is none */
	DOCKERFILE_JSON,   /* args: the strings of a JSON array */
	DOCKERFILE_PAIRS,  /* args: name, value, name, value ... of name=value */
	DOCKERFILE_LEGACY, /* args: name and value of `ENV name value` */
	DOCKERFILE_NESTED, /* no args: trigger holds the instruction of ONBUILD */
};

struct dockerfile_token {
	const char *text;
	size_t len;
	struct dockerfile_span span;
};

/* `--name=value`, quotes and backslashes resolved */
struct dockerfile_flag {
	struct dockerfile_token word; /* "--name=value" */
	struct dockerfile_token name; /* "name" */
	struct dockerfile_token value;
	bool has_value; /* there was a '=' */
};

struct dockerfile_heredoc {
	struct dockerfile_token word; /* `3<<-"EOF"` as written */
	const char *name;             /* the terminator, quotes removed */
	uint32_t fd;                  /* 0 when none is written */
	bool expand;                  /* no part of the name was quoted */
	bool strip_tabs;              /* <<- */
	struct dockerfile_token body; /* the lines between, as they stand in the file */
	const char *text;             /* the body, leading tabs removed for <<- */
	size_t text_len;
	struct dockerfile_span end; /* the line with the terminator */
};

struct dockerfile_comment {
	struct dockerfile_token text; /* without '#' and the blanks around */
	bool inside;                  /* between the lines of a continued instruction */
};

/* `# escape=...`, `# syntax=...`, `# check=...` at the top of the file */
struct dockerfile_directive {
	struct dockerfile_token name; /* lower-cased */
	struct dockerfile_token value;
};

struct dockerfile_node {
	enum dockerfile_kind kind;
	enum dockerfile_form form;
	struct dockerfile_token keyword; /* as written */
	struct dockerfile_token text;    /* the instruction, lines joined, blanks trimmed */
	struct dockerfile_token rest;    /* text without keyword and flags */
	struct dockerfile_span span;     /* first to last byte, heredocs included */

	struct dockerfile_flag *flags;
	size_t nflags;
	struct dockerfile_token *args;
	size_t nargs;
	/* HEALTHCHECK: args[0] is the type, form tells about the command behind it */
	struct dockerfile_heredoc *heredocs; /* of an ONBUILD: with its trigger, too */
	size_t nheredocs;
	struct dockerfile_node *trigger; /* ONBUILD's instruction, or NULL */

	/* file->comments[first_comment..]: first those directly above, then those inside */
	size_t first_comment;
	size_t ncomments;
	/* the first empty line between continued lines (deprecated); line 0: none */
	struct dockerfile_span empty_line;
};

struct dockerfile {
	struct dockerfile_source source;
	char escape; /* '\\' or '`' */
	struct dockerfile_directive *directives;
	size_t ndirectives;
	struct dockerfile_comment *comments; /* every comment of the file, in order */
	size_t ncomments;
	struct dockerfile_node *nodes;
	size_t nnodes;
	struct arena arena;
};

/* Parses len bytes. Errors carry the position and the line: -ERR_SYNTAX, -ERR_LIMIT. */
int dockerfile_parse(const char *name, const char *bytes, size_t len, struct dockerfile **ret_file,
	struct err *e);
void dockerfile_free(struct dockerfile *f);
DEFINE_CLEANUP(struct dockerfile *, dockerfile_free)
#define cleanup_dockerfile cleanup(dockerfile_free_cleanup)

const char *dockerfile_kind_name(enum dockerfile_kind kind); /* "RUN"; UNKNOWN gives "" */
enum dockerfile_kind dockerfile_kind_parse(const char *word, size_t len); /* any case */
/* The instruction that word was probably meant to be, or NULL. */
const char *dockerfile_kind_suggest(const char *word);

/* Does word open a heredoc (`<<EOF`, `3<<-"EOF"`)? For words of COPY and ADD. */
bool dockerfile_word_is_heredoc(const char *word);

/* dockerfile_source_error for a file of the tree */
#define dockerfile_error(f, span, e, code, ...) \
	dockerfile_source_error(&(f)->source, (span), (e), (code), __VA_ARGS__)

/* One s-expression a line, an instruction each. */
void dockerfile_print_sexp(const struct dockerfile *f, struct buf *out);
/* The whole tree as JSON, with positions. */
void dockerfile_print_json(const struct dockerfile *f, struct buf *out);
