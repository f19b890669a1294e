/* Makes and prints plans; see the header. No system calls here. */
#include "runtime/plan.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/ns_priv.h"

#include <inttypes.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>

static void add(struct runtime_plan *p, enum runtime_step_kind kind, const void *item, uint64_t n)
{
	if (p->n == p->cap) {
		p->cap = p->cap ? 2 * p->cap : 64;
		p->v = mem_realloc(p->v, p->cap, sizeof(*p->v));
	}
	p->v[p->n++] = (struct runtime_step){kind, item, n};
}

void runtime_plan_release(struct runtime_plan *p)
{
	free(p->v);
	*p = (struct runtime_plan){NULL};
}

/* ---- what is refused ---- */

/* Which kind of namespace a file below /proc/sys belongs to; RUNTIME_NS_KINDS: none of ours */
static enum runtime_ns_kind sysctl_kind(const char *path)
{
	static const char *const ipc[] = {"kernel/msgmax", "kernel/msgmnb", "kernel/msgmni",
		"kernel/sem", "kernel/shmall", "kernel/shmmax", "kernel/shmmni",
		"kernel/shm_rmid_forced"};
	if (str_starts(path, "net/"))
		return RUNTIME_NS_NET;
	if (str_starts(path, "fs/mqueue/"))
		return RUNTIME_NS_IPC;
	for (size_t i = 0; i < ARRAY_SIZE(ipc); i++)
		if (str_eq(path, ipc[i]))
			return RUNTIME_NS_IPC;
	return str_eq(path, "kernel/domainname") ? RUNTIME_NS_UTS : RUNTIME_NS_KINDS;
}

char *runtime_sysctl_path(
	const struct runtime_config *c, const char *key, enum runtime_ns_kind *ret_kind)
{
	/* as sysctl(8): the first separator decides which one separates */
	cleanup_free char *path = mem_strdup(key);
	bool dots = path[strcspn(path, "./")] == '.';
	for (char *p = path; dots && *p; p++)
		*p = *p == '.' ? '/' : *p == '/' ? '.' : *p;
	if (strstr(path, "..") || strstr(path, "//") || path[0] == '/')
		return NULL;
	enum runtime_ns_kind kind = sysctl_kind(path);
	if (kind == RUNTIME_NS_KINDS || !c->ns[kind].want)
		return NULL;
	if (ret_kind)
		*ret_kind = kind;
	return STEAL(path);
}

static int check_sysctls(const struct runtime_config *c, struct err *e)
{
	for (size_t i = 0; i < c->sysctl.n; i++) {
		cleanup_free char *path = runtime_sysctl_path(c, c->sysctl.v[i].key, NULL);
		if (!path)
			return err_set(e, ERR_FORMAT,
				"linux.sysctl: '%s' does not belong to a namespace of the "
				"container",
				c->sysctl.v[i].key);
	}
	return 0;
}

static bool has_time_offsets(const struct runtime_config *c)
{
	return c->time_offsets[RUNTIME_CLOCK_MONOTONIC].set ||
	       c->time_offsets[RUNTIME_CLOCK_BOOTTIME].set;
}

/* Whoever sets the container up is root in it. */
static int check_maps(const struct runtime_id_map *m, size_t n, const char *key, struct err *e)
{
	for (size_t i = 0; i < n; i++)
		if (m[i].container == 0)
			return 0;
	return n ? err_set(e, ERR_FORMAT, "linux.%s: nothing stands for root (containerID 0)", key)
		 : 0;
}

static bool changes_mounts(const struct runtime_config *c)
{
	return c->nmounts || c->ndevices || c->masked_paths.n || c->readonly_paths.n ||
	       c->root_readonly || c->root_propagation;
}

static int check_namespaces(const struct runtime_config *c, struct err *e)
{
	const struct runtime_ns *ns = c->ns;
	if (!ns[RUNTIME_NS_MOUNT].want)
		return err_set(e, ERR_UNSUPPORTED, "a container without a mount namespace");
	if (ns[RUNTIME_NS_MOUNT].path && (!str_eq(c->root_path, "/") || changes_mounts(c)))
		return err_set(e, ERR_UNSUPPORTED,
			"linux.namespaces: a mount namespace by path is taken as it is: root.path "
			"must be '/', and nothing may be mounted, masked or made there");
	if (c->hostname && !ns[RUNTIME_NS_UTS].want)
		return err_set(e, ERR_FORMAT, "hostname: needs a UTS namespace of its own");
	if (c->domainname && !ns[RUNTIME_NS_UTS].want)
		return err_set(e, ERR_FORMAT, "domainname: needs a UTS namespace of its own");
	if (!c->nuid_maps != !c->ngid_maps)
		return err_set(e, ERR_FORMAT, "linux: uidMappings and gidMappings go together");
	if (c->net_devices.n && !ns[RUNTIME_NS_NET].want)
		return err_set(
			e, ERR_FORMAT, "linux.netDevices: needs a network namespace of its own");
	if (has_time_offsets(c) && (!ns[RUNTIME_NS_TIME].want || ns[RUNTIME_NS_TIME].path))
		return err_set(e, ERR_FORMAT, "linux.timeOffsets: needs a new time namespace");
	if (!ns[RUNTIME_NS_USER].want && (c->nuid_maps || c->ngid_maps))
		return err_set(e, ERR_FORMAT, "linux: mappings without a user namespace");
	int r = check_maps(c->uid_maps, c->nuid_maps, "uidMappings", e);
	return r < 0 ? r : check_maps(c->gid_maps, c->ngid_maps, "gidMappings", e);
}

static int check(const struct runtime_config *c, const struct runtime_options *o, struct err *e)
{
	if (!c->has_process)
		return err_set(e, ERR_FORMAT, "process is missing");
	int r = check_namespaces(c, e);
	if (r == 0)
		r = check_sysctls(c, e);
	if (r < 0)
		return r;
	if (!c->process.terminal && o->console_socket >= 0)
		return err_set(e, ERR_USAGE, "a console socket without process.terminal");
	if (c->process.terminal && o->console_socket < 0 && (o->flags & RUNTIME_START_LATER))
		return err_set(e, ERR_USAGE, "process.terminal needs a console socket here");
	return 0;
}

/* ---- the order ---- */

/* Only children of who joins a pid namespace are in it. And once the new process is in its own or
 * another user namespace, the host's namespaces are out of its reach. */
static bool must_join_first(const struct runtime_config *c)
{
	if (c->ns[RUNTIME_NS_PID].path || c->ns[RUNTIME_NS_USER].path)
		return true;
	for (int i = 0; i < RUNTIME_NS_KINDS; i++)
		if (c->ns[RUNTIME_NS_USER].want && c->ns[i].path && i != RUNTIME_NS_MOUNT)
			return true;
	return false;
}

static void plan_namespaces(struct runtime_plan *p, const struct runtime_config *c)
{
	for (int i = 0; i < RUNTIME_NS_KINDS; i++)
		if (c->ns[i].want && !c->ns[i].path)
			p->clone_flags |= ns_kinds[i].flag;
	if (has_time_offsets(c))
		p->clone_flags &= ~(uint64_t)CLONE_NEWTIME; /* the child makes it */
	p->join_first = must_join_first(c);
	/* its root is the cgroup of whoever makes it: made by the child, after it moved */
	add(p, RUNTIME_STEP_CLONE, NULL, p->clone_flags);
	if (p->clone_flags & CLONE_NEWUSER)
		add(p, RUNTIME_STEP_ID_MAPS, c, 0);
	if (c->rdt.set)
		add(p, RUNTIME_STEP_RDT, &c->rdt, 0);
}

static void plan_join_cgroup(struct runtime_plan *p, bool cgroup)
{
	if (cgroup || (p->clone_flags & CLONE_NEWCGROUP))
		add(p, RUNTIME_STEP_JOIN_CGROUP, NULL, p->clone_flags & CLONE_NEWCGROUP);
}

static void plan_identity(struct runtime_plan *p, const struct runtime_config *c, bool cgroup)
{
	add(p, RUNTIME_STEP_SESSION, NULL, 0);
	for (int i = 0; i < RUNTIME_NS_KINDS; i++)
		if (c->ns[i].path && i != RUNTIME_NS_MOUNT)
			add(p, RUNTIME_STEP_SETNS, c->ns[i].path, ns_kinds[i].flag);
	if (has_time_offsets(c))
		add(p, RUNTIME_STEP_TIME_OFFSETS, c->time_offsets, 0);
	if (c->process.has_oom_score_adj)
		add(p, RUNTIME_STEP_OOM_SCORE, &c->process, 0);
	if (c->ns[RUNTIME_NS_USER].want)
		plan_join_cgroup(p, cgroup);
	if (c->ns[RUNTIME_NS_USER].want)
		add(p, RUNTIME_STEP_MAPPED, NULL, 0);
	if (c->hostname)
		add(p, RUNTIME_STEP_HOSTNAME, c->hostname, 0);
	if (c->domainname)
		add(p, RUNTIME_STEP_DOMAINNAME, c->domainname, 0);
	if (p->clone_flags & CLONE_NEWNET)
		add(p, RUNTIME_STEP_LOOPBACK, NULL, 0);
}

/* /dev of the host, or of another container, bound into this one is not ours to fill. */
static bool dev_is_bound(const struct runtime_config *c)
{
	for (size_t i = 0; i < c->nmounts; i++)
		if (c->mounts[i].bind && (str_eq(c->mounts[i].destination, "/dev") ||
						 str_eq(c->mounts[i].destination, "/dev/")))
			return true;
	return false;
}

static const struct runtime_device default_devices[] = {
	{"/dev/null", 'c', 1, 3, 0666, 0, 0},
	{"/dev/zero", 'c', 1, 5, 0666, 0, 0},
	{"/dev/full", 'c', 1, 7, 0666, 0, 0},
	{"/dev/random", 'c', 1, 8, 0666, 0, 0},
	{"/dev/urandom", 'c', 1, 9, 0666, 0, 0},
	{"/dev/tty", 'c', 5, 0, 0666, 0, 0},
};

static bool has_device(const struct runtime_config *c, const char *path)
{
	for (size_t i = 0; i < c->ndevices; i++)
		if (str_eq(c->devices[i].path, path))
			return true;
	return false;
}

static void plan_devices(struct runtime_plan *p, const struct runtime_config *c)
{
	bool bound = dev_is_bound(c);
	for (size_t i = 0; i < ARRAY_SIZE(default_devices) && !bound; i++)
		if (!has_device(c, default_devices[i].path))
			add(p, RUNTIME_STEP_DEVICE, &default_devices[i], 0);
	for (size_t i = 0; i < c->ndevices; i++)
		if (!bound || !str_starts(c->devices[i].path, "/dev/"))
			add(p, RUNTIME_STEP_DEVICE, &c->devices[i], 0);
	if (!bound)
		add(p, RUNTIME_STEP_DEV_LINKS, NULL, 0);
	if (c->process.terminal)
		add(p, RUNTIME_STEP_CONSOLE, &c->process, !bound);
}

static bool has_hooks(const struct runtime_config *c, enum runtime_hook_kind kind)
{
	return c->hooks[kind].n > 0;
}

static void plan_hooks(struct runtime_plan *p, const struct runtime_config *c)
{
	if (has_hooks(c, RUNTIME_HOOK_PRESTART) || has_hooks(c, RUNTIME_HOOK_CREATE_RUNTIME)) {
		add(p, RUNTIME_STEP_HOOKS_RUNTIME, c, 0);
		add(p, RUNTIME_STEP_WAIT_HOOKS, NULL, 0);
	}
	if (has_hooks(c, RUNTIME_HOOK_CREATE_CONTAINER))
		add(p, RUNTIME_STEP_HOOKS_CONTAINER, &c->hooks[RUNTIME_HOOK_CREATE_CONTAINER], 0);
}

/* The parent makes the control groups while the child mounts; it joins them when a mount has to
 * show them, or at the end. In a user namespace it could not open their files any more: there it
 * joined before. */
static void plan_mounts(struct runtime_plan *p, const struct runtime_config *c, bool cgroup)
{
	bool join = !c->ns[RUNTIME_NS_USER].want;
	for (size_t i = 0; i < c->nmounts; i++) {
		if (join && !c->mounts[i].bind && str_eq(c->mounts[i].type, "cgroup")) {
			plan_join_cgroup(p, cgroup);
			join = false;
		}
		add(p, RUNTIME_STEP_MOUNT, &c->mounts[i], 0);
	}
	if (join)
		plan_join_cgroup(p, cgroup);
}

/* What goes on between the mounts and the change of root */
static void plan_around(
	struct runtime_plan *p, const struct runtime_config *c, const struct runtime_options *o)
{
	bool network = (p->clone_flags & CLONE_NEWNET) && o->setup_network;
	if (network)
		add(p, RUNTIME_STEP_NETWORK, NULL, 0);
	for (size_t i = 0; i < c->net_devices.n; i++)
		add(p, RUNTIME_STEP_NET_DEVICE, &c->net_devices.v[i], 0);
	if (network || c->net_devices.n)
		add(p, RUNTIME_STEP_WAIT_NETWORK, NULL, 0);
	plan_hooks(p, c);
	for (size_t i = 0; i < c->sysctl.n; i++)
		add(p, RUNTIME_STEP_SYSCTL, &c->sysctl.v[i], 0);
}

/* The mounts and the root of somebody else; what the host has to tell is known by then. */
static void plan_joined_root(
	struct runtime_plan *p, const struct runtime_config *c, const struct runtime_options *o)
{
	if (!c->ns[RUNTIME_NS_USER].want)
		plan_join_cgroup(p, !(o->flags & RUNTIME_NO_CGROUP));
	add(p, RUNTIME_STEP_SETNS, c->ns[RUNTIME_NS_MOUNT].path, CLONE_NEWNS);
	add(p, RUNTIME_STEP_CLOSE_FDS, NULL, 0);
	if (c->process.terminal)
		add(p, RUNTIME_STEP_CONSOLE, &c->process, 0);
	plan_around(p, c, o);
}

static void plan_root(
	struct runtime_plan *p, const struct runtime_config *c, const struct runtime_options *o)
{
	unsigned long prop = c->root_propagation;
	add(p, RUNTIME_STEP_PROPAGATION, NULL,
		MS_REC | (prop & (MS_PRIVATE | MS_SHARED) ? prop : MS_SLAVE));
	add(p, RUNTIME_STEP_ROOT, c->root_path, 0);
	add(p, RUNTIME_STEP_CLOSE_FDS, NULL, 0);
	plan_mounts(p, c, !(o->flags & RUNTIME_NO_CGROUP));
	plan_devices(p, c);
	add(p, RUNTIME_STEP_MAKE_CWD, c->process.cwd, 0);
	plan_around(p, c, o);
	for (size_t i = 0; i < c->readonly_paths.n; i++)
		add(p, RUNTIME_STEP_READONLY_PATH, c->readonly_paths.v[i], 0);
	for (size_t i = 0; i < c->masked_paths.n; i++)
		add(p, RUNTIME_STEP_MASK_PATH, c->masked_paths.v[i], 0);
	if (c->root_readonly)
		add(p, RUNTIME_STEP_ROOT_READONLY, NULL, 0);
	add(p, RUNTIME_STEP_PIVOT, NULL, o->flags & RUNTIME_NO_PIVOT);
	if (prop & (MS_SHARED | MS_UNBINDABLE))
		add(p, RUNTIME_STEP_ROOT_PROPAGATION, NULL, prop);
}

/* As crun: the groups of whoever calls us stay, those that a user namespace does not map among
 * them (podman's --group-add keep-groups). */
static bool keeps_groups(const struct runtime_config *c)
{
	for (size_t i = 0; i < c->annotations.n; i++)
		if (str_eq(c->annotations.v[i].key, RUNTIME_KEEP_GROUPS))
			return str_eq(c->annotations.v[i].value, "1") ||
			       str_eq(c->annotations.v[i].value, "true");
	return false;
}

/* What the process is, after everything round it is there: for the first process and for those that
 * join later. */
static void plan_process(struct runtime_plan *p, const struct runtime_config *c,
	const struct runtime_process *pr, const struct runtime_hooks *start_hooks)
{
	add(p, RUNTIME_STEP_HIDE_RUNTIME, NULL, 0);
	if (pr->nrlimits)
		add(p, RUNTIME_STEP_RLIMITS, pr, 0);
	if (pr->scheduler.set)
		add(p, RUNTIME_STEP_SCHEDULER, &pr->scheduler, 0);
	if (pr->io_priority)
		add(p, RUNTIME_STEP_IO_PRIORITY, NULL, (uint64_t)pr->io_priority);
	if (c->has_personality)
		add(p, RUNTIME_STEP_PERSONALITY, NULL, c->personality);
	if (c->memory_policy.set)
		add(p, RUNTIME_STEP_MEMORY_POLICY, &c->memory_policy, 0);
	add(p, RUNTIME_STEP_CWD, pr->cwd, 0);
	/* without no_new_privs a filter needs CAP_SYS_ADMIN, so it comes before the caps go;
	 * with it as late as possible, so that the filter sees the program only */
	if (c->seccomp && !pr->no_new_privs)
		add(p, RUNTIME_STEP_SECCOMP, c->seccomp, 0);
	if (pr->no_new_privs)
		add(p, RUNTIME_STEP_NO_NEW_PRIVS, NULL, 0);
	add(p, RUNTIME_STEP_USER, pr, keeps_groups(c));
	add(p, RUNTIME_STEP_FIND_PROGRAM, pr, 0);
	add(p, RUNTIME_STEP_READY, NULL, 0);
	if (start_hooks && start_hooks->n)
		add(p, RUNTIME_STEP_HOOKS_START, start_hooks, 0);
	/* for the program, not for the hooks: what execs first gets it */
	if (!str_empty(pr->apparmor) || !str_empty(pr->selinux))
		add(p, RUNTIME_STEP_LABEL, pr, 0);
	if (c->seccomp && pr->no_new_privs)
		add(p, RUNTIME_STEP_SECCOMP, c->seccomp, 0);
	add(p, RUNTIME_STEP_EXEC, pr, 0);
}

void runtime_plan_exec(const struct runtime_config *c, const struct runtime_process *pr,
	uint64_t namespaces, struct runtime_plan *ret)
{
	struct runtime_plan p = {NULL};
	add(&p, RUNTIME_STEP_SESSION, NULL, 0);
	if (pr->has_oom_score_adj)
		add(&p, RUNTIME_STEP_OOM_SCORE, pr, 0);
	if (pr->affinity_initial.n)
		add(&p, RUNTIME_STEP_AFFINITY, &pr->affinity_initial, 0);
	add(&p, RUNTIME_STEP_JOIN_CGROUP, NULL, 0);
	if (pr->affinity_final.n)
		add(&p, RUNTIME_STEP_AFFINITY, &pr->affinity_final, 1);
	add(&p, RUNTIME_STEP_ENTER, NULL, namespaces);
	add(&p, RUNTIME_STEP_CLOSE_FDS, NULL, 0);
	if (pr->terminal)
		add(&p, RUNTIME_STEP_CONSOLE, pr, 0);
	add(&p, RUNTIME_STEP_KEYRING, NULL, 0);
	plan_process(&p, c, pr, NULL);
	*ret = p;
}

int runtime_plan_make(const struct runtime_config *c, const struct runtime_options *o,
	struct runtime_plan *ret, struct err *e)
{
	int r = check(c, o, e);
	if (r < 0)
		return r;
	struct runtime_plan p = {NULL};
	bool cgroup = !(o->flags & RUNTIME_NO_CGROUP);
	if (cgroup)
		add(&p, RUNTIME_STEP_CGROUP, c, 0);
	plan_namespaces(&p, c);
	plan_identity(&p, c, cgroup);
	if (c->ns[RUNTIME_NS_MOUNT].path)
		plan_joined_root(&p, c, o);
	else
		plan_root(&p, c, o);
	if (!(o->flags & RUNTIME_NO_KEYRING))
		add(&p, RUNTIME_STEP_KEYRING, NULL, 0);
	plan_process(&p, c, &c->process, &c->hooks[RUNTIME_HOOK_START_CONTAINER]);
	*ret = p;
	return 0;
}
