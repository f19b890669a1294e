/* kist-runtime: an OCI runtime for engines. The options before the command, and messages. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct global global = {.root = "/run/kist/runtime"};

const struct command commands[] = {
	{"create", "[OPTIONS] ID", "make a container that waits for its start", cmd_create},
	{"start", "ID", "start a container that was created", cmd_start},
	{"run", "[OPTIONS] ID", "create and start, then wait for the end", cmd_run},
	{"state", "ID", "print the state of a container", cmd_state},
	{"kill", "[--all] ID [SIGNAL]", "send a signal (default SIGTERM)", cmd_kill},
	{"delete", "[--force] ID", "remove what is left of a container", cmd_delete},
	{"exec", "[OPTIONS] ID COMMAND...", "run one more process in a container", cmd_exec},
	{"list", "[--format table|json] [--quiet]", "list the containers", cmd_list},
	{"ps", "[--format table|json] ID", "list the processes of a container", cmd_ps},
	{"pause", "ID", "freeze all processes of a container", cmd_pause},
	{"resume", "ID", "let them go on", cmd_resume},
	{"spec", "[--bundle DIR]", "write an example config.json", cmd_spec},
	{"features", "", "print what this runtime can do", cmd_features},
	{NULL},
};

static void usage(FILE *to)
{
	fputs("Usage: kist-runtime [OPTIONS] COMMAND ...\n\nAn OCI runtime (runtime-spec 1.2).\n\n"
	      "Options:\n"
	      "  --root DIR           where containers are kept (default /run/kist/runtime)\n"
	      "  --log FILE           write messages there instead of to stderr\n"
	      "  --log-format FORMAT  text or json\n"
	      "  --debug              more messages\n"
	      "  --cgroup-manager M   cgroupfs\n"
	      "  --version, --help\n\nCommands:\n",
		to);
	for (const struct command *c = commands; c->name; c++)
		fprintf(to, "  %-9s %-34s %s\n", c->name, c->usage, c->text);
}

/* ---- messages: one line of text, or of JSON as engines read it ---- */

static void json_string_add(struct buf *b, const char *s)
{
	buf_add_char(b, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		if (c == '"' || c == '\\')
			buf_add_char(b, '\\');
		if (c < 0x20)
			buf_printf(b, "\\u%04x", c);
		else
			buf_add_char(b, (char)c);
	}
	buf_add_char(b, '"');
}

static void message(const char *level, const char *text)
{
	struct buf b cleanup_buf = BUF_INIT;
	if (global.log_json) {
		char time[CLOCK_TEXT_MAX];
		buf_add_str(&b, "{\"level\":");
		json_string_add(&b, level);
		buf_add_str(&b, ",\"msg\":");
		json_string_add(&b, text);
		buf_printf(&b, ",\"time\":\"%s\"}\n", clock_format(clock_now(), time));
	} else {
		buf_printf(&b, "kist-runtime: %s%s%s\n", str_eq(level, "error") ? "" : level,
			str_eq(level, "error") ? "" : ": ", text);
	}
	cleanup_fd int fd = -1;
	if (global.log)
		fd = open(global.log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	io_write_all(fd >= 0 ? fd : 2, b.data, b.len);
	/* engines show stderr, and read the log only when told to */
	if (fd >= 0 && str_eq(level, "error"))
		dprintf(2, "kist-runtime: %s\n", text);
}

static void note(enum log_level level, const char *text)
{
	message(level == LOG_WARN ? "warning" : level == LOG_NOTE ? "info" : "debug", text);
}

int next_option(
	int argc, char **argv, const char *letters, const struct option *table, struct err *e)
{
	int c = getopt_long(argc, argv, letters, table, NULL);
	if (c == '?' || c == ':')
		return err_set(e, ERR_USAGE, "%s: unknown option, or its value is missing: '%s'",
			argv[0], argv[optind - 1]);
	return c == -1 ? 0 : c;
}

int take_id(int argc, char **argv, const char **ret, struct err *e)
{
	if (optind + 1 != argc)
		return err_set(e, ERR_USAGE, "%s: exactly one container id is needed", argv[0]);
	*ret = argv[optind];
	return 0;
}

int state_path(const char *id, char **ret, struct err *e)
{
	if (!*id || *id == '.' || strchr(id, '/'))
		return err_set(e, ERR_FORMAT, "'%s' is no id for a container", id);
	*ret = mem_printf("%s/%s", global.root, id);
	return 0;
}

/* Names of containers do not begin with a dot: it stands beside them. */
char *cache_path(void)
{
	return mem_printf("%s/.seccomp", global.root);
}

static int read_globals(int argc, char **argv, struct err *e)
{
	enum { ROOT = 256, LOG, LOG_FORMAT, DEBUG, MANAGER, SYSTEMD, ROOTLESS, VERSION, HELP };
	static const struct option table[] = {
		{"root", required_argument, NULL, ROOT},
		{"log", required_argument, NULL, LOG},
		{"log-format", required_argument, NULL, LOG_FORMAT},
		{"debug", no_argument, NULL, DEBUG},
		{"cgroup-manager", required_argument, NULL, MANAGER},
		{"systemd-cgroup", no_argument, NULL, SYSTEMD},
		{"rootless", required_argument, NULL, ROOTLESS},
		{"version", no_argument, NULL, VERSION},
		{"help", no_argument, NULL, HELP},
		{NULL},
	};
	int c;
	while ((c = next_option(argc, argv, "+vh", table, e)) > 0) {
		if (c == ROOT)
			global.root = optarg;
		else if (c == LOG)
			global.log = optarg;
		else if (c == LOG_FORMAT)
			global.log_json = str_eq(optarg, "json");
		else if (c == DEBUG)
			global.debug = true;
		else if (c == SYSTEMD || (c == MANAGER && str_eq(optarg, "systemd")))
			global.systemd_cgroup = true;
		else if (c == VERSION || c == 'v')
			return 2;
		else if (c == HELP || c == 'h')
			return 1;
	}
	if (c == 0 && global.systemd_cgroup)
		return err_set(e, ERR_UNSUPPORTED,
			"the systemd cgroup manager is not supported by this version");
	return c;
}

static int run_command(int argc, char **argv, struct err *e)
{
	int first = optind;
	if (first >= argc) {
		usage(stderr);
		return err_set(e, ERR_USAGE, "no command given");
	}
	for (const struct command *c = commands; c->name; c++)
		if (str_eq(c->name, argv[first])) {
			optind = 1;
			return c->run(argc - first, argv + first, e);
		}
	return err_set(e, ERR_USAGE, "unknown command '%s'", argv[first]);
}

int main(int argc, char **argv)
{
	struct err e = ERR_INIT;
	opterr = 0;
	int r = read_globals(argc, argv, &e);
	if (r == 1) {
		usage(stdout);
		return 0;
	}
	if (r == 2) {
		puts("kist-runtime version " KIST_VERSION "\nspec: 1.2.0");
		return 0;
	}
	log_set(global.debug ? LOG_DEBUG : LOG_WARN, note);
	if (r == 0)
		r = run_command(argc, argv, &e);
	if (r < 0) {
		message("error", e.msg[0] ? e.msg : err_text(r));
		if (e.hint[0])
			message("hint", e.hint);
		return r == -ERR_NOPROG ? 127 : r == -ERR_NOEXEC ? 126 : 1;
	}
	return r;
}
