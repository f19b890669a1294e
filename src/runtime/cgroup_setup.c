/* See cgroup_setup_priv.h. */
#include "runtime/cgroup_setup_priv.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/config.h"

#include <linux/mount.h>
#include <stdlib.h>

/* config-linux.md, "Cgroup ownership": only v2 can be given away, only a group that is the root of
 * what the container sees, and only when it sees it writable. */
static bool wants_delegation(const struct runtime_config *c, const struct runtime_cgroup *g)
{
	const struct runtime_ns *ns = &c->ns[RUNTIME_NS_CGROUP];
	if (g->mode != RUNTIME_CGROUP_V2 || !ns->want || ns->path)
		return false;
	bool writable = false;
	for (size_t i = 0; i < c->nmounts; i++) {
		const struct runtime_mount *m = &c->mounts[i];
		bool here = str_eq(m->destination, "/sys/fs/cgroup") &&
			    (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2"));
		if (here)
			writable = !(m->attr_set & MOUNT_ATTR_RDONLY) && !m->sb_readonly;
	}
	return writable;
}

static void find_owner(
	struct cgroup_setup *s, const struct runtime_config *c, const struct runtime_id_maps *maps)
{
	uint32_t uid = c->process.uid;
	bool mapped = c->ns[RUNTIME_NS_USER].want;
	for (size_t i = 0; mapped && i < maps->nuid; i++) {
		const struct runtime_id_map *m = &maps->uid[i];
		if (uid < m->container || uid - m->container >= m->size)
			continue;
		s->owner = m->host + (uid - m->container);
		s->delegate = true;
		return;
	}
	s->owner = uid;
	s->delegate = !mapped && uid != 0;
}

static int plan_unit(struct cgroup_setup *s, const struct runtime_config *c,
	const struct runtime_options *o, struct runtime_cgroup *g, struct err *e)
{
	cleanup_free char *root = NULL, *slice = NULL;
	bool user = systemd_is_user();
	s->systemd = true;
	int r = systemd_unit_parse(c->cgroups_path, o->id, user, &s->unit, e);
	if (r == 0)
		r = systemd_annotations(&c->annotations, &s->unit.properties, e);
	if (r == 0)
		r = systemd_find(o->systemd_socket, &g->socket, e);
	if (r == 0)
		r = systemd_slice_path(s->unit.slice, &slice, e);
	if (r == 0 && user)
		r = systemd_root(g->socket, &root, e);
	if (r < 0)
		return r;
	g->unit = mem_strdup(s->unit.name);
	g->path = mem_printf("%s%s/%s", root ? root : "", slice, s->unit.name);
	return 0;
}

int cgroup_setup_plan(struct cgroup_setup *s, const struct runtime_config *c,
	const struct runtime_options *o, const struct runtime_id_maps *maps,
	struct runtime_cgroup *g, struct err *e)
{
	runtime_cgroup_probe(&s->aim.host);
	s->aim.lenient = o->flags & RUNTIME_LOWER_LIMITS;
	s->aim.devices = true;
	int r = o->flags & RUNTIME_SYSTEMD_CGROUP
			? plan_unit(s, c, o, g, e)
			: cgroup_path_make(c->cgroups_path, o->cgroup_parent, o->id, &g->path, e);
	if (r == 0)
		r = cgroup_choose(&s->aim, &c->resources, !(o->flags & RUNTIME_LEAN_CGROUP), g, e);
	if (r == 0 && !s->systemd)
		r = cgroup_reach(&s->aim, &c->resources, g, e);
	if (r == 0 && wants_delegation(c, g))
		find_owner(s, c, maps);
	return r;
}

int cgroup_setup_none(const struct runtime_config *c, struct err *e)
{
	struct cgroup_aim aim = {.lenient = true};
	struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
	runtime_cgroup_probe(&aim.host);
	int r = cgroup_limits(&aim, &c->resources, &w, e);
	if (r == 0 && w.n)
		log_warn("control groups are disabled: the limits of linux.resources are left out");
	return r;
}

/* systemd has put the process into the hierarchies that it manages; the others are ours. */
static int make_scope(struct cgroup_setup *s, const struct runtime_config *c,
	const struct runtime_cgroup *g, const char *id, pid_t pid, struct err *e)
{
	int r = systemd_scope_start(g->socket, &s->unit, id, pid, &s->aim, &c->resources, e);
	if (r < 0)
		return r;
	if (g->mode == RUNTIME_CGROUP_V2 && !cgroup_exists(g))
		return err_set(e, ERR_CHILD, "systemd made unit '%s', but not as cgroup '%s'",
			g->unit, g->path);
	r = cgroup_make(g, NULL, e);
	return r < 0 ? r : cgroup_add_pid(g, pid, e);
}

/* A group has one container: what is in it is limited, frozen and killed as one. */
static int make_group(const struct runtime_cgroup *g, struct err *e)
{
	bool there;
	size_t n = 0;
	cleanup_free pid_t *pids = NULL;
	int r = cgroup_make(g, &there, e);
	if (r < 0 || !there || runtime_cgroup_pids(g, &pids, &n, NULL) < 0 || !n)
		return r;
	cgroup_unmake(g);
	r = err_set(e, ERR_EXISTS, "cgroup '%s' holds processes already, among them %d", g->path,
		(int)pids[0]);
	err_hint(e, "give each container a linux.cgroupsPath of its own");
	return r;
}

int cgroup_setup_do(struct cgroup_setup *s, const struct runtime_config *c,
	struct runtime_cgroup *g, const char *id, pid_t pid, struct err *e)
{
	int r = 0;
	if (s->systemd)
		r = make_scope(s, c, g, id, pid, e);
	else if (g->path)
		r = make_group(g, e);
	if (r == 0 && g->path)
		r = cgroup_apply(&s->aim, g, &c->resources, false, e);
	if (r == 0 && s->delegate)
		r = cgroup_delegate(g, s->owner, e);
	return r;
}

void cgroup_setup_release(struct cgroup_setup *s)
{
	systemd_unit_release(&s->unit);
}
