/* From argv to a command: global options, help, the right executable, one error message. */
#include "cli/cli.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/stop.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern const struct cli_command *const __start_cli_commands[] __attribute__((weak));
extern const struct cli_command *const __stop_cli_commands[] __attribute__((weak));

static const char *const programs[] = {
	[CLI_KIST] = "kist",
	[CLI_BUILD] = "kist-build",
	[CLI_TRANSPORT] = "kist-transport",
};

static void print_note(enum log_level level, const char *text)
{
	fflush(stdout);
	fprintf(stderr, "kist: %s%s\n",
		level == LOG_WARN    ? "warning: "
		: level == LOG_DEBUG ? "debug: "
				     : "",
		text);
}

static cli_fn find_command(const char *name)
{
	for (const struct cli_command *const *p = __start_cli_commands; p < __stop_cli_commands;
		p++)
		if (str_eq((*p)->name, name))
			return (*p)->fn;
	return NULL;
}

/* Global options stand before the command. Returns the index of the command's name. */
static int parse_global(struct cli *c, int argc, char **argv)
{
	const char *root = NULL, *runroot = NULL;
	int i = 1;
	for (; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		static const char *const names[] = {
			"--root", "--runroot", "--storage-driver", "--config"};
		const char **places[] = {&root, &runroot, &c->storage_driver, &c->config};
		bool found = false;
		for (size_t k = 0; k < ARRAY_SIZE(names) && !found; k++) {
			size_t len = strlen(names[k]);
			if (strncmp(argv[i], names[k], len) != 0)
				continue;
			if (argv[i][len] == '=') {
				*places[k] = argv[i] + len + 1;
				found = true;
			} else if (!argv[i][len]) {
				if (i + 1 >= argc)
					return err_set(&c->err, ERR_USAGE,
						"option '%s' needs a value", argv[i]);
				*places[k] = argv[++i];
				found = true;
			}
		}
		if (found)
			continue;
		if (str_eq(argv[i], "--debug") || str_eq(argv[i], "-D")) {
			c->debug = true;
		} else if (str_eq(argv[i], "--help") || str_eq(argv[i], "-h") ||
			   str_eq(argv[i], "--version") || str_eq(argv[i], "-v")) {
			break;
		} else {
			int r = err_set(&c->err, ERR_USAGE, "unknown global option '%s'", argv[i]);
			err_hint(
				&c->err, "options of a command stand behind its name; `kist help`");
			return r;
		}
	}
	if (root && !*root)
		return err_set(&c->err, ERR_USAGE, "option '--root' needs a directory");
	if (runroot && !*runroot)
		return err_set(&c->err, ERR_USAGE, "option '--runroot' needs a directory");
	cli_places_set(c, root, runroot);
	return i;
}

static int unknown_command(struct cli *c, const char *name)
{
	const struct cli_spec *const *specs;
	const char *best = NULL;
	size_t n = cli_specs(&specs), distance = 3;
	for (size_t i = 0; i < n; i++) {
		size_t d = str_distance(name, specs[i]->name, 2);
		if (d < distance && !(specs[i]->flags & CLI_INTERNAL)) {
			distance = d;
			best = specs[i]->name;
		}
	}
	int r = err_set(&c->err, ERR_USAGE, "'%s' is not a kist command", name);
	if (best)
		err_hint(&c->err, "did you mean 'kist %s'?", best);
	else
		err_hint(&c->err, "`kist help` lists the commands");
	return r;
}

static bool asks_for_help(const struct cli_spec *s, int argc, char **argv)
{
	bool has_h = false;
	for (const struct cli_opt *o = s->opts; o && o->name; o++)
		has_h |= o->letter == 'h';
	for (int i = 1; i < argc; i++) {
		if (str_eq(argv[i], "--help") || (!has_h && str_eq(argv[i], "-h")))
			return true;
		if (str_eq(argv[i], "--") ||
			((s->flags & CLI_STOP_AT_OPERAND) && argv[i][0] != '-'))
			return false;
	}
	return false;
}

static int run_command(struct cli *c, enum cli_program program, int argc, char **argv, int first)
{
	const struct cli_spec *s = cli_spec_find(argv[first]);
	if (!s)
		return unknown_command(c, argv[first]);
	c->spec = s;
	if (asks_for_help(s, argc - first, argv + first)) {
		cli_help_command(stdout, s);
		return cli_flush(&c->err);
	}
	int r = cli_rootless_enter(c, programs[s->program], argv, first);
	if (r < 0)
		return r;
	if (s->program != program)
		return cli_program_exec(programs[s->program], argv, &c->err);
	cli_fn fn = find_command(s->name);
	if (!fn)
		return unknown_command(c, argv[first]);
	r = cli_args_parse(c, argc - first, argv + first);
	if (r < 0)
		return r;
	r = fn(c);
	int flushed = r >= 0 ? cli_flush(&c->err) : 0;
	return flushed < 0 ? flushed : r;
}

int cli_main(enum cli_program program, int argc, char **argv)
{
	struct cli c = {.err = ERR_INIT};
	io_fill_stdio();
	signal(SIGPIPE, SIG_IGN);
	int r = parse_global(&c, argc, argv);
	log_set(c.debug ? LOG_DEBUG : LOG_NOTE, print_note);
	if (r >= 0 && r >= argc) {
		cli_help(stdout);
		r = cli_flush(&c.err);
	} else if (r >= 0 && (str_eq(argv[r], "--version") || str_eq(argv[r], "-v"))) {
		printf("kist version " KIST_VERSION "\n");
		r = cli_flush(&c.err);
	} else if (r >= 0 && argv[r][0] == '-') {
		cli_help(stdout);
		r = cli_flush(&c.err);
	} else if (r >= 0) {
		r = run_command(&c, program, argc, argv, r);
	}
	if (r == -ERR_INTERRUPTED && *cli_stop_flag()) {
		cli_note("interrupted");
		r = 128 + *cli_stop_flag();
	} else if (r < 0) {
		if (c.err.code == 0)
			err_set(&c.err, -r, "%s", err_text(r));
		cli_error(&c.err);
		r = c.spec && c.spec->error_status ? c.spec->error_status : 1;
	}
	cli_release(&c);
	return r;
}
