/* Becoming root of a user namespace that is shared with our other processes; see the header. */
#include "runtime/rootless.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/lock.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "base/userns.h"
#include "runtime/idmap.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define RECORD "namespace"
#define WARNED "warned-subids"

enum { RECORD_MAX = 1 << 20, RECORD_PRUNE = 8 << 10 };

/* ---- the record ---- */

struct member {
	pid_t pid;
	uint64_t start;
};

/* The next line of *text; false at its end. Lines of no sense are passed over. */
static bool next_member(const char **text, struct member *ret)
{
	while (**text) {
		int pid, used = 0;
		uint64_t start;
		bool ok = sscanf(*text, "%d %" SCNu64 "%n", &pid, &start, &used) == 2 && pid > 0;
		*text += ok ? used : 0;
		*text += strcspn(*text, "\n");
		*text += **text == '\n';
		if (ok) {
			*ret = (struct member){pid, start};
			return true;
		}
	}
	return false;
}

static bool lives(const struct member *m)
{
	uint64_t start;
	return proc_start_time(m->pid, &start) == 0 && start == m->start;
}

static int read_record(int fd, struct buf *ret)
{
	return lseek(fd, 0, SEEK_SET) < 0 ? -errno : io_read_to_end(fd, ret);
}

/* The lock is held. Dead members go when there are many lines. */
static int add_member(int fd, const struct buf *old, pid_t pid)
{
	struct buf b cleanup_buf = BUF_INIT;
	struct member m, self = {.pid = pid};
	int r = proc_start_time(pid, &self.start);
	if (r < 0)
		return r;
	const char *text = buf_str(old);
	while (old->len > RECORD_PRUNE && next_member(&text, &m))
		if (lives(&m))
			buf_printf(&b, "%d %" PRIu64 "\n", (int)m.pid, m.start);
	off_t at = old->len > RECORD_PRUNE ? 0 : (off_t)old->len;
	buf_printf(&b, "%d %" PRIu64 "\n", (int)self.pid, self.start);
	r = io_pwrite_all(fd, b.data, b.len, at);
	return r < 0 || ftruncate(fd, at + (off_t)b.len) == 0 ? r : -errno;
}

void runtime_rootless_note(const char *run_dir, pid_t pid)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(RECORD_MAX);
	if (!userns_inside())
		return;
	cleanup_free char *path = mem_printf("%s/" RECORD, run_dir);
	cleanup_fd int fd = lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, true, NULL);
	if (fd >= 0 && read_record(fd, &b) >= 0)
		(void)add_member(fd, &b, pid);
}

/* ---- joining ---- */

static bool join(const struct member *m)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)m->pid);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	/* the descriptor first: then it is of that process, or of nobody's concern */
	return fd >= 0 && lives(m) && setns(fd, CLONE_NEWUSER) == 0;
}

/* The youngest are the likeliest to live. */
static bool join_any(const struct buf *record)
{
	struct member *v cleanup_free = NULL;
	size_t n = 0;
	const char *text = buf_str(record);
	for (struct member m; next_member(&text, &m);) {
		v = mem_realloc(v, n + 1, sizeof(*v));
		v[n++] = m;
	}
	while (n-- > 0)
		if (join(&v[n]))
			return true;
	return false;
}

/* ---- making ---- */

static bool sysctl_is(const char *name, const char *value)
{
	char path[128], text[32];
	snprintf(path, sizeof(path), "/proc/sys/%s", name);
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : io_read_full(fd, text, sizeof(text) - 1);
	if (n <= 0)
		return false;
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return str_eq(text, value);
}

bool runtime_userns_hint(struct err *e)
{
	static const struct {
		const char *name, *bad, *good;
	} causes[] = {
		{"user/max_user_namespaces", "0", "user.max_user_namespaces=15000"},
		{"kernel/unprivileged_userns_clone", "0", "kernel.unprivileged_userns_clone=1"},
		{"kernel/apparmor_restrict_unprivileged_userns", "1",
			"kernel.apparmor_restrict_unprivileged_userns=0"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(causes); i++)
		if (sysctl_is(causes[i].name, causes[i].bad)) {
			err_hint(e, "as root: sysctl -w %s", causes[i].good);
			return true;
		}
	return false;
}

static int refused(int code, struct err *e)
{
	err_set(e, ERR_UNSUPPORTED,
		"without root kist needs a user namespace, and this host gives none: %s",
		strerror(code));
	if (!runtime_userns_hint(e))
		err_hint(e, "run kist as root, or ask for user namespaces on this host");
	return -ERR_UNSUPPORTED;
}

struct mapper {
	int sock, other; /* ours, and the parent's, which we must not hold */
	pid_t target;
	bool quiet;
};

struct mapped {
	int result;
	bool alone; /* only one id could be mapped */
	struct err e;
};

/* In a process that stays outside: newuidmap(1) maps for the owner, not for who is inside. */
static int map_main(void *arg)
{
	struct mapper *m = arg;
	struct runtime_id_maps maps cleanup_runtime_id_maps = {NULL};
	struct mapped *answer cleanup_free = mem_alloc(sizeof(*answer));
	char go;
	close(m->other);
	if (m->quiet)
		log_set(LOG_WARN, NULL);
	answer->result = runtime_id_maps_auto(&maps, &answer->e);
	if (recv(m->sock, &go, 1, 0) != 1)
		return 0; /* no namespace: nothing to map */
	if (answer->result >= 0)
		answer->result = runtime_id_maps_write(m->target, &maps, &answer->e);
	answer->alone = maps.nuid == 1 || maps.ngid == 1;
	return send(m->sock, answer, sizeof(*answer), MSG_NOSIGNAL) < 0;
}

static void note_warned(const char *run_dir)
{
	cleanup_free char *path = mem_printf("%s/" WARNED, run_dir);
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)fd;
}

static int make_with(const struct mapper *m, int sock, const char *run_dir, struct err *e)
{
	struct mapped *answer cleanup_free = mem_alloc(sizeof(*answer));
	if (unshare(CLONE_NEWUSER) < 0)
		return refused(errno, e);
	if (send(sock, "", 1, MSG_NOSIGNAL) < 0 ||
		recv(sock, answer, sizeof(*answer), 0) != (ssize_t)sizeof(*answer))
		return err_set(e, ERR_CHILD, "the process that maps the ids ended");
	if (answer->result < 0) {
		if (e && !e->code)
			*e = answer->e;
		return answer->result;
	}
	if (answer->alone && !m->quiet)
		note_warned(run_dir);
	return 0;
}

static int make(const char *run_dir, struct err *e)
{
	int pair[2];
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, "make a socket pair");
	cleanup_fd int ours = pair[0], theirs = pair[1];
	cleanup_free char *warned = mem_printf("%s/" WARNED, run_dir);
	struct mapper m = {theirs, ours, getpid(), file_exists(AT_FDCWD, warned)};
	pid_t pid = proc_fork(map_main, &m, NULL, e);
	if (pid < 0)
		return (int)pid;
	int r = make_with(&m, ours, run_dir, e);
	shutdown(ours, SHUT_RDWR);
	proc_wait(pid, NULL);
	return r;
}

static int become_root(struct err *e)
{
	if (unshare(CLONE_NEWNS) < 0)
		return refused(errno, e);
	if (syscall(SYS_setresgid, 0, 0, 0) < 0 || syscall(SYS_setresuid, 0, 0, 0) < 0)
		return err_sys(e, "become root of the user namespace");
	return 0;
}

int runtime_rootless_enter(const char *run_dir, struct err *e)
{
	struct buf record cleanup_buf = BUF_INIT_MAX(RECORD_MAX);
	cleanup_free char *path = mem_printf("%s/" RECORD, run_dir);
	/* held until our line is there: two first commands make one namespace */
	cleanup_fd int fd = lock_take(AT_FDCWD, path, LOCK_EXCLUSIVE, true, e);
	if (fd < 0)
		return fd;
	int r = read_record(fd, &record);
	if (r < 0)
		return err_sysno(e, r, "read '%s'", path);
	r = join_any(&record) ? 0 : make(run_dir, e);
	if (r < 0)
		return r;
	r = add_member(fd, &record, getpid());
	if (r < 0)
		return err_sysno(e, r, "write '%s'", path);
	return become_root(e);
}
