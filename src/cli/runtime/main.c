/* kist-runtime: an OCI runtime for engines. The options before the command, and who does it. */
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/userns.h"
#include "cli/runtime/runtime.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ID_MAX 255 /* a file name */

struct global global = {.log_format = "text", .log_level = "warning", .rootless = "auto"};

const struct option_spec global_options[] = {
	OPT_TEXT(global, root, "root", 0, "DIR", "where the states of containers are kept"),
	OPT_TEXT(global, log, "log", 0, "[file:]FILE",
		"messages go there, and errors to stderr, too"),
	OPT_TEXT(global, log_format, "log-format", 0, "FORMAT", "text or json"),
	OPT_TEXT(global, log_level, "log-level", 0, "LEVEL", "error, warning (default) or debug"),
	OPT_FLAG(global, debug, "debug", 0, "as --log-level debug"),
	OPT_TEXT(global, cgroup_manager, "cgroup-manager", 0, "MANAGER",
		"cgroupfs, systemd, or disabled (no group, no limits)"),
	OPT_FLAG(global, systemd_cgroup, "systemd-cgroup", 0, "as --cgroup-manager systemd"),
	OPT_TEXT(global, rootless, "rootless", 0, "VALUE", "true, false or auto"),
	OPT_FLAG(global, version, "version", 'v', "print the version"),
	{NULL},
};

const struct command *const commands[] = {
	&cmd_create,
	&cmd_start,
	&cmd_run,
	&cmd_state,
	&cmd_kill,
	&cmd_delete,
	&cmd_exec,
	&cmd_list,
	&cmd_ps,
	&cmd_pause,
	&cmd_resume,
	&cmd_update,
	&cmd_events,
	&cmd_spec,
	&cmd_features,
	NULL,
};

static int check_word(const char *option, const char *value, const char *const *allowed,
	const char *text, struct err *e)
{
	for (; *allowed; allowed++)
		if (str_eq(value, *allowed))
			return 0;
	return err_set(e, ERR_USAGE, "--%s '%s': it is %s", option, value, text);
}

int global_check(struct err *e)
{
	static const char *const formats[] = {"text", "json", NULL};
	static const char *const levels[] = {"error", "warning", "debug", NULL};
	static const char *const managers[] = {"cgroupfs", "systemd", "disabled", NULL};
	static const char *const other_logs[] = {"journald:", "syslog:"};
	bool rootless;
	int r = check_word("log-format", global.log_format, formats, "text or json", e);
	if (r == 0)
		r = check_word("log-level", global.log_level, levels, "error, warning or debug", e);
	global.debug |= str_eq(global.log_level, "debug");
	if (r == 0 && !str_eq(global.rootless, "auto") &&
		!option_parse_bool(global.rootless, &rootless))
		r = err_set(e, ERR_USAGE, "--rootless '%s': it is true, false or auto",
			global.rootless);
	if (r == 0 && global.cgroup_manager) {
		r = check_word("cgroup-manager", global.cgroup_manager, managers,
			"cgroupfs, systemd or disabled", e);
		global.systemd_cgroup |= str_eq(global.cgroup_manager, "systemd");
		global.no_cgroup = str_eq(global.cgroup_manager, "disabled");
	}
	for (size_t i = 0; r == 0 && global.log && i < ARRAY_SIZE(other_logs); i++)
		if (str_starts(global.log, other_logs[i])) {
			r = err_set(
				e, ERR_USAGE, "--log '%s': messages go to a file only", global.log);
			global.log = NULL;
		}
	if (global.log && str_starts(global.log, "file:"))
		global.log += strlen("file:");
	return r;
}

static void note(enum log_level level, const char *text)
{
	if (level == LOG_DEBUG ? !global.debug : str_eq(global.log_level, "error"))
		return;
	message(level == LOG_WARN ? "warning" : level == LOG_NOTE ? "info" : "debug", text, NULL);
}

/* runc's grammar, so that an id that engines make is one here and none leads out of --root */
int state_path(const char *id, char **ret, struct err *e)
{
	bool fine = (isalnum((unsigned char)*id) || (*id && strchr("_+-", *id)));
	for (const char *c = id; fine && *c; c++)
		fine = isalnum((unsigned char)*c) || strchr("_+.-", *c);
	if (!fine || strlen(id) > ID_MAX) {
		int r = err_set(e, ERR_FORMAT, "'%.300s' is no id for a container", id);
		err_hint(
			e, "at most %d of letters, digits and _ + - ., not a dot at first", ID_MAX);
		return r;
	}
	*ret = mem_printf("%s/%s", global.root, id);
	return 0;
}

/* Names of containers do not begin with a dot: it stands beside them. */
char *cache_path(void)
{
	return mem_printf("%s/.seccomp", global.root);
}

static void set_root(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (global.root)
		return;
	/* an engine without root calls us as root of its user namespace: /run is not its, either */
	if ((geteuid() != 0 || userns_inside()) && !str_empty(run))
		global.root = mem_printf("%s/kist/runtime", run);
	else
		global.root = "/run/kist/runtime";
}

static int run_command(int argc, char **argv, int *ret_error_status, struct err *e)
{
	if (argc < 1) {
		options_help(stderr, NULL);
		return err_set(e, ERR_USAGE, "no command given");
	}
	for (size_t i = 0; commands[i]; i++)
		if (str_eq(commands[i]->name, argv[0])) {
			if (commands[i]->error_status)
				*ret_error_status = commands[i]->error_status;
			return options_run(commands[i], argc, argv, e);
		}
	return err_set(e, ERR_USAGE, "unknown command '%s'", argv[0]);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	int first = argc, error_status = 1;
	io_fill_stdio();
	if (argc == 2 && str_eq(argv[1], "--man")) {
		man_page(stdout);
		return 0;
	}
	int r = options_parse_global(argc, argv, &first, &e);
	if (r == 1)
		return 0;
	if (r == 0 && global.version) {
		puts("kist-runtime version " KIST_VERSION "\nspec: " RUNTIME_SPEC_VERSION);
		return 0;
	}
	log_set(LOG_DEBUG, note); /* --debug may stand behind the command */
	set_root();
	if (r == 0)
		r = run_command(argc - first, argv + first, &error_status, &e);
	if (r >= 0)
		return r;
	message("error", e.msg[0] ? e.msg : err_text(r), e.hint);
	return error_status;
}
