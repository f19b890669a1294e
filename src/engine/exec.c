/* Running one more program in a container; see the header. */
#include "engine/exec.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "base/userns.h"
#include "engine/option.h"
#include "oci/caps.h"
#include "oci/convert.h"
#include "oci/passwd.h"
#include "runtime/config.h"
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

static int read_etc(int root, const char *path, struct buf *b, struct err *e)
{
	struct err local = ERR_INIT;
	int r = root_read(root, path, b, &local);
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return 0;
	if (r < 0 && e && !e->code)
		*e = local;
	return r;
}

/* Users as the running container knows them: its root through /proc. */
static int resolve_user(struct engine_container *c, const char *spec, struct oci_user *user,
	uint32_t *groups, struct err *e)
{
	struct buf passwd cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	struct buf group cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/root", (int)c->state.pid);
	cleanup_fd int root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return err_sys(e, "open '%s'", path);
	int r = read_etc(root, "etc/passwd", &passwd, e);
	if (r >= 0)
		r = read_etc(root, "etc/group", &group, e);
	if (r >= 0)
		r = oci_user_resolve(spec ? spec : "", buf_str(&passwd), passwd.len,
			buf_str(&group), group.len, user, e);
	if (r >= 0)
		r = userns_check_user(user->uid, user->gid, e);
	for (size_t i = 0; i < c->config.group_add.n && r >= 0; i++)
		r = oci_group_resolve(
			c->config.group_add.v[i], buf_str(&group), group.len, &groups[i], e);
	return r;
}

static int make_process(struct engine_container *c, const struct engine_exec_options *x,
	struct runtime_config **ret, struct err *e)
{
	struct oci_user user cleanup_oci_user = {0};
	struct buf json cleanup_buf = BUF_INIT;
	struct engine_security security;
	struct strv none = STRV_INIT;
	struct engine_config *g = &c->config;
	cleanup_free uint32_t *groups = mem_array(g->group_add.n + 1, sizeof(*groups));
	int r = engine_option_security(&g->security_opt, &security, e);
	if (r >= 0)
		r = resolve_user(c, x->user ? x->user : g->config.user, &user, groups, e);
	if (r < 0)
		return r;
	struct oci_convert_options o = {.command = &x->args,
		.has_entrypoint = true,
		.entrypoint = &none,
		.env = &x->env,
		.cwd = x->cwd,
		.user = &user,
		.groups = groups,
		.ngroups = g->group_add.n,
		.tty = x->tty,
		.rows = x->rows,
		.columns = x->columns,
		.hostname = g->hostname,
		.privileged = g->privileged || x->privileged,
		.no_new_privileges = security.no_new_privileges};
	r = oci_caps_compute(o.privileged, &g->cap_add, &g->cap_drop, &o.caps, e);
	o.caps_none = o.caps == 0;
	if (r >= 0)
		r = oci_convert_runtime(&g->config, &o, &json, e);
	if (r >= 0)
		r = runtime_config_parse(buf_str(&json), json.len, ret, e);
	return r;
}

int engine_exec(struct engine *g, struct engine_container *c, const struct engine_exec_options *o,
	struct runtime_container **ret, struct err *e)
{
	struct runtime_config *config cleanup_runtime_config = NULL;
	if (c->state.status != ENGINE_RUNNING)
		return err_set(e, ERR_STATE, "container '%s' is not running", c->row.name);
	int r = make_process(c, o, &config, e);
	if (r < 0)
		return r;
	cleanup_free char *state = store_container_run_path(g->store, c->row.id);
	cleanup_free char *cache = mem_printf("%s/cache/seccomp", store_path(g->store));
	struct runtime_exec_options x = RUNTIME_EXEC_OPTIONS_INIT;
	for (size_t i = 0; i < 3; i++)
		x.stdio[i] = o->tty ? -1 : o->stdio[i];
	x.seccomp_cache_dir = cache;
	x.lower_limits = true;
	return runtime_exec(state, &config->process, &x, ret, e);
}
