/* Parses the tables of options.h, and prints them as help. */
#include "cli/runtime/options.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"

#include <stdlib.h>
#include <string.h>

#define OPTION_NUMBER_MAX (1U << 20)

enum { SHOW_HELP = 1 };

struct parser {
	const struct command *command; /* NULL: before the command */
	void *options;
	int argc;
	char **argv;
	int at;
};

static const struct option_spec *find(
	const struct option_spec *table, const char *name, size_t len, char letter)
{
	for (const struct option_spec *o = table; o && o->name; o++)
		if (name ? strlen(o->name) == len && memcmp(o->name, name, len) == 0
			 : o->letter == letter)
			return o;
	return NULL;
}

/* The command's own word wins: `spec --rootless` is not the global one. */
static const struct option_spec *look_up(
	const struct parser *p, const char *name, size_t len, char letter, void **ret_to)
{
	const struct option_spec *o = NULL;
	if (p->command)
		o = find(p->command->options, name, len, letter);
	*ret_to = p->options;
	if (!o) {
		o = find(global_options, name, len, letter);
		*ret_to = &global;
	}
	if (o)
		*ret_to = (char *)*ret_to + o->offset;
	return o;
}

static int usage_error(const struct parser *p, const char *text, const char *what, struct err *e)
{
	const char *name = p->command ? p->command->name : NULL;
	int r = err_set(
		e, ERR_USAGE, "%s%s%s: '%s'", name ? name : "", name ? ": " : "", what, text);
	err_hint(e, "`kist-runtime %s%s--help` lists the options", name ? name : "",
		name ? " " : "");
	return r;
}

bool option_parse_bool(const char *text, bool *ret)
{
	static const char *const words[2][6] = {{"false", "False", "FALSE", "f", "F", "0"},
		{"true", "True", "TRUE", "t", "T", "1"}};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		for (size_t k = 0; k < ARRAY_SIZE(words[i]); k++)
			if (str_eq(text, words[i][k])) {
				*ret = i;
				return true;
			}
	return false;
}

static int put_flag(const struct parser *p, bool *to, const char *value, struct err *e)
{
	*to = true;
	if (value && !option_parse_bool(value, to))
		return usage_error(p, value, "a flag is true or false, not", e);
	return 0;
}

static int put(const struct parser *p, const struct option_spec *o, void *to, const char *value,
	struct err *e)
{
	uint64_t n;
	switch (o->kind) {
	case OPTION_FLAG:
		return put_flag(p, to, value, e);
	case OPTION_TEXT:
		*(const char **)to = value;
		return 0;
	case OPTION_LIST:
		strv_add(to, value);
		return 0;
	case OPTION_NUMBER:
		if (str_parse_u64(value, 10, &n) < 0 || n > OPTION_NUMBER_MAX)
			return usage_error(p, value, "not a number that can be used", e);
		*(unsigned *)to = (unsigned)n;
		return 0;
	}
	return 0;
}

/* "--name", "--name=value", "--name value" */
static int take_long(struct parser *p, struct err *e)
{
	const char *word = p->argv[p->at], *name = word + 2, *value = strchr(name, '=');
	size_t len = value ? (size_t)(value - name) : strlen(name);
	if (str_eq(name, "help") || str_eq(name, "usage"))
		return SHOW_HELP;
	void *to;
	const struct option_spec *o = look_up(p, name, len, 0, &to);
	if (!o)
		return usage_error(p, word, "unknown option", e);
	if (value)
		value++;
	else if (o->arg && p->at + 1 < p->argc)
		value = p->argv[++p->at];
	else if (o->arg)
		return usage_error(p, word, "the option's value is missing", e);
	return put(p, o, to, value, e);
}

/* "-dt", "-bDIR", "-b DIR" */
static int take_letters(struct parser *p, struct err *e)
{
	const char *word = p->argv[p->at];
	for (const char *c = word + 1; *c; c++) {
		void *to;
		const struct option_spec *o = look_up(p, NULL, 0, *c, &to);
		if (!o && *c == 'V') /* crun has both */
			o = look_up(p, NULL, 0, 'v', &to);
		if (!o && (*c == 'h' || *c == '?'))
			return SHOW_HELP;
		if (!o)
			return usage_error(p, word, "unknown option", e);
		if (o->arg && !c[1] && p->at + 1 >= p->argc)
			return usage_error(p, word, "the option's value is missing", e);
		if (o->arg)
			return put(p, o, to, c[1] ? c + 1 + (c[1] == '=') : p->argv[++p->at], e);
		int r = put(p, o, to, c[1] == '=' ? c + 2 : NULL, e);
		if (r < 0 || c[1] == '=')
			return r;
	}
	return 0;
}

/* Options from p->at on; operands go to `operands` in their order, or end it where the first
 * one may. Returns their number, or with SHOW_HELP in *ret_help. */
static int take_all(struct parser *p, bool stops, char **operands, bool *ret_help, struct err *e)
{
	int n = 0;
	bool options = true;
	for (; p->at < p->argc; p->at++) {
		const char *word = p->argv[p->at];
		int r = 0;
		if (options && str_eq(word, "--")) {
			options = false;
		} else if (options && word[0] == '-' && word[1]) {
			r = word[1] == '-' ? take_long(p, e) : take_letters(p, e);
		} else {
			if (!operands)
				return 0;
			operands[n++] = p->argv[p->at];
			options = options && !stops;
		}
		if (r < 0)
			return r;
		if (r == SHOW_HELP) {
			*ret_help = true;
			return 0;
		}
	}
	return n;
}

int options_parse_global(int argc, char **argv, int *ret_first, struct err *e)
{
	struct parser p = {.argc = argc, .argv = argv, .at = 1};
	bool help = false;
	int r = take_all(&p, true, NULL, &help, e);
	if (r < 0)
		return r;
	*ret_first = p.at;
	if (help)
		options_help(stdout, NULL);
	return help;
}

static void release(const struct command *c, void *options)
{
	for (const struct option_spec *o = c->options; o && o->name; o++)
		if (o->kind == OPTION_LIST)
			strv_release((struct strv *)(void *)((char *)options + o->offset));
	free(options);
}

int options_run(const struct command *c, int argc, char **argv, struct err *e)
{
	cleanup_free char **operands = mem_array((size_t)argc + 1, sizeof(*operands));
	struct parser p = {c, mem_alloc(c->size ? c->size : 1), argc, argv, 1};
	bool help = false;
	int n = take_all(&p, c->stops, operands, &help, e), r = n;
	if (help) {
		options_help(stdout, c);
		r = 0;
	} else if (n >= 0 && (r = global_check(e)) == 0) {
		const struct call call = {p.options, operands, n};
		if (n < c->min || (c->max >= 0 && n > c->max)) {
			r = err_set(e, ERR_USAGE, "%s takes %s", c->name,
				*c->operands ? c->operands : "no operand");
			err_hint(e, "`kist-runtime %s --help` tells more", c->name);
		} else {
			r = c->run(&call, e);
		}
	}
	release(c, p.options);
	return r;
}

static void help_table(FILE *out, const struct option_spec *table)
{
	for (const struct option_spec *o = table; o && o->name; o++) {
		char word[64];
		snprintf(word, sizeof(word), "--%s%s%s", o->name, o->arg ? " " : "",
			o->arg ? o->arg : "");
		if (o->letter)
			fprintf(out, "  -%c, %-26s %s\n", o->letter, word, o->help);
		else
			fprintf(out, "      %-26s %s\n", word, o->help);
	}
}

void options_help(FILE *out, const struct command *c)
{
	if (c) {
		fprintf(out, "Usage: kist-runtime %s %s%s\n\n%s\n", c->name,
			c->options ? "[OPTIONS] " : "", c->operands, c->text);
		if (c->options)
			fputs("\nOptions:\n", out);
		help_table(out, c->options);
		return;
	}
	fputs("Usage: kist-runtime [OPTIONS] COMMAND ...\n\nAn OCI runtime "
	      "(runtime-spec " RUNTIME_SPEC_VERSION ").\n\nOptions:\n",
		out);
	help_table(out, global_options);
	fputs("  -h, --help                     of this program, or of a command\n\nCommands:\n",
		out);
	for (size_t i = 0; commands[i]; i++)
		fprintf(out, "  %-10s %-26s %s\n", commands[i]->name, commands[i]->operands,
			commands[i]->text);
}
