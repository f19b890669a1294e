/* What the process is: user, groups, capabilities, limits, working directory, filter. */
#include "base/err.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/procfs.h"
#include "base/root.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/seccomp_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/keyctl.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *rlimit_name(int resource)
{
	static const char *const names[] = {
		[RLIMIT_CPU] = "cpu",
		[RLIMIT_FSIZE] = "fsize",
		[RLIMIT_DATA] = "data",
		[RLIMIT_STACK] = "stack",
		[RLIMIT_CORE] = "core",
		[RLIMIT_RSS] = "rss",
		[RLIMIT_NPROC] = "nproc",
		[RLIMIT_NOFILE] = "nofile",
		[RLIMIT_MEMLOCK] = "memlock",
		[RLIMIT_AS] = "as",
		[RLIMIT_LOCKS] = "locks",
		[RLIMIT_SIGPENDING] = "sigpending",
		[RLIMIT_MSGQUEUE] = "msgqueue",
		[RLIMIT_NICE] = "nice",
		[RLIMIT_RTPRIO] = "rtprio",
		[RLIMIT_RTTIME] = "rttime",
	};
	return names[resource];
}

/* Raising a hard limit needs CAP_SYS_RESOURCE; where that is missing, up to the present one. */
static int set_rlimit(
	const struct runtime_rlimit *l, bool lower, char *warn, size_t size, struct err *e)
{
	if (setrlimit(l->resource, &l->limit) == 0)
		return 0;
	struct rlimit now;
	const char *name = rlimit_name(l->resource);
	if (errno != EPERM || getrlimit(l->resource, &now) < 0)
		return err_sys(e, "set limit '%s'", name);
	if (!lower) {
		int r = err_sys(e, "set limit '%s' to %llu (now at most %llu)", name,
			(unsigned long long)l->limit.rlim_max, (unsigned long long)now.rlim_max);
		err_hint(
			e, "raising a limit needs CAP_SYS_RESOURCE, which this host does not give");
		return r;
	}
	struct rlimit most = {
		MIN(l->limit.rlim_cur, now.rlim_max), MIN(l->limit.rlim_max, now.rlim_max)};
	if (setrlimit(l->resource, &most) < 0)
		return err_sys(e, "set limit '%s'", name);
	size_t len = strlen(warn);
	snprintf(warn + len, size - len, "%s%s %llu", len ? ", " : "", name,
		(unsigned long long)most.rlim_max);
	return 0;
}

int child_do_rlimits(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_process *p = s->item;
	char warn[256] = "";
	for (size_t i = 0; i < p->nrlimits; i++) {
		int r = set_rlimit(&p->rlimits[i], k->lower_limits, warn, sizeof(warn), e);
		if (r < 0)
			return r;
	}
	if (warn[0])
		log_warn("limits above what this host allows are lowered: %s", warn);
	return 0;
}

int child_do_oom_score(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_process *p = s->item;
	char text[16];
	if (k->labelled)
		return 0;
	int len = snprintf(text, sizeof(text), "%d", p->oom_score_adj);
	cleanup_fd int fd = procfs_open("self/oom_score_adj", O_WRONLY, e);
	int r = fd < 0 ? fd : write(fd, text, (size_t)len) < 0 ? -errno : 0;
	if (r == 0)
		return 0;
	if (!k->lower_limits || (r != -EACCES && r != -EPERM))
		return err_sysno(e, r, "set oom_score_adj to %s", text);
	if (e)
		err_clear(e);
	log_warn("oom_score_adj %s needs CAP_SYS_RESOURCE and is left out", text);
	return 0;
}

/* The working directory is made when the image has none, as every runtime does. */
int child_do_make_cwd(struct child *k, const struct runtime_step *s, struct err *e)
{
	const char *cwd = s->item;
	if (str_eq(cwd, "/"))
		return 0;
	cleanup_fd int fd = root_mkdirs(k->root, cwd, 0755, NULL); /* chdir reports */
	return 0;
}

int child_do_cwd(struct child *k, const struct runtime_step *s, struct err *e)
{
	const char *cwd = s->item;
	char now[4096];
	if (chdir(cwd) < 0)
		return err_sys(e, "change to working directory '%s'", cwd);
	/* a magic link could have led outside: such a place has no path here, and the kernel
	 * says so by "(unreachable)" */
	long n = syscall(SYS_getcwd, now, sizeof(now));
	if (n < 0 || now[0] != '/')
		return err_set(
			e, ERR_FORMAT, "working directory '%s' is outside the container", cwd);
	return 0;
}

int child_do_no_new_privs(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, "set no_new_privs");
	return 0;
}

int child_do_seccomp(struct child *k, const struct runtime_step *s, struct err *e)
{
	/* here even with no_new_privs: the last calls cannot hand a listener over, and an agent
	 * that is asked about them lets them pass */
	if (k->filter_flags & SECCOMP_NOTIFIES)
		return seccomp_load_with_listener(
			k->sock, &k->filter, k->filter_flags & ~SECCOMP_NOTIFIES, e);
	if (k->process->no_new_privs) {
		k->filter_at_exec = true;
		return 0;
	}
	if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, k->filter_flags, &k->filter) < 0)
		return err_sys(e, "load the seccomp filter");
	return 0;
}

/* A keyring of its own: keys of whoever started us are not for the container. */
int child_do_keyring(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL) >= 0)
		return 0;
	if (errno == ENOSYS || errno == EDQUOT || errno == EPERM) {
		log_debug("no session keyring: %s", strerror(errno));
		return 0;
	}
	return err_sys(e, "new session keyring");
}

static bool has_other_groups(const struct runtime_process *p)
{
	for (size_t i = 0; i < p->ngroups; i++)
		if (p->groups[i] != p->gid)
			return true;
	return false;
}

static int set_groups(const struct runtime_process *p, struct err *e)
{
	if (syscall(SYS_setgroups, p->ngroups, p->groups) < 0) {
		/* a user namespace whose setgroups is denied keeps what it has */
		if (errno != EPERM || has_other_groups(p))
			return err_sys(e, "set additional groups");
	}
	return 0;
}

/* The raw calls: there is one thread, and the C library's versions would look for more. */
int child_do_user(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_process *p = s->item;
	int r = caps_drop_bounding(p, e);
	if (r < 0)
		return r;
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(e, "keep capabilities");
	if (!s->number && (r = set_groups(p, e)) < 0)
		return r;
	if (syscall(SYS_setresgid, p->gid, p->gid, p->gid) < 0)
		return err_sys(e, "set group %u", p->gid);
	if (syscall(SYS_setresuid, p->uid, p->uid, p->uid) < 0)
		return err_sys(e, "set user %u", p->uid);
	if ((r = caps_apply(k, p, e)) < 0)
		return r;
	prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0);
	/* a change of ids sets it to fs.suid_dumpable, which a host may have raised */
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	umask(p->umask >= 0 ? (mode_t)p->umask : 022);
	return 0;
}
