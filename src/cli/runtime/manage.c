/* state, kill, delete, list, ps, pause, resume: what is done with containers that exist. */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/runtime/runtime.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int cmd_state(int argc, char **argv, struct err *e)
{
	const char *id;
	cleanup_free char *dir = NULL;
	int r = take_id(argc, argv, &id, e);
	if (r < 0 || (r = state_path(id, &dir, e)) < 0)
		return r;
	struct runtime_state *s cleanup_runtime_state = NULL;
	if ((r = runtime_state_load(dir, &s, e)) < 0)
		return err_wrap(e, r, "container '%s'", id);
	cleanup_free char *text = runtime_state_format(s);
	fputs(text, stdout);
	return 0;
}

int cmd_kill(int argc, char **argv, struct err *e)
{
	static const struct option table[] = {{"all", no_argument, NULL, 'a'}, {NULL}};
	bool all = false;
	int c;
	while ((c = next_option(argc, argv, "a", table, e)) > 0)
		all = true;
	if (c < 0)
		return c;
	if (optind >= argc || optind + 2 < argc)
		return err_set(
			e, ERR_USAGE, "kill: a container id and perhaps a signal are needed");
	const char *word = optind + 1 < argc ? argv[optind + 1] : "TERM";
	int sig = proc_parse_signal(word);
	if (sig < 0)
		return err_set(e, ERR_USAGE, "unknown signal '%s'", word);
	cleanup_free char *dir = NULL;
	int r = state_path(argv[optind], &dir, e);
	if (r == 0)
		r = runtime_kill(dir, sig, all, e);
	return r < 0 ? err_wrap(e, r, "kill '%s'", argv[optind]) : 0;
}

int cmd_delete(int argc, char **argv, struct err *e)
{
	static const struct option table[] = {{"force", no_argument, NULL, 'f'}, {NULL}};
	bool force = false;
	const char *id;
	int c, r;
	while ((c = next_option(argc, argv, "f", table, e)) > 0)
		force = true;
	if (c < 0 || (r = take_id(argc, argv, &id, e)) < 0)
		return c < 0 ? c : r;
	cleanup_free char *dir = NULL;
	if ((r = state_path(id, &dir, e)) < 0)
		return r;
	/* engines delete with force whatever may have been there */
	if (force && !file_exists(AT_FDCWD, dir))
		return 0;
	r = runtime_delete(dir, force, e);
	return r < 0 ? err_wrap(e, r, "delete '%s'", id) : 0;
}

static int set_paused(int argc, char **argv, bool pause, struct err *e)
{
	const char *id;
	cleanup_free char *dir = NULL;
	int r = take_id(argc, argv, &id, e);
	if (r < 0 || (r = state_path(id, &dir, e)) < 0)
		return r;
	return runtime_pause(dir, pause, e);
}

int cmd_pause(int argc, char **argv, struct err *e)
{
	return set_paused(argc, argv, true, e);
}

int cmd_resume(int argc, char **argv, struct err *e)
{
	return set_paused(argc, argv, false, e);
}

/* ---- list and ps ---- */

static int read_format(int argc, char **argv, bool *json, bool *quiet, struct err *e)
{
	static const struct option table[] = {{"format", required_argument, NULL, 'f'},
		{"quiet", no_argument, NULL, 'q'}, {NULL}};
	int c;
	while ((c = next_option(argc, argv, "f:q", table, e)) > 0) {
		if (c == 'q')
			*quiet = true;
		else if (str_eq(optarg, "json") || str_eq(optarg, "table"))
			*json = str_eq(optarg, "json");
		else
			return err_set(e, ERR_USAGE, "unknown format '%s'", optarg);
	}
	return c;
}

static int list_ids(struct strv *ids, struct err *e)
{
	cleanup_dir DIR *d = opendir(global.root);
	if (!d)
		return errno == ENOENT ? 0 : err_sys(e, "open '%s'", global.root);
	struct dirent *de;
	while ((de = readdir(d)))
		if (de->d_name[0] != '.')
			strv_add(ids, de->d_name);
	strv_sort(ids);
	return 0;
}

static json_t *list_entry(const struct runtime_state *s)
{
	char time[CLOCK_TEXT_MAX];
	cleanup_free char *text = runtime_state_format(s);
	json_t *o = json_loads(text, 0, NULL);
	json_object_set_new(o, "pid", json_integer(s->pid));
	json_object_set_new(o, "created", json_string(clock_format(s->created_ns, time)));
	json_object_set_new(o, "owner", json_string("root"));
	return o;
}

int cmd_list(int argc, char **argv, struct err *e)
{
	bool json = false, quiet = false;
	struct strv ids cleanup_strv = STRV_INIT;
	int r = read_format(argc, argv, &json, &quiet, e);
	if (r < 0 || (r = list_ids(&ids, e)) < 0)
		return r;
	json_t *all = json_array();
	if (!json && !quiet)
		printf("%-24s %-8s %-10s %s\n", "ID", "PID", "STATUS", "BUNDLE");
	for (size_t i = 0; i < ids.n; i++) {
		cleanup_free char *dir = mem_printf("%s/%s", global.root, ids.v[i]);
		struct runtime_state *s cleanup_runtime_state = NULL;
		if (runtime_state_load(dir, &s, NULL) < 0)
			continue;
		if (quiet)
			puts(s->id);
		else if (json)
			json_array_append_new(all, list_entry(s));
		else
			printf("%-24s %-8d %-10s %s\n", s->id, (int)s->pid,
				runtime_status_name(s->status), s->bundle);
	}
	if (json && !quiet) {
		char *text = json_dumps(all, JSON_INDENT(2));
		puts(text);
		free(text);
	}
	json_decref(all);
	return 0;
}

int cmd_ps(int argc, char **argv, struct err *e)
{
	bool json = false, quiet = false;
	const char *id;
	cleanup_free char *dir = NULL;
	int r = read_format(argc, argv, &json, &quiet, e);
	if (r < 0 || (r = take_id(argc, argv, &id, e)) < 0 || (r = state_path(id, &dir, e)) < 0)
		return r;
	struct runtime_state *s cleanup_runtime_state = NULL;
	if ((r = runtime_state_load(dir, &s, e)) < 0)
		return r;
	const struct runtime_cgroup g = {
		(enum runtime_cgroup_mode)s->cgroup_mode, s->cgroup_path, s->cgroup_controllers};
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;
	if ((r = runtime_cgroup_pids(&g, &pids, &n, e)) < 0)
		return r;
	if (!json)
		puts("PID      COMMAND");
	for (size_t i = 0; i < n; i++) {
		char name[64] = "";
		proc_name(pids[i], name, sizeof(name));
		if (json)
			printf("%s%d%s", i ? "," : "[", (int)pids[i], i + 1 == n ? "]\n" : "");
		else
			printf("%-8d %s\n", (int)pids[i], name);
	}
	if (json && !n)
		puts("[]");
	return 0;
}
