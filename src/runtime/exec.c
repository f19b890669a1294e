/* runtime_exec: one more process in a running container. */
#include "base/err.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/config.h"
#include "runtime/container_priv.h"
#include "runtime/exec_priv.h"
#include "runtime/ns_priv.h"
#include "runtime/rdt_priv.h"
#include "runtime/seccomp_priv.h"
#include "runtime/state_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int cannot_see(const struct runtime_state *s, const char *word, int error, struct err *e)
{
	int r = err_sysno(e, error, "look at the %s namespace of container '%s'", word, s->id);
	/* not started, it is not to be looked into yet: child.c */
	if (error == -EACCES && s->status == RUNTIME_CREATED)
		err_hint(e, "without root, only a container that has been started can be entered");
	return r;
}

/* Which namespaces of the container differ from ours: joining an own one fails for some kinds. One that
 * cannot be told must not count as ours: what is to run inside would run here. */
static int different_namespaces(
	const struct runtime_state *s, int init, int *ret_flags, struct err *e)
{
	int flags = 0;
	for (int i = 0; i < RUNTIME_NS_KINDS; i++) {
		char path[64];
		snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)s->pid, ns_kinds[i].file);
		int own = ns_is_own((enum runtime_ns_kind)i, path);
		if (own < 0)
			return cannot_see(s, ns_kinds[i].word, own, e);
		if (!own)
			flags |= (int)ns_kinds[i].flag;
	}
	/* it lives, so the number was its own all the time */
	if (proc_pidfd_kill(init, 0) == -ESRCH)
		return err_set(e, ERR_STATE, "container '%s' has stopped", s->id);
	*ret_flags = flags;
	return 0;
}

struct entry {
	struct runtime_plan plan;
	struct child child;
	struct runtime_config *config;
	struct spawn sp;
	int init; /* pidfd */
	int namespaces;
};

/* For who is not root: once the container's processes see him, nobody may look into him, and so
 * procfs gives his files to root. What he would write there is inherited instead. */
static int set_labels(void *arg, struct err *e)
{
	struct child *k = arg;
	const struct runtime_step s = {RUNTIME_STEP_OOM_SCORE, k->process, 0};
	int r = lsm_open(k->process, &k->lsm, e);
	if (r == 0)
		r = lsm_apply(&k->lsm, e);
	if (r == 0 && k->process->has_oom_score_adj)
		r = child_do_oom_score(k, &s, e);
	k->lsm.n = 0;
	k->labelled = true;
	return r;
}

static int prepare(struct entry *x, const struct runtime_state *s, const struct runtime_process *p,
	const struct runtime_exec_options *o, struct err *e)
{
	struct child *ch = &x->child;
	int r = different_namespaces(s, x->init, &x->namespaces, e);
	if (r < 0)
		return r;
	ch->process = p;
	ch->plan = &x->plan;
	ch->id = s->id;
	memcpy(ch->stdio, o->stdio, sizeof(ch->stdio));
	ch->preserve_fds = o->preserve_fds;
	ch->lower_limits = o->lower_limits;
	ch->enter_fd = x->init;
	/* the clone would put it into the group before its first CPUs are set */
	r = exec_cgroup_enter(s, o, !p->affinity_initial.n, ch, &x->sp, e);
	if (r < 0)
		return r;
	ch->bring_to_root = x->namespaces & CLONE_NEWUSER;
	if (x->namespaces & CLONE_NEWPID) {
		x->sp.joins[x->sp.njoins++] = (struct spawn_join){x->init, CLONE_NEWPID, s->id};
	}
	/* who has no privilege here has it only in there; root joins as late as it can, to read
	 * what is the host's before */
	if ((x->namespaces & CLONE_NEWPID) && (x->namespaces & CLONE_NEWUSER) && geteuid() != 0) {
		x->sp.joins[0].flags |= CLONE_NEWUSER;
		x->sp.before_joins = set_labels;
		x->namespaces &= ~CLONE_NEWUSER;
	}
	runtime_plan_exec(x->config, p, (uint64_t)x->namespaces, &x->plan);
	if (x->config->seccomp)
		return seccomp_program(x->config->seccomp, x->config->seccomp_len,
			o->seccomp_cache_dir, &ch->filter, &ch->filter_flags, e);
	return 0;
}

static int join_rdt(const struct entry *x, const struct runtime_state *s, pid_t pid, struct err *e)
{
	cleanup_free char *mount = NULL;
	int r = s->rdt ? rdt_find_mount(&mount, e) : 0;
	return r < 0 || !s->rdt ? r : rdt_join(mount, &x->config->rdt, s->id, pid, e);
}

static int enter(struct entry *x, const char *state_dir, const struct runtime_state *s,
	const struct runtime_process *p, const struct runtime_exec_options *o,
	struct runtime_container *k, struct err *e)
{
	bool paused = s->status == RUNTIME_PAUSED && o->ignore_paused;
	if (s->status != RUNTIME_RUNNING && s->status != RUNTIME_CREATED && !paused)
		return err_set(e, ERR_STATE, "cannot exec in container '%s': it is %s", s->id,
			runtime_status_name(s->status));
	if (!p->args.n)
		return err_set(e, ERR_FORMAT, "process.args is empty");
	int r = runtime_state_config(state_dir, &x->config, e);
	if (r < 0)
		return r;
	x->init = state_open_pid(s);
	if (x->init < 0)
		return err_set(e, ERR_STATE, "container '%s' has stopped", s->id);
	if ((r = prepare(x, s, p, o, e)) < 0 ||
		(r = container_spawn(k, &x->child, &x->sp, e)) < 0 ||
		(r = join_rdt(x, s, k->pid, e)) < 0 || (r = container_await_ready(k, e)) < 0 ||
		(r = pid_file_write(o->pid_file, k->pid, e)) < 0)
		return r;
	return runtime_start(k, e);
}

int runtime_exec(const char *state_dir, const struct runtime_process *p,
	const struct runtime_exec_options *o, struct runtime_container **ret, struct err *e)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	int r = runtime_state_load(state_dir, &s, e);
	if (r < 0)
		return r;
	struct entry x = {.sp = SPAWN_INIT, .init = -1};
	struct runtime_container *k cleanup_runtime_container = container_new();
	child_init(&x.child);
	k->console_socket = o->console_socket;
	k->before_start = o->before_start;
	k->state_path = mem_strdup(state_dir);
	r = enter(&x, state_dir, s, p, o, k, e);
	child_release(&x.child);
	runtime_plan_release(&x.plan);
	runtime_config_free(x.config);
	if (x.init >= 0)
		close(x.init);
	if (x.sp.cgroup_fd >= 0)
		close(x.sp.cgroup_fd);
	if (r < 0)
		return r;
	*ret = STEAL(k);
	return 0;
}
