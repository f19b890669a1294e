/* Walks the child's steps of a plan; see child_priv.h. The simple steps are here. */
#include "runtime/child_priv.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/hooks_priv.h"
#include "runtime/state_priv.h"
#include "runtime/wire_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static int warn_sock = -1; /* of this process; where its warnings go */

/* The parent has the terminal and knows the person: warnings go there. */
static void warn_to_parent(enum log_level level, const char *text)
{
	struct err e = ERR_INIT;
	if (level != LOG_WARN)
		return;
	err_set(&e, ERR_UNSUPPORTED, "%s", text);
	wire_send(warn_sock, WIRE_WARN, &e);
}

/* ---- steps ---- */

/* Handlers are gone with the clone (CLONE_CLEAR_SIGHAND), ignored signals and the mask are not. */
static void reset_signals(void)
{
	static const int may_be_ignored[] = {SIGPIPE, SIGHUP, SIGINT, SIGQUIT, SIGCHLD, SIGTTOU,
		SIGTTIN, SIGTSTP, SIGUSR1, SIGUSR2, SIGTERM, SIGALRM, SIGWINCH};
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	sigset_t none;
	for (size_t i = 0; i < ARRAY_SIZE(may_be_ignored); i++)
		sigaction(may_be_ignored[i], &dfl, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int set_stdio(struct child *k, struct err *e)
{
	int high[3] = {-1, -1, -1};
	for (int i = 0; i < 3; i++)
		if (k->stdio[i] >= 0 && (high[i] = fcntl(k->stdio[i], F_DUPFD_CLOEXEC, 3)) < 0)
			return err_sys(e, "duplicate descriptor %d", k->stdio[i]);
	for (int i = 0; i < 3; i++) {
		if (high[i] < 0)
			continue;
		if (dup2(high[i], i) < 0)
			return err_sys(e, "descriptor %d of the container", i);
		close(high[i]);
	}
	return 0;
}

/* Hooks that run here get this process's number as the host counts, which only the host's /proc
 * can tell. */
static void write_hook_states(struct child *k)
{
	const struct runtime_hooks *h = k->c ? k->c->hooks : NULL;
	char pid[16];
	if (!h || (!h[RUNTIME_HOOK_CREATE_CONTAINER].n && !h[RUNTIME_HOOK_START_CONTAINER].n))
		return;
	ssize_t n = readlink("/proc/self", pid, sizeof(pid) - 1);
	pid[MAX(n, 0)] = 0;
	cleanup_free char *notes = state_annotations(k->c);
	for (int i = 0; i < 2; i++)
		k->hook_state[i] = state_document(k->c->version, k->id, k->bundle, notes,
			(enum runtime_status)i, (pid_t)strtol(pid, NULL, 10));
}

static int do_session(struct child *k, const struct runtime_step *s, struct err *e)
{
	reset_signals();
	umask(0);
	if (setsid() < 0 && errno != EPERM)
		return err_sys(e, "setsid");
	struct stat st;
	if (stat("/proc/self/exe", &st) == 0) {
		k->self_dev = st.st_dev;
		k->self_ino = st.st_ino;
	}
	write_hook_states(k);
	int r = k->labelled ? 0 : lsm_open(k->process, &k->lsm, e);
	return r < 0 ? r : set_stdio(k, e);
}

static int open_tasks(struct child *k, struct err *e)
{
	const struct runtime_cgroup g = {
		RUNTIME_CGROUP_V1, (char *)k->cgroup_path, k->cgroup_controllers};
	int r = wire_expect(k->sock, WIRE_CGROUP, e);
	if (r == 0 && !k->cgroup_moved)
		r = cgroup_open_tasks(&g, k->tasks, CHILD_MAX_CGROUPS, e);
	if (r < 0)
		return r;
	k->ntasks = (size_t)r;
	return 0;
}

/* One thread moving itself through "tasks" needs no lock over all processes, which costs
 * milliseconds; so the child moves itself, and before the namespace takes its root. */
static int do_join_cgroup(struct child *k, const struct runtime_step *s, struct err *e)
{
	int r = k->cgroup_later ? open_tasks(k, e) : 0;
	if (r < 0)
		return r;
	for (size_t i = 0; i < k->ntasks; i++)
		if (write(k->tasks[i], "0", 1) < 0)
			return err_sys(e, "join cgroup '%s'", k->cgroup_path);
	for (size_t i = 0; i < k->ntasks; i++)
		close(k->tasks[i]);
	k->ntasks = 0;
	if (s->number && unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, "new cgroup namespace");
	return 0;
}

static int do_hostname(struct child *k, const struct runtime_step *s, struct err *e)
{
	const char *name = s->item;
	return sethostname(name, strlen(name)) < 0 ? err_sys(e, "set hostname '%s'", name) : 0;
}

static int do_domainname(struct child *k, const struct runtime_step *s, struct err *e)
{
	const char *name = s->item;
	return setdomainname(name, strlen(name)) < 0 ? err_sys(e, "set domainname '%s'", name) : 0;
}

static int do_loopback(struct child *k, const struct runtime_step *s, struct err *e)
{
	struct ifreq ifr = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
	cleanup_fd int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &ifr) < 0)
		return err_sys(e, "bring up the loopback interface");
	return 0;
}

/* From here on nothing of the caller's is open: what it forgot, what it needs itself. */
static int do_close_fds(struct child *k, const struct runtime_step *s, struct err *e)
{
	const int own[] = {k->sock, k->start_sock, k->root, k->lsm.fd[0], k->lsm.fd[1]};
	size_t mounts = k->mount_fds ? k->c->nmounts : 0;
	cleanup_free int *keep = mem_array(ARRAY_SIZE(own) + mounts, sizeof(*keep));
	int n = 0;
	for (size_t i = 0; i < ARRAY_SIZE(own) + mounts; i++) {
		int fd = i < ARRAY_SIZE(own) ? own[i] : k->mount_fds[i - ARRAY_SIZE(own)];
		if (fd < 0)
			continue;
		int at = n++;
		for (; at > 0 && keep[at - 1] > fd; at--)
			keep[at] = keep[at - 1];
		keep[at] = fd;
	}
	unsigned next = 3 + k->preserve_fds;
	for (int i = 0; i < n; i++) {
		if ((unsigned)keep[i] > next)
			proc_close_fds(next, (unsigned)keep[i] - 1);
		next = MAX(next, (unsigned)keep[i] + 1);
	}
	proc_close_fds(next, ~0U);
	return 0;
}

static int do_wait_hooks(struct child *k, const struct runtime_step *s, struct err *e)
{
	int r = wire_send(k->sock, WIRE_HOOKS, NULL);
	return r < 0 ? err_sysno(e, r, "report to the runtime")
		     : wire_expect(k->sock, WIRE_HOOKS_DONE, e);
}

static int do_wait_network(struct child *k, const struct runtime_step *s, struct err *e)
{
	return wire_expect(k->sock, WIRE_NETWORK, e);
}

static int do_label(struct child *k, const struct runtime_step *s, struct err *e)
{
	return lsm_apply(&k->lsm, e);
}

static int do_hooks(struct child *k, const struct runtime_step *s, struct err *e)
{
	enum runtime_status status =
		s->kind == RUNTIME_STEP_HOOKS_START ? RUNTIME_CREATED : RUNTIME_CREATING;
	return hooks_run(s->item, k->hook_state[status], e);
}

/* ---- the walk ---- */

static const child_step steps[RUNTIME_STEP_KINDS] = {
	[RUNTIME_STEP_SESSION] = do_session,
	[RUNTIME_STEP_SETNS] = child_do_setns,
	[RUNTIME_STEP_ENTER] = child_do_enter,
	[RUNTIME_STEP_MAPPED] = child_do_mapped,
	[RUNTIME_STEP_TIME_OFFSETS] = child_do_time_offsets,
	[RUNTIME_STEP_JOIN_CGROUP] = do_join_cgroup,
	[RUNTIME_STEP_OOM_SCORE] = child_do_oom_score,
	[RUNTIME_STEP_AFFINITY] = child_do_affinity,
	[RUNTIME_STEP_HOSTNAME] = do_hostname,
	[RUNTIME_STEP_DOMAINNAME] = do_domainname,
	[RUNTIME_STEP_LOOPBACK] = do_loopback,
	[RUNTIME_STEP_PROPAGATION] = child_do_propagation,
	[RUNTIME_STEP_ROOT] = child_do_root,
	[RUNTIME_STEP_CLOSE_FDS] = do_close_fds,
	[RUNTIME_STEP_MOUNT] = child_do_mount,
	[RUNTIME_STEP_DEVICE] = child_do_device,
	[RUNTIME_STEP_DEV_LINKS] = child_do_dev_links,
	[RUNTIME_STEP_CONSOLE] = child_do_console,
	[RUNTIME_STEP_MAKE_CWD] = child_do_make_cwd,
	[RUNTIME_STEP_WAIT_HOOKS] = do_wait_hooks,
	[RUNTIME_STEP_HOOKS_CONTAINER] = do_hooks,
	[RUNTIME_STEP_WAIT_NETWORK] = do_wait_network,
	[RUNTIME_STEP_SYSCTL] = child_do_sysctl,
	[RUNTIME_STEP_READONLY_PATH] = child_do_readonly_path,
	[RUNTIME_STEP_MASK_PATH] = child_do_mask_path,
	[RUNTIME_STEP_ROOT_READONLY] = child_do_root_readonly,
	[RUNTIME_STEP_PIVOT] = child_do_pivot,
	[RUNTIME_STEP_ROOT_PROPAGATION] = child_do_root_propagation,
	[RUNTIME_STEP_KEYRING] = child_do_keyring,
	[RUNTIME_STEP_HIDE_RUNTIME] = child_do_hide_runtime,
	[RUNTIME_STEP_RLIMITS] = child_do_rlimits,
	[RUNTIME_STEP_SCHEDULER] = child_do_scheduler,
	[RUNTIME_STEP_IO_PRIORITY] = child_do_io_priority,
	[RUNTIME_STEP_PERSONALITY] = child_do_personality,
	[RUNTIME_STEP_MEMORY_POLICY] = child_do_memory_policy,
	[RUNTIME_STEP_CWD] = child_do_cwd,
	[RUNTIME_STEP_SECCOMP] = child_do_seccomp,
	[RUNTIME_STEP_NO_NEW_PRIVS] = child_do_no_new_privs,
	[RUNTIME_STEP_USER] = child_do_user,
	[RUNTIME_STEP_FIND_PROGRAM] = child_do_find_program,
	[RUNTIME_STEP_READY] = child_do_ready,
	[RUNTIME_STEP_HOOKS_START] = do_hooks,
	[RUNTIME_STEP_LABEL] = do_label,
	[RUNTIME_STEP_EXEC] = child_do_exec,
};

/* Dies with the parent until the program runs. In a new pid namespace getppid() cannot tell
 * whether the parent is gone already; its end of the socket can. */
static bool parent_lives(struct child *k)
{
	char c;
	close(k->parent_end);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	/* nobody inside, and nobody who is joined, may look into this process meanwhile */
	if (!k->dumpable_till_mapped)
		prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return recv(k->sock, &c, 1, MSG_PEEK | MSG_DONTWAIT) != 0;
}

int child_main(void *arg)
{
	struct child *k = arg;
	struct err e = ERR_INIT;
	if (!parent_lives(k))
		return 1;
	warn_sock = k->sock;
	log_set(LOG_WARN, warn_to_parent);
	int r = 0;
	for (size_t i = 0; r >= 0 && i < k->plan->n; i++) {
		child_step step = steps[k->plan->v[i].kind];
		if (step)
			r = step(k, &k->plan->v[i], &e);
	}
	if (r < 0) {
		if (!e.code)
			err_set(&e, -r, "%s", err_text(r));
		wire_send(k->sock, WIRE_ERROR, &e);
	}
	return 1;
}
