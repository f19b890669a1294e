/* state, kill, delete, pause, resume: what is done with containers that exist. */
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/runtime/runtime.h"
#include "runtime/container.h"

#include <fcntl.h>
#include <regex.h>
#include <stdio.h>

/* An error of a container in the wrong state, or of none, has its id already. */
static int name_it(int r, const char *verb, const char *id, struct err *e)
{
	if (r >= 0 || r == -ERR_STATE || r == -ERR_NOT_FOUND)
		return MIN(r, 0);
	return err_wrap(e, r, "%s '%s'", verb, id);
}

static int state(const struct call *c, struct err *e)
{
	cleanup_free char *dir = NULL;
	int r = state_path(c->operands[0], &dir, e);
	if (r < 0)
		return r;
	struct runtime_state *s cleanup_runtime_state = NULL;
	if ((r = runtime_state_load(dir, &s, e)) < 0)
		return name_it(r, "state of", c->operands[0], e);
	cleanup_free char *text = runtime_state_format(s);
	fputs(text, stdout);
	return 0;
}

const struct command cmd_state = {
	.name = "state",
	.operands = "ID",
	.text = "print the state of a container",
	.min = 1,
	.max = 1,
	.run = state,
};

/* What is done with one container, or with each whose id matches a regular expression */
typedef int (*manage_fn)(const char *dir, const char *id, const void *ctx, struct err *e);

static int manage_one(const char *id, manage_fn fn, const void *ctx, struct err *e)
{
	cleanup_free char *dir = NULL;
	int r = state_path(id, &dir, e);
	return r < 0 ? r : fn(dir, id, ctx, e);
}

/* One that fails does not keep the others: each tells its reason, the first one is the status. */
static int manage_matches(const char *pattern, manage_fn fn, const void *ctx, struct err *e)
{
	regex_t regex;
	int r = regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB);
	if (r != 0) {
		char why[128];
		regerror(r, &regex, why, sizeof(why));
		return err_set(e, ERR_USAGE, "'%s' is no regular expression: %s", pattern, why);
	}
	struct strv ids cleanup_strv = STRV_INIT;
	r = list_ids(&ids, e);
	for (size_t i = 0; i < ids.n; i++) {
		struct err one = ERR_INIT;
		if (regexec(&regex, ids.v[i], 0, NULL, 0) != 0)
			continue;
		int k = manage_one(ids.v[i], fn, ctx, r < 0 ? &one : e);
		if (k < 0 && r < 0)
			message("error", one.msg, one.hint);
		r = r < 0 ? r : k;
	}
	regfree(&regex);
	return r;
}

struct kill_options {
	bool all, regex;
};

struct kill_how {
	int sig;
	bool all;
};

static int kill_one(const char *dir, const char *id, const void *ctx, struct err *e)
{
	const struct kill_how *how = ctx;
	int r = runtime_kill(dir, how->sig, how->all, e);
	return name_it(r, "kill", id, e);
}

static int kill_container(const struct call *c, struct err *e)
{
	const struct kill_options *o = c->options;
	const char *word = c->n > 1 ? c->operands[1] : "TERM";
	/* 0 asks whether the process is there */
	const struct kill_how how = {str_eq(word, "0") ? 0 : proc_parse_signal(word), o->all};
	if (how.sig < 0)
		return err_set(e, ERR_USAGE, "unknown signal '%s'", word);
	return (o->regex ? manage_matches : manage_one)(c->operands[0], kill_one, &how, e);
}

static const struct option_spec kill_options[] = {
	OPT_FLAG(kill_options, all, "all", 'a', "every process, not only the first"),
	OPT_FLAG(kill_options, regex, "regex", 'r', "every container whose id matches"),
	{NULL},
};

const struct command cmd_kill = {
	.name = "kill",
	.operands = "ID [SIGNAL]",
	.text = "send a signal, by name or number (SIGTERM)",
	.options = kill_options,
	.size = sizeof(struct kill_options),
	.min = 1,
	.max = 2,
	.run = kill_container,
};

struct delete_options {
	bool force, regex;
};

static int delete_one(const char *dir, const char *id, const void *ctx, struct err *e)
{
	const struct delete_options *o = ctx;
	/* engines delete with force whatever may have been there */
	if (o->force && !file_exists(AT_FDCWD, dir))
		return 0;
	int r = runtime_delete(dir, o->force, e);
	return name_it(r, "delete", id, e);
}

static int delete_container(const struct call *c, struct err *e)
{
	const struct delete_options *o = c->options;
	return (o->regex ? manage_matches : manage_one)(c->operands[0], delete_one, o, e);
}

static const struct option_spec delete_options[] = {
	OPT_FLAG(delete_options, force, "force", 'f', "kill what runs; an unknown id is no error"),
	OPT_FLAG(delete_options, regex, "regex", 'r', "every container whose id matches"),
	{NULL},
};

const struct command cmd_delete = {
	.name = "delete",
	.operands = "ID",
	.text = "remove what is left of a container",
	.options = delete_options,
	.size = sizeof(struct delete_options),
	.min = 1,
	.max = 1,
	.run = delete_container,
};

static int set_paused(const struct call *c, bool paused, struct err *e)
{
	cleanup_free char *dir = NULL;
	int r = state_path(c->operands[0], &dir, e);
	return r < 0 ? r : runtime_pause(dir, paused, e);
}

static int pause_container(const struct call *c, struct err *e)
{
	return set_paused(c, true, e);
}

static int resume(const struct call *c, struct err *e)
{
	return set_paused(c, false, e);
}

const struct command cmd_pause = {
	.name = "pause",
	.operands = "ID",
	.text = "freeze all processes of a container",
	.min = 1,
	.max = 1,
	.run = pause_container,
};

const struct command cmd_resume = {
	.name = "resume",
	.operands = "ID",
	.text = "let them go on",
	.min = 1,
	.max = 1,
	.run = resume,
};
