/*
 * The words of kist-runtime's command line, as data: every command describes its
 * options in a table, and one parser and one help page serve them all.
 *
 * A command's options are written into a struct of its own, zeroed before:
 * struct option.offset says where. Spellings are those of runc and crun:
 * "--name VALUE", "--name=VALUE", "-n VALUE", "-nVALUE", clusters of letters,
 * "--flag", "--flag=false"; options and operands in any order, unless the
 * command ends its options at the first operand. Options that stand before the
 * command are taken behind it, too.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

#include <stdio.h>

struct err;

enum option_kind {
	OPTION_FLAG,   /* bool */
	OPTION_TEXT,   /* const char *; the last one counts */
	OPTION_NUMBER, /* unsigned, at most 1 << 20 */
	OPTION_LIST,   /* struct strv, in the order given */
};

struct option_spec {
	const char *name; /* long name without dashes; NULL ends the table */
	char letter;      /* 0: none */
	const char *arg;  /* the value's name in help; NULL: a flag */
	const char *help; /* one line, no full stop */
	enum option_kind kind;
	size_t offset; /* in the command's struct */
};

/* {OPT(struct create_options, bundle), "bundle" ...} would need the name twice; this does not. */
#define OPT_FLAG(s, field, name, letter, help)                                   \
	{                                                                        \
		name, letter, NULL, help, OPTION_FLAG, offsetof(struct s, field) \
	}
#define OPT_TEXT(s, field, name, letter, arg, help)                             \
	{                                                                       \
		name, letter, arg, help, OPTION_TEXT, offsetof(struct s, field) \
	}
#define OPT_NUMBER(s, field, name, letter, arg, help)                             \
	{                                                                         \
		name, letter, arg, help, OPTION_NUMBER, offsetof(struct s, field) \
	}
#define OPT_LIST(s, field, name, letter, arg, help)                             \
	{                                                                       \
		name, letter, arg, help, OPTION_LIST, offsetof(struct s, field) \
	}

/* What a command is called with */
struct call {
	const void *options; /* its struct */
	char **operands;     /* NULL-terminated, borrowed from argv */
	int n;
};

struct command {
	const char *name;
	const char *operands;                            /* for help */
	const char *text;                                /* one line */
	const struct option_spec *options;               /* ends with a NULL name; NULL: none */
	size_t size;                                     /* of the struct that they fill */
	int min, max;                                    /* operands; max -1: any number */
	bool stops;                                      /* options end at the first operand */
	int (*run)(const struct call *c, struct err *e); /* exit status, or an error */
	int error_status;                                /* 0 stands for 1 */
};

/* As runc takes them: true, t, 1, false ...; false when text is none of them */
bool option_parse_bool(const char *text, bool *ret);

/* The global options: those before the command. *ret_first: the command's place in argv, or argc.
 * Returns 1 when help or the version was asked for and printed. */
int options_parse_global(int argc, char **argv, int *ret_first, struct err *e);
/* Runs a command on argv, argv[0] its name; its exit status, or a negative code. */
int options_run(const struct command *c, int argc, char **argv, struct err *e);
void options_help(FILE *out, const struct command *c); /* NULL: all commands */
