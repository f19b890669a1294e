/* The commands of kist-runtime: the command line that container engines call. */
#pragma once

#include "base/defs.h"

#include <getopt.h>

struct err;
struct runtime_config;

/* The options before the command */
struct global {
	const char *root; /* directory with one state directory per container */
	const char *log;  /* file for messages, NULL: stderr */
	bool log_json;
	bool debug;
	bool systemd_cgroup;
};
extern struct global global;

struct command {
	const char *name;
	const char *usage; /* after the name */
	const char *text;  /* one line */
	int (*run)(int argc, char **argv,
		struct err *e); /* argv[0]: the command; exit status or error */
};
extern const struct command commands[]; /* ends with a NULL name */

/* getopt_long with one message for everything unknown; '?' never comes back */
int next_option(
	int argc, char **argv, const char *letters, const struct option *table, struct err *e);
/* The one argument that every command takes; -ERR_USAGE */
int take_id(int argc, char **argv, const char **ret, struct err *e);
/* The state directory of a container; the caller frees. Checks the id. */
int state_path(const char *id, char **ret, struct err *e);
char *cache_path(void);
int read_config(const char *bundle, struct runtime_config **ret, struct err *e);
int connect_console(const char *path, struct err *e);
/* Signals to the container's process, window sizes, its exit status; detach: none of it */
struct runtime_container;
int attend(struct runtime_container *k, struct err *e);

int cmd_create(int argc, char **argv, struct err *e);
int cmd_run(int argc, char **argv, struct err *e);
int cmd_start(int argc, char **argv, struct err *e);
int cmd_state(int argc, char **argv, struct err *e);
int cmd_kill(int argc, char **argv, struct err *e);
int cmd_delete(int argc, char **argv, struct err *e);
int cmd_exec(int argc, char **argv, struct err *e);
int cmd_list(int argc, char **argv, struct err *e);
int cmd_spec(int argc, char **argv, struct err *e);
int cmd_features(int argc, char **argv, struct err *e);
int cmd_pause(int argc, char **argv, struct err *e);
int cmd_resume(int argc, char **argv, struct err *e);
int cmd_ps(int argc, char **argv, struct err *e);
