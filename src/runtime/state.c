/* Writes and reads state directories; see state_priv.h. */
#include "runtime/state_priv.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/json_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

const char *runtime_status_name(enum runtime_status s)
{
	static const char *const names[] = {"creating", "created", "running", "paused", "stopped"};
	return names[s];
}

char *state_annotations(const struct runtime_config *c)
{
	json_t *o = json_object();
	for (size_t i = 0; i < c->annotations.n; i++)
		json_object_set_new(
			o, c->annotations.v[i].key, json_string(c->annotations.v[i].value));
	char *text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	return text;
}

char *state_document(const char *version, const char *id, const char *bundle,
	const char *annotations, enum runtime_status status, pid_t pid)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "ociVersion", version, "id", id, "status",
		runtime_status_name(status));
	if (pid > 0)
		json_object_set_new(o, "pid", json_integer(pid));
	json_object_set_new(o, "bundle", json_string(bundle));
	json_t *notes = annotations ? json_loads(annotations, 0, NULL) : NULL;
	if (json_object_size(notes) > 0)
		json_object_set(o, "annotations", notes);
	json_decref(notes);
	char *text = json_dumps(o, JSON_INDENT(2));
	json_decref(o);
	char *line = mem_printf("%s\n", text);
	free(text);
	return line;
}

int state_write(int dir, const struct runtime_config *c, const struct runtime_options *o,
	const struct runtime_cgroup *g, struct err *e)
{
	uint64_t start = 0;
	proc_start_time(getpid(), &start);
	int hooks = 0;
	for (int i = 0; i < RUNTIME_HOOK_KINDS; i++)
		hooks |= (c->hooks[i].n > 0) << i;
	json_t *v = json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:I, s:i, s:I}", "version",
		c->version ? c->version : "1.0.0", "id", o->id, "bundle",
		o->bundle ? o->bundle : "/", "cgroupPath", g->path ? g->path : "", "hooks", hooks,
		"cgroupMode", (int)g->mode, "cgroupControllers", (int)g->controllers, "created",
		(json_int_t)clock_now(), "creator", (int)getpid(), "creatorStart",
		(json_int_t)start);
	if (!v)
		return err_set(e, ERR_FORMAT, "the container's id or bundle is not UTF-8");
	if (g->unit) {
		json_object_set_new(v, "systemdUnit", json_string(g->unit));
		json_object_set_new(v, "systemdSocket", json_string(g->socket));
	}
	cleanup_free char *notes = state_annotations(c);
	json_object_set_new(v, "annotations", json_string(notes));
	if (c->rdt.set)
		json_object_set_new(v, "rdt", json_true());
	char *text = json_dumps(v, JSON_COMPACT);
	json_decref(v);
	int r = state_file_create(dir, text, c->source, c->source_len, e);
	free(text);
	return r;
}

int state_write_pid(int dir, pid_t pid, struct err *e)
{
	uint64_t start = 0;
	proc_start_time(pid, &start);
	return state_file_write_pid(dir, pid, start, e);
}

unsigned state_socket_address(int dir, struct sockaddr_un *a)
{
	/* a path of its own may be longer than an address can hold */
	*a = (struct sockaddr_un){.sun_family = AF_UNIX};
	int n = snprintf(a->sun_path, sizeof(a->sun_path), "/proc/self/fd/%d/%s", dir, SOCKET_FILE);
	return (unsigned)(offsetof(struct sockaddr_un, sun_path) + (size_t)n + 1);
}

/* ---- reading ---- */

static char *take_string(json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));
	return mem_strdup(s ? s : "");
}

static void read_fields(struct runtime_state *s, json_t *o)
{
	s->version = take_string(o, "version");
	s->id = take_string(o, "id");
	s->bundle = take_string(o, "bundle");
	s->annotations = take_string(o, "annotations");
	s->cgroup_path = take_string(o, "cgroupPath");
	s->systemd_unit = take_string(o, "systemdUnit");
	s->systemd_socket = take_string(o, "systemdSocket");
	json_int_t mode = json_integer_value(json_object_get(o, "cgroupMode"));
	s->cgroup_mode = mode >= 0 && mode <= RUNTIME_CGROUP_V2 ? (unsigned)mode : 0;
	s->cgroup_controllers =
		(unsigned)json_integer_value(json_object_get(o, "cgroupControllers"));
	s->hooks = (unsigned)json_integer_value(json_object_get(o, "hooks"));
	s->rdt = json_is_true(json_object_get(o, "rdt"));
	s->created_ns = json_integer_value(json_object_get(o, "created"));
}

static bool is_creator_alive(json_t *o)
{
	json_int_t creator = json_integer_value(json_object_get(o, "creator"));
	uint64_t start;
	return creator > 0 && creator <= INT_MAX && proc_start_time((pid_t)creator, &start) == 0 &&
	       start == (uint64_t)json_integer_value(json_object_get(o, "creatorStart"));
}

static void find_status(struct runtime_state *s, int dir)
{
	uint64_t start;
	if (s->pid == 0) {
		s->status = s->creator_alive ? RUNTIME_CREATING : RUNTIME_STOPPED;
		return;
	}
	if (proc_start_time(s->pid, &start) < 0 || start != s->start_time) {
		s->pid = 0;
		s->status = RUNTIME_STOPPED;
		return;
	}
	struct runtime_cgroup g = state_cgroup(s);
	if (file_exists(dir, SOCKET_FILE))
		s->status = RUNTIME_CREATED;
	else
		s->status = *s->cgroup_path && runtime_cgroup_frozen(&g) > 0 ? RUNTIME_PAUSED
									     : RUNTIME_RUNNING;
}

/* The state directory has the container's name. Engines look for "does not exist". */
static int no_container(const char *state_dir, struct err *e)
{
	const char *slash = strrchr(state_dir, '/');
	return err_set(
		e, ERR_NOT_FOUND, "container '%s' does not exist", slash ? slash + 1 : state_dir);
}

static int open_state_dir(const char *path, struct err *e)
{
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT)
		return no_container(path, e);
	return dir < 0 ? err_sys(e, "open '%s'", path) : dir;
}

int runtime_state_load(const char *state_dir, struct runtime_state **ret, struct err *e)
{
	cleanup_fd int dir = open_state_dir(state_dir, e);
	if (dir < 0)
		return dir;
	struct state_file f cleanup_state_file = {0};
	json_t *o = NULL;
	int r = state_file_read(dir, &f, e);
	if (r == 0)
		r = json_load(f.state, f.state_len, LIMIT_RUNTIME_CONFIG, &o, e);
	if (r == -ERR_NOT_FOUND) {
		err_clear(e);
		return no_container(state_dir, e);
	}
	if (r < 0)
		return err_wrap(e, r, "state '%s/" STATE_FILE "'", state_dir);
	struct runtime_state *s = mem_alloc(sizeof(*s));
	read_fields(s, o);
	s->pid = f.pid;
	s->start_time = f.start_time;
	/* whoever has a first process is made */
	s->creator_alive = s->pid == 0 && is_creator_alive(o);
	json_decref(o);
	find_status(s, dir);
	*ret = s;
	return 0;
}

void runtime_state_free(struct runtime_state *s)
{
	if (!s)
		return;
	free(s->id);
	free(s->bundle);
	free(s->version);
	free(s->cgroup_path);
	free(s->systemd_unit);
	free(s->systemd_socket);
	free(s->annotations);
	free(s);
}

char *runtime_state_format(const struct runtime_state *s)
{
	return state_document(s->version, s->id, s->bundle, s->annotations, s->status, s->pid);
}

struct runtime_cgroup state_cgroup(const struct runtime_state *s)
{
	struct runtime_cgroup g = {.mode = (enum runtime_cgroup_mode)s->cgroup_mode,
		.path = s->cgroup_path,
		.controllers = s->cgroup_controllers};
	if (*s->systemd_unit) {
		g.unit = s->systemd_unit;
		g.socket = s->systemd_socket;
	}
	return g;
}

int state_open_pid(const struct runtime_state *s)
{
	if (s->pid <= 0)
		return -ESRCH;
	cleanup_fd int fd = proc_pidfd_open(s->pid);
	if (fd < 0)
		return fd;
	/* asked after the descriptor is there: now the number cannot change its owner */
	uint64_t start;
	if (proc_start_time(s->pid, &start) < 0 || start != s->start_time)
		return -ESRCH;
	return STEAL_FD(fd);
}

int runtime_state_config(const char *state_dir, struct runtime_config **ret, struct err *e)
{
	struct state_file f cleanup_state_file = {0};
	cleanup_fd int dir = open_state_dir(state_dir, e);
	int r = dir < 0 ? dir : state_file_read(dir, &f, e);
	return r < 0 ? r : runtime_config_parse(f.config, f.config_len, ret, e);
}
