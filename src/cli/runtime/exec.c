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
	const char *process_file, *cwd, *user, *pid_file, *console, *apparmor, *label;
	struct strv env, caps, groups;
	unsigned preserve_fds;
	bool tty, detach, no_new_privs;
};

enum {
	CWD = 256,
	PID_FILE,
	CONSOLE,
	PRESERVE,
	NO_NEW_PRIVS,
	APPARMOR,
	LABEL,
	GROUPS,
	CAP,
	CGROUP,
	IGNORE_PAUSED,
};

static int take_option(int c, struct exec_options *o, struct err *e)
{
	uint64_t n;
	switch (c) {
	case 'p':
		o->process_file = optarg;
		break;
	case 'e':
		strv_add(&o->env, optarg);
		break;
	case 't':
		o->tty = true;
		break;
	case 'd':
		o->detach = true;
		break;
	case 'u':
		o->user = optarg;
		break;
	case 'g':
	case GROUPS:
		strv_add(&o->groups, optarg);
		break;
	case 'c':
	case CAP:
		strv_add(&o->caps, optarg);
		break;
	case CWD:
		o->cwd = optarg;
		break;
	case PID_FILE:
		o->pid_file = optarg;
		break;
	case CONSOLE:
		o->console = optarg;
		break;
	case NO_NEW_PRIVS:
		o->no_new_privs = true;
		break;
	case APPARMOR:
		o->apparmor = optarg;
		break;
	case LABEL:
		o->label = optarg;
		break;
	case PRESERVE:
		if (str_parse_u64(optarg, 10, &n) < 0 || n > 1024)
			return err_set(e, ERR_USAGE, "--preserve-fds '%s' is no number", optarg);
		o->preserve_fds = (unsigned)n;
		break;
	case CGROUP:
		return err_set(
			e, ERR_UNSUPPORTED, "exec --cgroup is not supported by this version");
	default:
		break;
	}
	return 0;
}

static int read_options(int argc, char **argv, struct exec_options *o, struct err *e)
{
	static const struct option table[] = {
		{"process", required_argument, NULL, 'p'},
		{"cwd", required_argument, NULL, CWD},
		{"env", required_argument, NULL, 'e'},
		{"tty", no_argument, NULL, 't'},
		{"user", required_argument, NULL, 'u'},
		{"additional-gids", required_argument, NULL, GROUPS},
		{"cap", required_argument, NULL, CAP},
		{"detach", no_argument, NULL, 'd'},
		{"pid-file", required_argument, NULL, PID_FILE},
		{"console-socket", required_argument, NULL, CONSOLE},
		{"preserve-fds", required_argument, NULL, PRESERVE},
		{"no-new-privs", no_argument, NULL, NO_NEW_PRIVS},
		{"apparmor", required_argument, NULL, APPARMOR},
		{"process-label", required_argument, NULL, LABEL},
		{"cgroup", required_argument, NULL, CGROUP},
		{"ignore-paused", no_argument, NULL, IGNORE_PAUSED},
		{NULL},
	};
	int c, r = 0;
	while (r == 0 && (c = next_option(argc, argv, "+p:e:tu:g:c:d", table, e)) != 0)
		r = c < 0 ? c : take_option(c, o, e);
	return r;
}

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

/* The process of the container's config with what the command line changes */
static int adapt(const struct exec_options *o, int argc, char **argv, struct runtime_process *p,
	struct strv *env, uint32_t **groups, struct err *e)
{
	int r;
	p->args = (struct runtime_strings){(const char **)(void *)argv, (size_t)argc};
	p->terminal = o->tty;
	p->rows = p->columns = 0;
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
	strv_add_all(env, &o->env);
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
	cleanup_fd int console = o->console ? connect_console(o->console, e) : -1;
	if (o->console && console < 0)
		return console;
	x.console_socket = console;
	x.preserve_fds = o->preserve_fds;
	x.seccomp_cache_dir = cache;
	x.pid_file = o->pid_file;
	struct runtime_container *k cleanup_runtime_container = NULL;
	int r = runtime_exec(dir, p, &x, &k, e);
	return r < 0 || o->detach ? r : attend(k, e);
}

static int run(int argc, char **argv, const struct exec_options *o, struct err *e)
{
	if (optind >= argc)
		return err_set(e, ERR_USAGE, "exec: a container id is needed");
	cleanup_free char *dir = NULL;
	const char *id = argv[optind++];
	int r = state_path(id, &dir, e);
	if (r < 0)
		return r;
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct strv env cleanup_strv = STRV_INIT;
	cleanup_free uint32_t *groups = NULL;
	if (o->process_file) {
		r = read_process(o->process_file, &c, e);
		if (r == 0 && o->tty)
			c->process.terminal = true;
	} else {
		cleanup_free char *config = mem_printf("%s/config.json", dir);
		if (optind >= argc)
			return err_set(e, ERR_USAGE, "exec: a command is needed");
		if (!file_exists(AT_FDCWD, config))
			return err_set(e, ERR_NOT_FOUND, "container '%s' does not exist", id);
		r = read_config(config, &c, e);
		if (r == 0)
			r = adapt(o, argc - optind, argv + optind, &c->process, &env, &groups, e);
	}
	return r < 0 ? r : start(dir, &c->process, o, e);
}

int cmd_exec(int argc, char **argv, struct err *e)
{
	struct exec_options o = {NULL};
	int r = read_options(argc, argv, &o, e);
	if (r == 0)
		r = run(argc, argv, &o, e);
	strv_release(&o.env);
	strv_release(&o.caps);
	strv_release(&o.groups);
	return r;
}
