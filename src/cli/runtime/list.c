/* list and ps: tables and JSON of the containers, and of the processes of one. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/strv.h"
#include "cli/runtime/runtime.h"
#include "runtime/cgroup.h"
#include "runtime/container.h"

#include <dirent.h>
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct list_options {
	const char *format;
	bool quiet;
};

static int read_format(const char *format, bool *ret_json, struct err *e)
{
	*ret_json = str_eq(format, "json");
	if (!format || *ret_json || str_eq(format, "table"))
		return 0;
	return err_set(e, ERR_USAGE, "--format '%s': it is table or json", format);
}

int list_ids(struct strv *ids, struct err *e)
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

/* Names come from users' databases, which would bring a library per source. */
static const char *owner(const char *dir, char *out, size_t size)
{
	struct stat st;
	if (stat(dir, &st) == 0 && st.st_uid != 0)
		snprintf(out, size, "#%u", (unsigned)st.st_uid);
	else
		snprintf(out, size, "root");
	return out;
}

static json_t *list_entry(const struct runtime_state *s, const char *dir)
{
	char time[CLOCK_TEXT_MAX], who[16];
	cleanup_free char *text = runtime_state_format(s);
	json_t *o = json_loads(text, 0, NULL);
	json_object_set_new(o, "pid", json_integer(s->pid));
	json_object_set_new(o, "created", json_string(clock_format(s->created_ns, time)));
	json_object_set_new(o, "owner", json_string(owner(dir, who, sizeof(who))));
	return o;
}

static void print_entry(const struct runtime_state *s, const char *dir)
{
	char time[CLOCK_TEXT_MAX], who[16];
	printf("%-24s %-8d %-8s %-30s %-30s %s\n", s->id, (int)s->pid,
		runtime_status_name(s->status), s->bundle, clock_format(s->created_ns, time),
		owner(dir, who, sizeof(who)));
}

static void print_json(json_t *v)
{
	char *text = json_dumps(v, JSON_INDENT(2));
	puts(text);
	free(text);
}

static int list(const struct call *c, struct err *e)
{
	const struct list_options *o = c->options;
	bool json;
	struct strv ids cleanup_strv = STRV_INIT;
	int r = read_format(o->format, &json, e);
	if (r < 0 || (r = list_ids(&ids, e)) < 0)
		return r;
	json_t *all = json_array();
	if (!json && !o->quiet)
		printf("%-24s %-8s %-8s %-30s %-30s %s\n", "ID", "PID", "STATUS", "BUNDLE",
			"CREATED", "OWNER");
	for (size_t i = 0; i < ids.n; i++) {
		cleanup_free char *dir = mem_printf("%s/%s", global.root, ids.v[i]);
		struct runtime_state *s cleanup_runtime_state = NULL;
		if (runtime_state_load(dir, &s, NULL) < 0)
			continue;
		if (o->quiet)
			puts(s->id);
		else if (json)
			json_array_append_new(all, list_entry(s, dir));
		else
			print_entry(s, dir);
	}
	if (json && !o->quiet)
		print_json(all);
	json_decref(all);
	return 0;
}

static const struct option_spec list_options[] = {
	OPT_TEXT(list_options, format, "format", 'f', "FORMAT", "table or json"),
	OPT_FLAG(list_options, quiet, "quiet", 'q', "ids alone"),
	{NULL},
};

const struct command cmd_list = {
	.name = "list",
	.operands = "",
	.text = "list the containers",
	.options = list_options,
	.size = sizeof(struct list_options),
	.run = list,
};

/* ---- ps ---- */

struct ps_options {
	const char *format;
};

static bool has_pid(const pid_t *pids, size_t n, long pid)
{
	for (size_t i = 0; i < n; i++)
		if (pids[i] == pid)
			return true;
	return false;
}

/* The next word of a line; NULL behind the last */
static const char *next_word(const char **line, size_t *ret_len)
{
	const char *w = *line + strspn(*line, " ");
	*ret_len = strcspn(w, " \n");
	*line = w + *ret_len;
	return *ret_len ? w : NULL;
}

/* Where ps's head line has the column PID, -1: nowhere */
static int pid_column(const char *line)
{
	size_t len;
	const char *w;
	for (int i = 0; (w = next_word(&line, &len)); i++)
		if (len == 3 && memcmp(w, "PID", 3) == 0)
			return i;
	return -1;
}

static long pid_of_line(const char *line, int column)
{
	size_t len;
	const char *w = NULL;
	for (int i = 0; i <= column; i++)
		if (!(w = next_word(&line, &len)))
			return -1;
	return strtol(w, NULL, 10);
}

/* ps(1) with the words that were given, and of its lines those of the container */
static int print_by_ps(char **words, const pid_t *pids, size_t n, struct err *e)
{
	struct strv argv cleanup_strv = STRV_INIT;
	struct buf out cleanup_buf = BUF_INIT_MAX(LIMIT_PS_OUTPUT);
	strv_add(&argv, "ps");
	for (; *words; words++)
		strv_add(&argv, *words);
	int r = proc_run(strv_items(&argv), -1, &out, 0, e);
	if (r != 0)
		return r < 0 ? r : err_set(e, ERR_CHILD, "ps ended with status %d", r);
	const char *line = buf_str(&out);
	int column = pid_column(line);
	if (column < 0)
		return err_set(e, ERR_USAGE, "ps: its output has no column PID");
	for (bool head = true; *line; head = false) {
		size_t len = strcspn(line, "\n");
		if (head || has_pid(pids, n, pid_of_line(line, column)))
			printf("%.*s\n", (int)len, line);
		line += len + (line[len] == '\n');
	}
	return 0;
}

static void print_pids(const pid_t *pids, size_t n, bool json)
{
	if (!json)
		puts("PID      COMMAND");
	for (size_t i = 0; i < n; i++) {
		char name[64] = "";
		proc_name(pids[i], name, sizeof(name));
		if (json)
			printf("%s%d", i ? "," : "[", (int)pids[i]);
		else
			printf("%-8d %s\n", (int)pids[i], name);
	}
	if (json)
		puts(n ? "]" : "[]");
}

static int ps(const struct call *c, struct err *e)
{
	const struct ps_options *o = c->options;
	bool json;
	cleanup_free char *dir = NULL;
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = read_format(o->format, &json, e);
	if (r < 0 || (r = state_path(c->operands[0], &dir, e)) < 0 ||
		(r = runtime_state_load(dir, &s, e)) < 0)
		return r;
	if (!*s->cgroup_path || !s->cgroup_controllers)
		return err_set(e, ERR_UNSUPPORTED,
			"container '%s' has no control group that lists its processes", s->id);
	const struct runtime_cgroup g = {
		(enum runtime_cgroup_mode)s->cgroup_mode, s->cgroup_path, s->cgroup_controllers};
	cleanup_free pid_t *pids = NULL;
	size_t n = 0;
	if ((r = runtime_cgroup_pids(&g, &pids, &n, e)) < 0)
		return r;
	if (c->n > 1 && !json)
		return print_by_ps(c->operands + 1, pids, n, e);
	print_pids(pids, n, json);
	return 0;
}

static const struct option_spec ps_options[] = {
	OPT_TEXT(ps_options, format, "format", 'f', "FORMAT", "table or json"),
	{NULL},
};

const struct command cmd_ps = {
	.name = "ps",
	.operands = "ID [PS-OPTION...]",
	.text = "list the processes of a container",
	.options = ps_options,
	.size = sizeof(struct ps_options),
	.min = 1,
	.max = -1,
	.stops = true,
	.run = ps,
};
