/* The end of the way: find the program, report, wait for the start, exec. */
#include "base/buf.h"
#include "base/err.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/str.h"
#include "runtime/child_priv.h"
#include "runtime/wire_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* ---- the program ---- */

/* What a script's first line names, into out; false: no script, or not readable */
static bool read_interpreter(const char *path, char *out, size_t size)
{
	char line[256];
	cleanup_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t n = fd < 0 ? -1 : io_read_full(fd, line, sizeof(line) - 1);
	if (n < 3 || line[0] != '#' || line[1] != '!')
		return false;
	line[n] = 0;
	const char *from = line + 2 + strspn(line + 2, " \t");
	snprintf(out, size, "%.*s", (int)strcspn(from, " \t\n"), from);
	return *out;
}

/*
 * 0: can be run; -ENOENT; -EACCES. A program, or a script's interpreter, that leads to our own
 * executable (an entry point that links to /proc/self/exe) is refused: the host's binary would
 * run inside, and a library of the image could then write it (CVE-2019-5736).
 */
static int check_program(const struct child *k, const char *path)
{
	char name[256];
	for (int level = 0; level < 5; level++) { /* the kernel follows as many */
		struct stat st;
		const char *p = level ? name : path;
		if (stat(p, &st) < 0)
			return level ? 0 : errno == ENOTDIR ? -ENOENT : -errno;
		if (st.st_dev == k->self_dev && st.st_ino == k->self_ino)
			return -EACCES;
		if (S_ISDIR(st.st_mode) || faccessat(AT_FDCWD, p, X_OK, AT_EACCESS) < 0)
			return level ? 0 : -EACCES; /* exec reports it */
		if (!S_ISREG(st.st_mode) || !read_interpreter(p, name, sizeof(name)))
			return 0;
	}
	return 0;
}

static int search(const struct child *k, const char *name, const char *dirs, char **ret)
{
	int worst = -ENOENT;
	for (const char *p = dirs;;) {
		size_t len = strcspn(p, ":");
		cleanup_free char *path =
			len ? mem_printf("%.*s/%s", (int)len, p, name) : mem_printf("./%s", name);
		int r = check_program(k, path);
		if (r == 0) {
			*ret = STEAL(path);
			return 0;
		}
		if (r != -ENOENT)
			worst = r;
		if (!p[len])
			return worst;
		p += len + 1;
	}
}

static const char *env_get(const struct runtime_process *p, const char *name)
{
	size_t len = strlen(name);
	for (size_t i = 0; i < p->env.n; i++)
		if (strncmp(p->env.v[i], name, len) == 0 && p->env.v[i][len] == '=')
			return p->env.v[i] + len + 1;
	return NULL;
}

/* The sixth field of the line whose third is uid; NULL: none. Writes into text. */
static const char *passwd_home(char *text, uint32_t want)
{
	for (char *line = text, *next; line && *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		char *field[6] = {line};
		int n = 1;
		while (n < 6 && (field[n] = strchr(field[n - 1], ':')))
			*field[n++]++ = 0;
		uint64_t uid;
		if (n == 6 && str_parse_u64(field[2], 10, &uid) == 0 && uid == want) {
			field[5][strcspn(field[5], ":")] = 0;
			return field[5];
		}
	}
	return NULL;
}

/* HOME as the image's passwd has it for our user, when the config gives none */
static void set_home(struct child *k, const struct runtime_process *p)
{
	const char *given = env_get(p, "HOME");
	for (size_t i = 0; i < p->env.n; i++)
		if (!str_starts(p->env.v[i], "HOME=") || !str_empty(given))
			strv_add(&k->env, p->env.v[i]);
	if (!str_empty(given))
		return;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	cleanup_fd int fd = open("/etc/passwd", O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	const char *home = NULL;
	if (fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && io_read_to_end(fd, &b) == 0 &&
		b.len)
		home = passwd_home(b.data, p->uid);
	strv_addf(&k->env, "HOME=%s", str_empty(home) ? "/" : home);
}

static int program_error(int r, const char *name, struct err *e)
{
	if (r == -ENOENT && strchr(name, '/'))
		return err_set(e, ERR_NOPROG, "exec: \"%s\": stat %s: no such file or directory",
			name, name);
	if (r == -ENOENT)
		return err_set(
			e, ERR_NOPROG, "exec: \"%s\": executable file not found in $PATH", name);
	return err_set(e, ERR_NOEXEC, "exec: \"%s\": %s", name,
		r == -EACCES ? "permission denied" : err_text(r));
}

int child_do_find_program(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_process *p = s->item;
	const char *name = p->args.v[0], *path = env_get(p, "PATH");
	int r;
	if (strchr(name, '/')) {
		r = check_program(k, name);
		k->program = mem_strdup(name);
	} else {
		r = search(k, name, path ? path : DEFAULT_PATH, &k->program);
	}
	if (r < 0)
		return program_error(r, name, e);
	set_home(k, p);
	return 0;
}

/* ---- ready, started, gone ---- */

static int wait_for_starter(struct child *k, struct err *e)
{
	for (;;) {
		int conn = accept4(k->start_sock, NULL, NULL, SOCK_CLOEXEC);
		if (conn < 0 && (errno == EINTR || errno == ECONNABORTED))
			continue;
		if (conn < 0)
			return err_sys(e, "wait for the start");
		if (wire_expect(conn, WIRE_START, NULL) == 0) {
			k->sock = conn;
			close(k->start_sock);
			return 0;
		}
		close(conn); /* it went away without a word */
	}
}

int child_do_ready(struct child *k, const struct runtime_step *s, struct err *e)
{
	int r = 0;
	if (k->start_sock >= 0)
		prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0); /* the creator may go now */
	if ((r = wire_send(k->sock, WIRE_READY, NULL)) < 0)
		return err_sysno(e, r, "report to the runtime");
	if (k->start_sock < 0)
		return wire_expect(k->sock, WIRE_START, e);
	close(k->sock);
	k->sock = -1;
	return wait_for_starter(k, e);
}

/* Only what was asked for is left open, whatever forgot its O_CLOEXEC. */
static void close_rest(const struct child *k)
{
	/* what the caller wants kept came through an exec and has no such mark; our own descriptors
	 * have it, whatever numbers they got (a directory of the host among them is a way out) */
	proc_cloexec_fds(3 + k->preserve_fds, ~0U);
}

static int tie_to_creator(const struct child *k, struct err *e)
{
	/* asked for again, where it is wanted: a change of ids has cleared it */
	prctl(PR_SET_PDEATHSIG, k->die_with_creator ? SIGKILL : 0, 0, 0, 0);
	struct pollfd creator = {k->sock, 0, 0};
	if (k->die_with_creator && poll(&creator, 1, 0) > 0)
		return err_set(e, ERR_STATE, "the process that created the container has ended");
	return 0;
}

int child_do_exec(struct child *k, const struct runtime_step *s, struct err *e)
{
	const struct runtime_process *p = s->item;
	close_rest(k);
	int r = tie_to_creator(k, e);
	if (r < 0)
		return r;
	child_final_exec(k, (char *const *)(void *)p->args.v, strv_items(&k->env));
}
