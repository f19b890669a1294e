/* See update.h. */
#include "runtime/update.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/json_priv.h"
#include "runtime/state_priv.h"
#include "runtime/systemd.h"
#include "runtime/update_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

struct update {
	const struct runtime_update *u;
	const char *state_dir;
	int dir;
	struct runtime_state *s;
	struct runtime_cgroup g;
	json_t *state, *config; /* as they stand in the file */
	json_t *given, *touched;
	struct runtime_config *resources; /* of what is touched */
};

static int read_both(struct update *x, struct err *e)
{
	struct state_file f cleanup_state_file = {0};
	int r = state_file_read(x->dir, &f, e);
	if (r == 0)
		r = json_load(f.state, f.state_len, LIMIT_RUNTIME_CONFIG, &x->state, e);
	if (r == 0)
		r = json_load(f.config, f.config_len, LIMIT_RUNTIME_CONFIG, &x->config, e);
	return r < 0 ? err_wrap(e, r, "container '%s'", x->s->id) : 0;
}

/* Either is NULL where it stays as it is. */
static int save(const struct update *x, json_t *state, json_t *config, struct err *e)
{
	struct state_file f cleanup_state_file = {0};
	int r = state_file_read(x->dir, &f, e);
	if (r < 0)
		return r;
	char *texts[] = {state ? json_dumps(state, JSON_COMPACT) : NULL,
		config ? json_dumps(config, JSON_COMPACT) : NULL};
	r = state_file_replace(x->dir, &f, texts[0], texts[1], e);
	free(texts[0]);
	free(texts[1]);
	return r;
}

static json_t *member_object(json_t *o, const char *key)
{
	json_t *v = json_object_get(o, key);
	if (json_is_object(v))
		return v;
	json_object_set_new(o, key, json_object());
	return json_object_get(o, key);
}

static int parse_resources(json_t *v, struct runtime_config **ret, struct err *e)
{
	char *text = json_dumps(v, JSON_COMPACT);
	int r = runtime_config_parse_resources(text, strlen(text), ret, e);
	free(text);
	return r;
}

/* Memory without a limit within the old limit of memory and swap is none: both are meant. */
static void unlimit_swap(json_t *given)
{
	json_t *m = json_object_get(given, "memory");
	if (json_integer_value(json_object_get(m, "limit")) < 0 &&
		!json_is_integer(json_object_get(m, "swap")))
		json_object_set_new(m, "swap", json_integer(-1));
}

static int merge(struct update *x, struct err *e)
{
	struct runtime_config *check cleanup_runtime_config = NULL;
	int r = read_both(x, e);
	if (r == 0)
		r = runtime_config_parse_resources(x->u->resources, x->u->resources_len, &check, e);
	if (r == 0)
		r = json_load(
			x->u->resources, x->u->resources_len, LIMIT_RUNTIME_CONFIG, &x->given, e);
	if (r < 0)
		return r;
	json_object_del(x->given, "devices");
	unlimit_swap(x->given);
	json_t *now = member_object(member_object(x->config, "linux"), "resources");
	resources_merge(now, x->given);
	x->touched = resources_touched(now, x->given);
	return parse_resources(x->touched, &x->resources, e);
}

/* Which hierarchies the container is in. Told before they are made, and not taken back when a limit
 * is refused afterwards: whoever deletes the container has to find them all. */
static int record_hierarchies(struct update *x, unsigned controllers, struct err *e)
{
	if ((controllers | x->g.controllers) == x->g.controllers)
		return 0;
	json_object_set_new(
		x->state, "cgroupControllers", json_integer(controllers | x->g.controllers));
	return save(x, x->state, NULL, e);
}

/* Where the container is not yet: hierarchies of v1 in which nothing had limited it, the v2 tree
 * of a hybrid, controllers of v2 */
static int extend(struct update *x, const struct cgroup_aim *aim, struct err *e)
{
	struct runtime_cgroup want = {.mode = x->g.mode};
	int r = cgroup_choose(aim, &x->resources->resources, false, &want, e);
	if (r < 0)
		return r;
	if ((r = record_hierarchies(x, want.controllers, e)) < 0)
		return r;
	x->g.enable = want.enable;
	if (x->g.mode == RUNTIME_CGROUP_V2)
		x->g.controllers |= want.controllers;
	/* controllers of v2 are switched on in the groups above, also where a hybrid's container is
	 * in that tree already */
	struct runtime_cgroup below = x->g;
	below.controllers &= RUNTIME_CG_UNIFIED;
	r = want.enable ? cgroup_make(&below, NULL, e) : 0;
	return r < 0 ? r : cgroup_extend(&x->g, want.controllers, e);
}

/* After the files, which refuse more exactly. Systemd writes what it holds again whenever it likes:
 * so it has to know. */
static int tell_systemd(struct update *x, const struct cgroup_aim *aim, struct err *e)
{
	struct err why = ERR_INIT;
	if (systemd_scope_update(x->g.socket, x->g.unit, aim, &x->resources->resources, &why) < 0)
		log_warn("%s; the limits are set, and last until systemd sets its own again",
			why.msg);
	return 0;
}

static int apply(struct update *x, struct err *e)
{
	struct cgroup_aim aim = {.lenient = false};
	if (!*x->s->cgroup_path || !x->s->cgroup_controllers)
		return err_set(e, ERR_UNSUPPORTED,
			"container '%s' has no control group that could be limited", x->s->id);
	runtime_cgroup_probe(&aim.host);
	x->g = state_cgroup(x->s);
	int r = extend(x, &aim, e);
	if (r == 0)
		r = cgroup_apply(&aim, &x->g, &x->resources->resources, true, e);
	return r < 0 || !x->g.unit ? r : tell_systemd(x, &aim, e);
}

/* ---- resctrl ---- */

static int write_schema(const struct update *x, const char *line, struct err *e)
{
	if (!line)
		return 0;
	cleanup_free char *path = mem_printf("/sys/fs/resctrl/%s/schemata", x->s->id);
	if (!file_exists(AT_FDCWD, "/sys/fs/resctrl/schemata"))
		return err_set(e, ERR_UNSUPPORTED,
			"this host has no resctrl file system (Intel RDT, AMD QoS) mounted");
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(
			e, ERR_STATE, "container '%s' was made without linux.intelRdt", x->s->id);
	cleanup_free char *text = mem_printf("%s\n", line);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(e, "write '%s' to '%s'", line, path);
	return 0;
}

static int update(struct update *x, struct err *e)
{
	if (x->s->status == RUNTIME_STOPPED || x->s->status == RUNTIME_CREATING)
		return err_set(e, ERR_STATE, "cannot update container '%s': it is %s", x->s->id,
			runtime_status_name(x->s->status));
	int r = 0;
	if (x->u->resources) {
		if ((r = merge(x, e)) < 0 || (r = apply(x, e)) < 0 ||
			(r = save(x, NULL, x->config, e)) < 0)
			return r;
	}
	r = write_schema(x, x->u->l3_cache_schema, e);
	return r < 0 ? r : write_schema(x, x->u->mem_bw_schema, e);
}

int runtime_update(const char *state_dir, const struct runtime_update *u, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	cleanup_fd int dir = file_open_dir(AT_FDCWD, state_dir, e);
	/* one at a time: each builds on what the last one recorded */
	if (dir < 0 || flock(dir, LOCK_EX) < 0)
		return dir < 0 ? dir : err_sys(e, "lock '%s'", state_dir);
	struct update x = {.u = u, .state_dir = state_dir, .dir = dir, .s = s};
	r = update(&x, e);
	json_decref(x.state);
	json_decref(x.config);
	json_decref(x.given);
	json_decref(x.touched);
	runtime_config_free(x.resources);
	return r;
}
