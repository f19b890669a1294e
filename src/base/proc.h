/*
 * Child processes. fork, clone and exec happen here, in runtime and in engine
 * only. Everything is waited for; signals reach the children that we started.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;

/* Starts fn in a child made by fork; its result (0..255) is the child's exit status.
 * Returns the pid, and a pidfd through ret_pidfd when that is not NULL. */
pid_t proc_fork(int (*fn)(void *arg), void *arg, int *ret_pidfd, struct err *e);
/* Waits; the result is 0..255, or 128 + signal, as a shell counts. -errno on failure. */
int proc_wait(pid_t pid, struct err *e);
int proc_status(int wait_status); /* the same number from a wait status */

enum proc_flags {
	PROC_QUIET_STDERR = 1 << 0, /* stderr to /dev/null instead of ours */
};
/* Runs argv (searched in PATH), standard input from in_fd (-1: /dev/null), its output into
 * `out` (NULL: /dev/null; out->max bounds it). The exit status, or a negative code. */
int proc_run(char *const argv[], int in_fd, struct buf *out, enum proc_flags flags, struct err *e);

/* As proc_run; a child that takes longer is killed: -ETIMEDOUT. */
int proc_run_within(char *const argv[], int in_fd, struct buf *out, enum proc_flags flags,
	int64_t ms, struct err *e);

/* Starts argv (searched in PATH) with nothing on its standard input and a pipe behind its standard
 * output and error each: the ends to read from, which do not block, are the caller's. It is killed
 * with us. Returns the pid, for proc_wait. */
pid_t proc_start(char *const argv[], int *ret_out, int *ret_err, struct err *e);

/* Whether execvp(3) would find this program: the one other place that has to know PATH. */
bool proc_is_installed(const char *name);
/* Starts argv (searched in PATH) in a session of its own, as nobody's child: it is never waited for.
 * keep_fd (-1: none) becomes its descriptor 3, out its standard output and error; what is not
 * O_CLOEXEC it gets, too. Returns the pid; an exec that fails shows as the end of `out` alone. */
pid_t proc_detach(char *const argv[], int keep_fd, int out, struct err *e);

int proc_pidfd_open(pid_t pid);                   /* -errno */
int proc_pidfd_kill(int pidfd, int sig);          /* -errno */
int proc_name(pid_t pid, char *out, size_t size); /* comm; -errno */
/* Start time of a process in clock ticks since boot (field 22 of /proc/PID/stat): with the pid it
 * names one process for ever. -ESRCH when there is none. */
int proc_start_time(pid_t pid, uint64_t *ret_ticks);
/* As close_range(2), for which not every C library has a function: closes descriptors, or marks them
 * to be closed by an exec. Failure (before Linux 5.9) goes unseen. */
void proc_close_fds(unsigned first, unsigned last);
void proc_cloexec_fds(unsigned first, unsigned last);
/* "SIGTERM", "TERM", "15" to 15; RTMIN+n (34+n) and RTMAX-n (64-n) too. -EINVAL */
int proc_parse_signal(const char *s);
const char *proc_signal_name(int sig); /* "SIGTERM", or NULL */
