/* The commands of kist-runtime: the command line that container engines call. */
#pragma once

#include "base/defs.h"
#include "cli/runtime/options.h"
#include "runtime/features.h"

struct err;
struct runtime_config;
struct runtime_container;

/* The options before the command */
struct global {
	const char *root;       /* directory with one state directory per container */
	const char *log;        /* file for messages, NULL: stderr */
	const char *log_format; /* text or json */
	const char *log_level;  /* error, warning or debug */
	const char *cgroup_manager;
	const char *rootless;
	bool debug, version;
	bool systemd_cgroup; /* as --cgroup-manager systemd */
	bool no_cgroup;      /* --cgroup-manager disabled */
};
extern struct global global;
extern const struct option_spec global_options[];
/* What the values allow; called when all options are known */
int global_check(struct err *e);

extern const struct command *const commands[]; /* ends with NULL */
extern const struct command cmd_create, cmd_start, cmd_run, cmd_state, cmd_kill, cmd_delete,
	cmd_exec, cmd_list, cmd_ps, cmd_pause, cmd_resume, cmd_update, cmd_events, cmd_spec,
	cmd_features;

/* man.c: kist-runtime(8) in roff, for the build (--man) */
void man_page(FILE *out);

/* log.c: one line of text, or of JSON as engines read it; level: "error", "warning" ... */
void message(const char *level, const char *text, const char *hint);

/* The state directory of a container; the caller frees. Checks the id. */
int state_path(const char *id, char **ret, struct err *e);
char *cache_path(void);
/* Ids of what stands below --root, sorted */
int list_ids(struct strv *ids, struct err *e);
int read_config(const char *path, struct runtime_config **ret, struct err *e);
/* The socket of an option; -1 with *ret when the option (path NULL) was not given */
int connect_socket(const char *what, const char *path, int *ret, struct err *e);
/* --pidfd-socket, as runc sends it: name is its word for how the process came; sock -1: not asked */
int send_pidfd(int sock, const char *name, const struct runtime_container *k, struct err *e);
/* Signals to the container's process, window sizes, its exit status; detach: none of it */
int attend(struct runtime_container *k, struct err *e);
/* Holds back the signals that attend will pass on: the options' before_start */
void attend_signals(void);
