/* runtime_create: everything from the config to a process that waits for its start. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/cgroup_setup_priv.h"
#include "runtime/container_priv.h"
#include "runtime/hooks_priv.h"
#include "runtime/idmap.h"
#include "runtime/lsm_priv.h"
#include "runtime/mount_prepare.h"
#include "runtime/netdev_priv.h"
#include "runtime/ns_priv.h"
#include "runtime/plan.h"
#include "runtime/rdt_priv.h"
#include "runtime/seccomp_priv.h"
#include "runtime/state_priv.h"
#include "runtime/wire_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* What one call of runtime_create holds besides its result */
struct creation {
	const struct runtime_config *c;
	const struct runtime_options *o;
	struct runtime_plan plan;
	struct child child;
	struct runtime_container *k;
	char *root;
	struct runtime_id_maps maps,
		auto_maps; /* maps: borrowed from the config or from auto_maps */
	struct cgroup_setup cgroup;
	char *rdt_mount; /* NULL: not asked for */
	bool made_dir, made_cgroup, made_rdt;
};

static int check_options(const struct runtime_options *o, struct err *e)
{
	const char *id = o->id;
	if (str_empty(id) || strlen(id) > 255 ||
		id[strspn(id,
			"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_+-.")] ||
		id[0] == '.')
		return err_set(e, ERR_FORMAT, "'%s' is no id for a container", id ? id : "");
	if (str_empty(o->state_dir))
		return err_set(e, EINVAL, "no state directory");
	return 0;
}

static int mkdir_state(const char *path)
{
	return mkdir(path, 0700) < 0 ? -errno : 0;
}

static int make_state_dir(struct creation *w, struct err *e)
{
	const char *path = w->o->state_dir;
	int r = mkdir_state(path);
	if (r == -ENOENT) {
		cleanup_free char *parent = mem_strdup(path);
		char *slash = strrchr(parent, '/');
		if (slash && slash != parent) {
			*slash = 0;
			if ((r = file_mkdirs(AT_FDCWD, parent, 0700, e)) < 0)
				return r;
		}
		r = mkdir_state(path);
	}
	if (r == -EEXIST)
		return err_set(e, ERR_EXISTS, "container '%s' exists already", w->o->id);
	if (r < 0)
		return err_sysno(e, r, "make '%s'", path);
	w->made_dir = true;
	w->k->state_path = mem_strdup(path);
	w->k->state_dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return w->k->state_dir < 0 ? err_sys(e, "open '%s'", path) : 0;
}

static int prepare_cgroup(struct creation *w, struct err *e)
{
	if (w->o->flags & RUNTIME_NO_CGROUP)
		return w->o->flags & RUNTIME_LOWER_LIMITS ? 0 : cgroup_setup_none(w->c, e);
	return cgroup_setup_plan(&w->cgroup, w->c, w->o, &w->maps, &w->k->cgroup, e);
}

static int make_cgroup(struct creation *w, struct err *e)
{
	int r = cgroup_setup_do(&w->cgroup, w->c, &w->k->cgroup, w->o->id, w->k->pid, e);
	w->made_cgroup = r != -ERR_EXISTS; /* else it is somebody's */
	return r;
}

/* A sysctl of a namespace that is joined must not be one of the host's own. */
static int check_sysctls(const struct creation *w, struct err *e)
{
	const struct runtime_config *c = w->c;
	for (size_t i = 0; i < c->sysctl.n; i++) {
		enum runtime_ns_kind kind;
		cleanup_free char *path = runtime_sysctl_path(c, c->sysctl.v[i].key, &kind);
		if (path && c->ns[kind].path && ns_is_own(kind, c->ns[kind].path) > 0)
			return err_set(e, ERR_FORMAT,
				"linux.sysctl: '%s' would be set for the host: %s namespace '%s' "
				"is its own",
				c->sysctl.v[i].key, ns_kinds[kind].word, c->ns[kind].path);
	}
	return 0;
}

/* What only the host can tell, before anything is made */
static int check_host(struct creation *w, struct err *e)
{
	const struct runtime_config *c = w->c;
	const char *net = c->ns[RUNTIME_NS_NET].path;
	if (c->net_devices.n && net && ns_is_own(RUNTIME_NS_NET, net) > 0)
		return err_set(e, ERR_FORMAT,
			"linux.netDevices: network namespace '%s' is the host's own", net);
	int r = check_sysctls(w, e);
	return r == 0 && c->rdt.set ? rdt_find_mount(&w->rdt_mount, e) : r;
}

/* What has to be there before the clone: v2 clones into the group, and in a user namespace the
 * child cannot open its files. */
static int make_cgroup_first(struct creation *w, struct spawn *sp, struct err *e)
{
	struct runtime_cgroup *g = &w->k->cgroup;
	struct child *ch = &w->child;
	ch->cgroup_path = g->path;
	ch->cgroup_controllers = g->controllers;
	ch->cgroup_v2 = g->mode == RUNTIME_CGROUP_V2;
	if (!g->path || !g->controllers)
		return 0;
	/* systemd makes a scope round a process that is there, and it is the parent that moves it */
	ch->cgroup_later = w->cgroup.systemd || (!ch->cgroup_v2 && !ch->bring_to_root);
	ch->cgroup_moved = w->cgroup.systemd;
	if (ch->cgroup_later)
		return 0;
	int r = state_write(w->k->state_dir, w->c, w->o, g, e);
	if (r == 0)
		r = make_cgroup(w, e);
	if (r == 0 && !ch->cgroup_v2)
		r = cgroup_open_tasks(g, ch->tasks, CHILD_MAX_CGROUPS, e);
	if (r < 0)
		return r;
	ch->ntasks = (size_t)r;
	sp->cgroup_fd = cgroup_open_dir(g, e);
	return ch->cgroup_v2 ? MIN(sp->cgroup_fd, 0) : 0;
}

/* While the child mounts already. The state comes first: a killed runtime leaves nothing that it
 * does not name. */
static int make_cgroup_then(struct creation *w, struct err *e)
{
	if (w->made_cgroup)
		return 0;
	int r = state_write(w->k->state_dir, w->c, w->o, &w->k->cgroup, e);
	if (r < 0 || !w->child.cgroup_later)
		return r;
	if ((r = make_cgroup(w, e)) < 0)
		return r;
	return wire_send(w->k->sock, WIRE_CGROUP, NULL);
}

static int listen_for_start(struct creation *w, struct err *e)
{
	if (!(w->o->flags & RUNTIME_START_LATER))
		return 0;
	struct sockaddr_un a;
	socklen_t len = state_socket_address(w->k->state_dir, &a);
	w->child.start_sock = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (w->child.start_sock < 0 || bind(w->child.start_sock, (struct sockaddr *)&a, len) < 0 ||
		listen(w->child.start_sock, 1) < 0)
		return err_sys(e, "socket '" SOCKET_FILE "'");
	return 0;
}

static int prepare_child(struct creation *w, struct err *e)
{
	const struct runtime_config *c = w->c;
	const struct runtime_options *o = w->o;
	struct child *ch = &w->child;
	if (c->root_path[0] != '/' && str_empty(o->bundle) && !o->mount_root)
		return err_set(e, EINVAL, "root.path '%s' is relative and there is no bundle",
			c->root_path);
	w->root = c->root_path[0] == '/' ? mem_strdup(c->root_path)
					 : mem_printf("%s/%s", o->bundle, c->root_path);
	ch->c = c;
	ch->process = &c->process;
	ch->plan = &w->plan;
	ch->root_path = w->root;
	ch->id = o->id;
	ch->bundle = o->bundle ? o->bundle : "/";
	memcpy(ch->stdio, o->stdio, sizeof(ch->stdio));
	ch->preserve_fds = o->preserve_fds;
	ch->no_pivot = o->flags & RUNTIME_NO_PIVOT;
	ch->die_with_creator = o->flags & RUNTIME_DIE_WITH_CREATOR;
	ch->lower_limits = o->flags & RUNTIME_LOWER_LIMITS;
	ch->mount_root = o->mount_root;
	ch->mount_root_ctx = o->mount_root_ctx;
	ch->cgroup_ns = c->ns[RUNTIME_NS_CGROUP].want;
	if (c->seccomp)
		return seccomp_program(c->seccomp, c->seccomp_len, o->seccomp_cache_dir,
			&ch->filter, &ch->filter_flags, e);
	return 0;
}

/* The config may leave the choice of the ids to us. */
static int prepare_maps(struct creation *w, struct err *e)
{
	const struct runtime_config *c = w->c;
	struct child *ch = &w->child;
	ch->bring_to_root = c->ns[RUNTIME_NS_USER].want;
	ch->user_ns_new = ch->bring_to_root && !c->ns[RUNTIME_NS_USER].path;
	if (!ch->user_ns_new)
		return 0;
	ch->dumpable_till_mapped = geteuid() != 0;
	w->maps = (struct runtime_id_maps){c->uid_maps, c->gid_maps, c->nuid_maps, c->ngid_maps};
	if (c->nuid_maps)
		return 0;
	int r = runtime_id_maps_auto(&w->auto_maps, e);
	w->maps = w->auto_maps;
	return r;
}

static int prepare_mounts(struct creation *w, struct err *e)
{
	const char *label = w->c->mount_label;
	if (!str_empty(label) && !lsm_selinux_enabled())
		return err_set(e, ERR_UNSUPPORTED,
			"linux.mountLabel '%s': this host has no SELinux", label);
	return mounts_prepare(w->c, &w->maps, w->child.bundle, &w->child.mount_fds, e);
}

/* ---- after the clone ---- */

static int map_ids(const struct creation *w, struct err *e)
{
	if (!w->child.bring_to_root)
		return 0;
	int r = w->child.user_ns_new ? runtime_id_maps_write(w->k->pid, &w->maps, e) : 0;
	return r < 0 ? r : wire_send(w->k->sock, WIRE_MAPPED, NULL);
}

static int open_netns(const struct creation *w, struct err *e)
{
	char own[64];
	const char *path = w->c->ns[RUNTIME_NS_NET].path;
	snprintf(own, sizeof(own), "/proc/%d/ns/net", (int)w->k->pid);
	int fd = open(path ? path : own, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, "open network namespace '%s'", path ? path : own) : fd;
}

static int set_up_network(const struct creation *w, struct err *e)
{
	bool ours = w->o->setup_network && (w->plan.clone_flags & CLONE_NEWNET);
	const struct runtime_pairs *devices = &w->c->net_devices;
	if (!ours && !devices->n)
		return 0;
	cleanup_fd int fd = open_netns(w, e);
	if (fd < 0)
		return fd;
	int r = ours ? w->o->setup_network(w->o->setup_network_ctx, w->k->pid, fd, e) : 0;
	if (r == 0 && devices->n)
		r = netdev_move_all(devices, fd, e);
	return r < 0 ? r : wire_send(w->k->sock, WIRE_NETWORK, NULL);
}

static int set_up_rdt(struct creation *w, struct err *e)
{
	const struct runtime_rdt *r = &w->c->rdt;
	if (!r->set)
		return 0;
	int k = rdt_apply(w->rdt_mount, r, w->o->id, w->k->pid, e);
	w->made_rdt = k == 0;
	return k;
}

static int open_joins(const struct creation *w, struct spawn *sp, struct err *e)
{
	for (int i = 0; i < RUNTIME_NS_KINDS; i++) {
		const char *path = w->c->ns[i].path;
		if (!path || i == RUNTIME_NS_MOUNT)
			continue;
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			return err_sys(e, "open namespace '%s'", path);
		sp->joins[sp->njoins++] = (struct spawn_join){fd, ns_kinds[i].flag, path};
	}
	return 0;
}

static int spawn(struct creation *w, struct spawn *sp, struct err *e)
{
	int r = w->plan.join_first ? open_joins(w, sp, e) : 0;
	/* the cgroup namespace is made by the child, when it is in its cgroup */
	sp->flags = w->plan.clone_flags & ~(uint64_t)CLONE_NEWCGROUP;
	if (r == 0)
		r = container_spawn(w->k, &w->child, sp, e);
	for (size_t i = 0; i < sp->njoins; i++)
		close(sp->joins[i].fd);
	return r;
}

static int make(struct creation *w, struct err *e)
{
	struct spawn sp = SPAWN_INIT;
	int r;
	if ((r = check_options(w->o, e)) < 0 ||
		(r = runtime_plan_make(w->c, w->o, &w->plan, e)) < 0 ||
		(r = check_host(w, e)) < 0 || (r = prepare_child(w, e)) < 0 ||
		(r = prepare_maps(w, e)) < 0 || (r = prepare_mounts(w, e)) < 0 ||
		(r = prepare_cgroup(w, e)) < 0 || (r = make_state_dir(w, e)) < 0 ||
		(r = make_cgroup_first(w, &sp, e)) < 0 || (r = listen_for_start(w, e)) < 0)
		return r;
	r = spawn(w, &sp, e);
	if (sp.cgroup_fd >= 0)
		close(sp.cgroup_fd);
	if (r < 0)
		return r;
	/* the child waits for its group before it waits for its ids, where the group comes late */
	if ((w->child.cgroup_later && (r = make_cgroup_then(w, e)) < 0) ||
		(r = map_ids(w, e)) < 0 || (r = make_cgroup_then(w, e)) < 0 ||
		(r = set_up_rdt(w, e)) < 0 || (r = set_up_network(w, e)) < 0) {
		/* when the child went first, what it has to say is the cause */
		return r == -EPIPE ? container_await_ready(w->k, e)
				   : err_set(e, -r, "%s", err_text(r));
	}
	if ((r = container_await_ready(w->k, e)) < 0)
		return r;
	if (w->k->start_later && (r = state_write_pid(w->k->state_dir, w->k->pid, e)) < 0)
		return r;
	return pid_file_write(w->o->pid_file, w->k->pid, e);
}

static void undo(struct creation *w)
{
	struct runtime_container *k = w->k;
	bool ran = k->pid > 0;
	container_abort(k);
	if (w->made_cgroup)
		runtime_cgroup_remove(&k->cgroup, NULL);
	if (w->made_rdt)
		rdt_remove(w->rdt_mount, &w->c->rdt, w->o->id, NULL);
	if (ran && w->c->hooks[RUNTIME_HOOK_POSTSTOP].n) {
		cleanup_free char *notes = state_annotations(w->c);
		cleanup_free char *state = state_document(
			w->c->version, w->o->id, w->child.bundle, notes, RUNTIME_STOPPED, 0);
		hooks_run_all(&w->c->hooks[RUNTIME_HOOK_POSTSTOP], state);
	}
	if (w->made_dir)
		state_dir_remove(w->o->state_dir, NULL);
	k->start_later = false;
	runtime_container_free(k);
}

int runtime_create(const struct runtime_config *c, const struct runtime_options *o,
	struct runtime_container **ret, struct err *e)
{
	struct creation w = {.c = c, .o = o, .k = container_new()};
	child_init(&w.child);
	w.k->config = c;
	w.k->id = o->id;
	w.k->bundle = o->bundle;
	w.k->console_socket = o->console_socket;
	w.k->poststart = c->hooks[RUNTIME_HOOK_POSTSTART].n;
	w.k->start_later = o->flags & RUNTIME_START_LATER;
	w.k->before_start = o->before_start;
	int r = make(&w, e);
	mounts_release(w.child.mount_fds, c->nmounts);
	child_release(&w.child);
	runtime_plan_release(&w.plan);
	runtime_id_maps_release(&w.auto_maps);
	cgroup_setup_release(&w.cgroup);
	free(w.root);
	if (r < 0)
		undo(&w);
	free(w.rdt_mount);
	if (r < 0)
		return r;
	w.k->config = NULL;
	w.k->id = w.k->bundle = NULL;
	*ret = w.k;
	return 0;
}

int runtime_run(const struct runtime_config *c, const struct runtime_options *o,
	struct runtime_container **ret, struct err *e)
{
	struct runtime_container *k = NULL;
	int r = runtime_create(c, o, &k, e);
	if (r < 0)
		return r;
	if ((r = runtime_start(k, e)) < 0) {
		runtime_container_free(k);
		struct err later = ERR_INIT; /* the first error is the one to tell */
		if (runtime_delete(o->state_dir, true, &later) < 0)
			log_debug("%s", later.msg);
		return r;
	}
	*ret = k;
	return 0;
}
