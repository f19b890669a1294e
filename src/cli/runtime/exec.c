/* exec: one more process in a running container. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/runtime/runtime.h"
#include "oci/caps.h"
#include "runtime/config.h"
#include "runtime/container.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct exec_options {
	const char *process_file, *cwd, *user, *pid_file, *console, *pidfd, *apparmor, *label;
	struct strv env, caps, groups, cgroup;
	unsigned preserve_fds;
	bool tty, detach, no_new_privs, ignore_paused;
};

static int set_user(const char *text, struct runtime_process *p, struct err *e)
{
	cleanup_free char *copy = mem_strdup(text);
	char *colon = strchr(copy, ':');
	uint64_t uid, gid = p->gid;
	if (colon)
		*colon++ = 0;
	if (str_parse_u64(copy, 10, &uid) < 0 || uid > UINT32_MAX ||
		(colon && (str_parse_u64(colon, 10, &gid) < 0 || gid > UINT32_MAX)))
		return err_set(e, ERR_USAGE, "--user '%s' is not UID or UID:GID", text);
	p->uid = (uint32_t)uid;
	p->gid = (uint32_t)gid;
	return 0;
}

static int set_caps(const struct strv *names, struct runtime_process *p, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int cap = oci_cap_parse(names->v[i]);
		if (cap < 0)
			return err_set(e, ERR_USAGE, "unknown capability '%s'", names->v[i]);
		for (int s = 0; s < RUNTIME_CAP_SETS; s++)
			if (s != RUNTIME_CAP_AMBIENT && s != RUNTIME_CAP_INHERITABLE)
				p->caps[s] |= 1ULL << cap;
	}
	return 0;
}

static int set_env(const struct strv *words, struct strv *env, struct err *e)
{
	for (size_t i = 0; i < words->n; i++) {
		const char *eq = strchr(words->v[i], '=');
		if (!eq || eq == words->v[i])
			return err_set(e, ERR_USAGE, "--env '%s' is not NAME=VALUE", words->v[i]);
		cleanup_free char *name = mem_strndup(words->v[i], (size_t)(eq - words->v[i]));
		strv_env_set(env, name, eq + 1);
	}
	return 0;
}

/* The process of the container's config, or of a file, with what the command line changes */
static int adapt(const struct exec_options *o, int argc, char **argv, struct runtime_process *p,
	struct strv *env, uint32_t **groups, struct err *e)
{
	int r;
	if (argc)
		p->args = (struct runtime_strings){(const char **)(void *)argv, (size_t)argc};
	if (!o->process_file) {
		p->terminal = o->tty;
		p->rows = p->columns = 0;
	}
	p->terminal |= o->tty;
	if (o->cwd && o->cwd[0] != '/')
		return err_set(e, ERR_USAGE, "--cwd '%s' is not absolute", o->cwd);
	if (o->cwd)
		p->cwd = o->cwd;
	if (o->no_new_privs)
		p->no_new_privs = true;
	if (o->apparmor)
		p->apparmor = o->apparmor;
	if (o->label)
		p->selinux = o->label;
	for (size_t i = 0; i < p->env.n; i++)
		strv_add(env, p->env.v[i]);
	if ((r = set_env(&o->env, env, e)) < 0)
		return r;
	p->env = (struct runtime_strings){(const char **)(void *)strv_items(env), env->n};
	if ((o->user && (r = set_user(o->user, p, e)) < 0) || (r = set_caps(&o->caps, p, e)) < 0)
		return r;
	if (!o->groups.n)
		return 0;
	*groups = mem_array(o->groups.n, sizeof(**groups));
	for (size_t i = 0; i < o->groups.n; i++) {
		uint64_t gid;
		if (str_parse_u64(o->groups.v[i], 10, &gid) < 0 || gid > UINT32_MAX)
			return err_set(e, ERR_USAGE, "group '%s' is no number", o->groups.v[i]);
		(*groups)[i] = (uint32_t)gid;
	}
	p->groups = *groups;
	p->ngroups = o->groups.n;
	return 0;
}

static int read_process(const char *path, struct runtime_config **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_RUNTIME_CONFIG);
	int r = file_read(AT_FDCWD, path, &b, e);
	if (r == 0)
		r = runtime_config_parse_process(buf_str(&b), b.len, ret, e);
	return r < 0 ? err_wrap(e, r, "process '%s'", path) : 0;
}

static int start(const char *dir, const struct runtime_process *p, const struct exec_options *o,
	struct err *e)
{
	cleanup_free char *cache = cache_path();
	struct runtime_exec_options x = RUNTIME_EXEC_OPTIONS_INIT;
	cleanup_fd int console = -1, pidfd = -1;
	int r = connect_socket("console", o->console, &console, e);
	if (r < 0 || (r = connect_socket("pidfd", o->pidfd, &pidfd, e)) < 0)
		return r;
	x.console_socket = console;
	x.preserve_fds = o->preserve_fds;
	x.ignore_paused = o->ignore_paused;
	x.cgroups = (const char *const *)o->cgroup.v;
	x.ncgroups = o->cgroup.n;
	x.seccomp_cache_dir = cache;
	x.pid_file = o->pid_file;
	x.before_start = o->detach ? NULL : attend_signals;
	struct runtime_container *k cleanup_runtime_container = NULL;
	if ((r = runtime_exec(dir, p, &x, &k, e)) < 0 ||
		(r = send_pidfd(pidfd, "setns", k, e)) < 0 || o->detach)
		return r;
	return attend(k, e);
}

static int run(const struct call *call, struct err *e)
{
	const struct exec_options *o = call->options;
	cleanup_free char *dir = NULL;
	const char *id = call->operands[0];
	int r = state_path(id, &dir, e);
	if (r < 0)
		return r;
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct strv env cleanup_strv = STRV_INIT;
	cleanup_free uint32_t *groups = NULL;
	if (o->process_file) {
		r = read_process(o->process_file, &c, e);
	} else {
		if (call->n < 2)
			return err_set(e, ERR_USAGE, "exec: a command is needed");
		r = runtime_state_config(dir, &c, e);
	}
	if (r == 0)
		r = adapt(o, call->n - 1, call->operands + 1, &c->process, &env, &groups, e);
	return r < 0 ? r : start(dir, &c->process, o, e);
}

static const struct option_spec options[] = {
	OPT_TEXT(exec_options, process_file, "process", 'p', "FILE", "a process object in JSON"),
	OPT_TEXT(exec_options, cwd, "cwd", 0, "DIR", "working directory"),
	OPT_LIST(exec_options, env, "env", 'e', "NAME=VALUE", "set a variable (repeatable)"),
	OPT_FLAG(exec_options, tty, "tty", 't', "give it a terminal"),
	OPT_TEXT(exec_options, user, "user", 'u', "UID[:GID]", "run as this user"),
	OPT_LIST(
		exec_options, groups, "additional-gids", 'g', "GID", "one more group (repeatable)"),
	OPT_LIST(exec_options, caps, "cap", 'c', "CAP", "add a capability (repeatable)"),
	OPT_TEXT(exec_options, apparmor, "apparmor", 0, "PROFILE", "AppArmor profile"),
	OPT_TEXT(exec_options, label, "process-label", 0, "LABEL", "SELinux label"),
	OPT_FLAG(exec_options, no_new_privs, "no-new-privs", 0, "set no_new_privs"),
	OPT_LIST(exec_options, cgroup, "cgroup", 0, "[CONTROLLER:]PATH",
		"a group below the container's own (repeatable)"),
	OPT_FLAG(exec_options, detach, "detach", 'd', "do not wait for its end"),
	OPT_TEXT(exec_options, pid_file, "pid-file", 0, "FILE", "file for the process's number"),
	OPT_TEXT(exec_options, pidfd, "pidfd-socket", 0, "SOCKET",
		"socket to which a descriptor of the process is sent"),
	OPT_TEXT(exec_options, console, "console-socket", 0, "SOCKET",
		"socket to which the terminal is sent"),
	OPT_NUMBER(exec_options, preserve_fds, "preserve-fds", 0, "N",
		"descriptors from 3 on that the process gets"),
	OPT_FLAG(exec_options, ignore_paused, "ignore-paused", 0,
		"begin even in a paused container; it runs when that is resumed"),
	{NULL},
};

/* 255 as runc: engines tell a failure of exec from the statuses of most programs by it */
const struct command cmd_exec = {
	.name = "exec",
	.operands = "ID [COMMAND [ARG...]]",
	.text = "run one more process in a container",
	.options = options,
	.size = sizeof(struct exec_options),
	.min = 1,
	.max = -1,
	.stops = true,
	.run = run,
	.error_status = 255,
};
