/* Options and operands of one command, by its specification. Prints nothing. */
#include "cli/cli.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

static const struct cli_opt *find_long(const struct cli_spec *s, const char *name, size_t len)
{
	for (const struct cli_opt *o = s->opts; o && o->name; o++)
		if (strlen(o->name) == len && memcmp(o->name, name, len) == 0)
			return o;
	return NULL;
}

static const struct cli_opt *find_short(const struct cli_spec *s, char letter)
{
	for (const struct cli_opt *o = s->opts; o && o->name; o++)
		if (o->letter == letter)
			return o;
	return NULL;
}

static int unknown_option(struct cli *c, const char *text)
{
	const struct cli_opt *best = NULL;
	size_t distance = 3;
	for (const struct cli_opt *o = c->spec->opts; text[1] == '-' && o && o->name; o++) {
		size_t d = str_distance(text + 2, o->name, 2);
		if (d < distance) {
			distance = d;
			best = o;
		}
	}
	int r = err_set(&c->err, ERR_USAGE, "unknown option '%s'", text);
	if (best)
		err_hint(&c->err, "did you mean '--%s'? `kist %s --help` lists all", best->name,
			c->spec->name);
	else
		err_hint(&c->err, "`kist %s --help` lists the options", c->spec->name);
	return r;
}

static int add_value(struct cli *c, const struct cli_opt *o, const char *text)
{
	if (o->flags & CLI_REFUSED)
		return err_set(&c->err, ERR_UNSUPPORTED, "option '--%s' is not supported: %s",
			o->name, o->help);
	if (!o->arg && text && !str_eq(text, "true") && !str_eq(text, "false"))
		return err_set(&c->err, ERR_USAGE,
			"option '--%s' is a switch: '%s' is not true or false", o->name, text);
	c->values = mem_realloc(c->values, c->n_values + 1, sizeof(*c->values));
	c->values[c->n_values++] = (struct cli_value){o, text};
	return 0;
}

static int missing_value(struct cli *c, const struct cli_opt *o)
{
	return err_set(&c->err, ERR_USAGE, "option '--%s' needs a value (%s)", o->name, o->arg);
}

/* One "--name", "--name=value" or "--name value"; *i moves over a value in the next word. */
static int parse_long(struct cli *c, int argc, char **argv, int *i)
{
	const char *name = argv[*i] + 2, *eq = strchr(name, '=');
	const struct cli_opt *o = find_long(c->spec, name, eq ? (size_t)(eq - name) : strlen(name));
	if (!o)
		return unknown_option(c, argv[*i]);
	if (eq || !o->arg || (o->flags & CLI_OPTIONAL))
		return add_value(c, o, eq ? eq + 1 : NULL);
	if (o->flags & CLI_REFUSED)
		return add_value(c, o, NULL);
	if (*i + 1 >= argc)
		return missing_value(c, o);
	return add_value(c, o, argv[++*i]);
}

/* A cluster of letters: "-it", "-p8080:80", "-p 8080:80", "-e=x". */
static int parse_short(struct cli *c, int argc, char **argv, int *i)
{
	for (const char *p = argv[*i] + 1; *p; p++) {
		const struct cli_opt *o = find_short(c->spec, *p);
		if (!o)
			return unknown_option(c, argv[*i]);
		if (!o->arg) {
			int r = add_value(c, o, p[1] == '=' ? p + 2 : NULL);
			if (r < 0 || p[1] == '=')
				return r;
			continue;
		}
		if (p[1])
			return add_value(c, o, p[1] == '=' ? p + 2 : p + 1);
		if (*i + 1 >= argc)
			return missing_value(c, o);
		return add_value(c, o, argv[++*i]);
	}
	return 0;
}

static int check_operands(struct cli *c)
{
	const struct cli_spec *s = c->spec;
	bool few = c->n_operands < s->min_operands;
	if (!few && (s->max_operands < 0 || c->n_operands <= s->max_operands))
		return 0;
	int r;
	if (few)
		r = err_set(&c->err, ERR_USAGE, "'kist %s' needs %s", s->name,
			str_empty(s->operands) ? "nothing" : s->operands);
	else
		r = err_set(&c->err, ERR_USAGE, "unexpected argument '%s'",
			c->operands[s->max_operands]);
	err_hint(&c->err, "usage: kist %s [OPTIONS] %s", s->name, s->operands ? s->operands : "");
	return r;
}

int cli_args_parse(struct cli *c, int argc, char **argv)
{
	c->operands = mem_array((size_t)argc + 1, sizeof(*c->operands));
	bool options = true;
	for (int i = 1; i < argc; i++) {
		int r = 0;
		if (!options || argv[i][0] != '-' || !argv[i][1]) {
			c->operands[c->n_operands++] = argv[i];
			if (c->spec->flags & CLI_STOP_AT_OPERAND)
				options = false;
		} else if (str_eq(argv[i], "--")) {
			options = false;
		} else if (argv[i][1] == '-') {
			r = parse_long(c, argc, argv, &i);
		} else {
			r = parse_short(c, argc, argv, &i);
		}
		if (r < 0)
			return r;
	}
	return check_operands(c);
}

void cli_release(struct cli *c)
{
	free(c->values);
	free(c->operands);
	free(c->root);
	free(c->runroot);
	c->values = NULL;
	c->operands = NULL;
	c->root = c->runroot = NULL;
	c->n_values = 0;
	c->n_operands = 0;
}

static const struct cli_value *last_value(const struct cli *c, const char *name)
{
	for (size_t i = c->n_values; i-- > 0;)
		if (str_eq(c->values[i].opt->name, name))
			return &c->values[i];
	return NULL;
}

bool cli_flag_or(const struct cli *c, const char *name, bool otherwise)
{
	const struct cli_value *v = last_value(c, name);
	return v ? !str_eq(v->text, "false") : otherwise;
}

bool cli_flag(const struct cli *c, const char *name)
{
	return cli_flag_or(c, name, false);
}

const char *cli_value(const struct cli *c, const char *name)
{
	const struct cli_value *v = last_value(c, name);
	return v ? v->text : NULL;
}

const char *cli_value_at(const struct cli *c, const char *name, size_t nth)
{
	for (size_t i = 0; i < c->n_values; i++)
		if (str_eq(c->values[i].opt->name, name) && nth-- == 0)
			return c->values[i].text;
	return NULL;
}

size_t cli_count(const struct cli *c, const char *name)
{
	size_t n = 0;
	for (size_t i = 0; i < c->n_values; i++)
		n += str_eq(c->values[i].opt->name, name);
	return n;
}
