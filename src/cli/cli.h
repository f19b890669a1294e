/*
 * The frame of every command.
 *
 * A command is two files: spec/NAME.c holds its words (options, help, man page
 * text: data only, linked into every program, so that `kist` alone can print
 * any help page, man page or completion), and PROGRAM/NAME.c holds its function
 * in the executable that the spec names. Both register themselves:
 *
 *	CLI_SPEC(tag) = {.name = "tag", .program = CLI_KIST, ...};
 *	CLI_COMMAND(tag, cmd_tag);
 *
 * A command returns its exit status, or a negative code after setting c->err,
 * which the frame prints once, with its hint, and turns into the spec's
 * error_status. Only cli/ prints, reads the environment or the terminal.
 */
#pragma once

#include "base/defs.h"
#include "base/err.h"

#include <stdio.h>

enum cli_program {
	CLI_KIST,
	CLI_BUILD,
	CLI_TRANSPORT,
};

enum cli_opt_flags {
	CLI_HIDDEN = 1 << 0, /* not in help: internal */
	CLI_REFUSED =
		1 << 1, /* known from docker, not done: an error that says so (help: the reason) */
	CLI_OPTIONAL = 1 << 2, /* the value may be left out; given only as --name=VALUE */
};

struct cli_opt {
	const char *name; /* long name without dashes */
	char letter;      /* 0: none */
	const char *arg;  /* the value's name in help, "KEY=VALUE"; NULL: a flag */
	const char *help; /* one line, no full stop */
	enum cli_opt_flags flags;
};

enum cli_spec_flags {
	CLI_STOP_AT_OPERAND = 1 << 0, /* options end at the first operand, as run IMAGE CMD -x */
	CLI_INTERNAL = 1 << 1,        /* not listed */
	CLI_MAKES_ROOM = 1 << 2,      /* removes things: must work on a full disk (store/store.h) */
	CLI_NO_STORE = 1 << 3,        /* opens no store: without root it needs no user namespace */
};

struct cli_spec {
	const char *name;
	const char *alias; /* other words for it, blanks between them; or NULL */
	enum cli_program program;
	const char *operands; /* "IMAGE [COMMAND [ARG...]]" */
	int min_operands;
	int max_operands;    /* -1: any number */
	const char *summary; /* one line for `kist help` */
	const char *text;    /* paragraphs for --help and the man page, blank line between them */
	const struct cli_opt *opts; /* ends with an entry without a name */
	const char *examples;       /* one command a line, "# text" lines allowed */
	const char *statuses; /* exit statuses beyond 0, one a line: "125  kist itself failed" */
	int error_status;     /* 0 stands for 1 */
	enum cli_spec_flags flags;
};

struct cli_value {
	const struct cli_opt *opt;
	const char *text; /* NULL: the flag was given without a value */
};

struct store;

struct cli {
	const struct cli_spec *spec;
	/* global options, made absolute; never NULL */
	char *root;
	char *runroot;
	const char *storage_driver; /* NULL: the store's own choice */
	const char *config;         /* --config; NULL: not given (cli/registry.h) */
	bool debug;
	/* the command's own */
	struct cli_value *values;
	size_t n_values;
	char **operands; /* NULL-terminated */
	int n_operands;
	struct err err;
};

bool cli_flag(const struct cli *c, const char *name); /* given, and not =false */
bool cli_flag_or(const struct cli *c, const char *name, bool otherwise);
const char *cli_value(const struct cli *c, const char *name); /* the last one, or NULL */
/* The i-th value of a repeatable option in the order given, NULL behind the last. */
const char *cli_value_at(const struct cli *c, const char *name, size_t i);
size_t cli_count(const struct cli *c, const char *name);

typedef int (*cli_fn)(struct cli *c);
struct cli_command {
	const char *name;
	cli_fn fn;
};

/* Linker sets: the linker gathers the pointers, so no list is edited for a new command. */
#define CLI_SPEC(ident)                                                                  \
	extern const struct cli_spec cli_spec_##ident;                                   \
	static const struct cli_spec *const cli_spec_ptr_##ident                         \
		__attribute__((used, retain, section("cli_specs"))) = &cli_spec_##ident; \
	const struct cli_spec cli_spec_##ident
#define CLI_COMMAND(ident, function)                                              \
	static const struct cli_command cli_command_##ident = {#ident, function}; \
	static const struct cli_command *const cli_command_ptr_##ident            \
		__attribute__((used, retain, section("cli_commands"))) = &cli_command_##ident

/* main of kist, kist-build and kist-transport */
int cli_main(enum cli_program program, int argc, char **argv);

/* spec.c */
size_t cli_specs(const struct cli_spec *const **ret_specs); /* sorted by name */
const struct cli_spec *cli_spec_find(const char *name);     /* NULL: no such command */

/* args.c: fills c from argv (argv[0] is the command's name); negative with c->err set. */
int cli_args_parse(struct cli *c, int argc, char **argv);
void cli_release(struct cli *c);

/* help.c */
void cli_help(FILE *out); /* all commands */
void cli_help_command(FILE *out, const struct cli_spec *s);
void cli_man(FILE *out);                                   /* kist(1) in roff */
void cli_man_command(FILE *out, const struct cli_spec *s); /* kist-NAME(1) in roff */
void cli_usage_line(FILE *out, const struct cli_spec *s);

/* places.c: fills root and runroot; root, runroot: the options, or NULL */
void cli_places_set(struct cli *c, const char *root, const char *runroot);
/* The user's id on the host, also after cli_rootless_enter. */
uint32_t cli_user(void);
/* As an ordinary user: becomes root of the user namespace that this user's processes share
 * (runtime/rootless.h) and execs program with the command argv[first] there. 0: there is no need to.
 */
int cli_rootless_enter(struct cli *c, const char *program, char **argv, int first);

/* find.c: the path of one of our executables, beside the running one, in ../libexec/kist, or as
 * installed; the caller frees it. */
char *cli_program_path(const char *name);
/* Replaces this process by that program; returns only on failure. */
int cli_program_exec(const char *name, char **argv, struct err *e);

/* message.c: to standard error, "kist: ..." */
void cli_error(const struct err *e);
void cli_warn(const char *fmt, ...) printf_like(1, 2);
void cli_note(const char *text);
/* standard output must have arrived: a full disk or a closed pipe is an error too */
int cli_flush(struct err *e);
