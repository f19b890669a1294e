/* Namespaces: joining, becoming root of a user namespace, the clocks of a time namespace. */
#include "base/err.h"
#include "base/io.h"
#include "runtime/child_priv.h"
#include "runtime/ns_priv.h"
#include "runtime/wire_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* setns has set the root to that of the namespace */
static int open_root(struct child *k, struct err *e)
{
	k->root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return k->root < 0 ? err_sys(e, "open the root of the container") : 0;
}

int child_do_setns(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (s->number != CLONE_NEWNS && k->plan->join_first)
		return 0; /* before the clone */
	cleanup_fd int fd = open(s->item, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, (int)s->number) < 0)
		return ns_join_error(fd, s->item, s->number, errno, e);
	return s->number == CLONE_NEWNS ? open_root(k, e) : 0;
}

static int become_root(struct err *e)
{
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	/* the change of ids has cleared both */
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	return 0;
}

/* All at once, and the user namespace first among them (the kernel's own order). */
int child_do_enter(struct child *k, const struct runtime_step *s, struct err *e)
{
	int flags = (int)s->number & ~CLONE_NEWPID; /* by the clone */
	if (flags && setns(k->enter_fd, flags) < 0)
		return err_sys(e, "enter the container");
	if (k->bring_to_root) {
		int r = become_root(e);
		if (r < 0)
			return r;
	}
	return open_root(k, e);
}

int child_do_mapped(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (!k->bring_to_root)
		return 0;
	int r = wire_expect(k->sock, WIRE_MAPPED, e);
	return r < 0 ? r : become_root(e);
}

/* The clocks can be set until the first process is in the namespace: one that clone made would be
 * in it at once. So it is made for children, gets its clocks, and then is entered by its file
 * (time_namespaces(7)). */
int child_do_time_offsets(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_time_offset *t = s->item;
	char text[128] = "";
	for (int i = 0; i < RUNTIME_CLOCKS; i++) {
		size_t len = strlen(text);
		if (t[i].set)
			snprintf(text + len, sizeof(text) - len, "%s %" PRId64 " %u\n",
				i == RUNTIME_CLOCK_MONOTONIC ? "monotonic" : "boottime", t[i].secs,
				t[i].nanosecs);
	}
	if (unshare(CLONE_NEWTIME) < 0)
		return err_sys(e, "new time namespace");
	cleanup_fd int fd = open("/proc/self/timens_offsets", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return err_sys(e, "linux.timeOffsets: set the clocks of the time namespace");
	cleanup_fd int ns = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	if (ns < 0 || setns(ns, CLONE_NEWTIME) < 0)
		return err_sys(e, "enter the time namespace");
	return 0;
}
