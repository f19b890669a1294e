/* create, run, start: from a bundle to a process. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/systemd.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct create_options {
	const char *bundle, *config, *pid_file, *console, *pidfd;
	unsigned preserve_fds;
	bool no_pivot, no_keyring, detach, keep, no_subreaper;
};

#define CREATE_OPTIONS                                                                          \
	OPT_TEXT(create_options, bundle, "bundle", 'b', "DIR", "directory of config.json (.)"), \
		OPT_TEXT(create_options, config, "config", 'f', "FILE", "another config file"), \
		OPT_TEXT(create_options, console, "console-socket", 0, "SOCKET",                \
			"socket to which the terminal is sent"),                                \
		OPT_TEXT(create_options, pid_file, "pid-file", 0, "FILE",                       \
			"file for the process's number"),                                       \
		OPT_TEXT(create_options, pidfd, "pidfd-socket", 0, "SOCKET",                    \
			"socket to which a descriptor of the process is sent"),                 \
		OPT_FLAG(create_options, no_pivot, "no-pivot", 0,                               \
			"move the root mount instead of pivot_root, for a root in a ramfs"),    \
		OPT_FLAG(create_options, no_keyring, "no-new-keyring", 0,                       \
			"keep the caller's session keyring"),                                   \
		OPT_FLAG(create_options, no_subreaper, "no-subreaper", 0,                       \
			"do not adopt the container's orphans"),                                \
		OPT_NUMBER(create_options, preserve_fds, "preserve-fds", 0, "N",                \
			"descriptors from 3 on that the container gets")

int read_config(const char *path, struct runtime_config **ret, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_RUNTIME_CONFIG);
	buf_reserve(&b, 16384);
	int r = file_read(AT_FDCWD, path, &b, e);
	if (r < 0)
		return r;
	r = runtime_config_parse(buf_str(&b), b.len, ret, e);
	return r < 0 ? err_wrap(e, r, "config '%s'", path) : 0;
}

int connect_socket(const char *what, const char *path, int *ret, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	*ret = -1;
	if (!path)
		return 0;
	if (strlen(path) >= sizeof(a.sun_path))
		return err_sysno(e, ENAMETOOLONG, "%s socket '%s'", what, path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "%s socket '%s'", what, path);
	*ret = STEAL_FD(fd);
	return 0;
}

int send_pidfd(int sock, const char *name, const struct runtime_container *k, struct err *e)
{
	const int fd = runtime_container_pidfd(k);
	int r = sock < 0 ? 0 : io_send_fds(sock, name, strlen(name), &fd, 1);
	return r < 0 ? err_sysno(e, r, "send to the pidfd socket") : 0;
}

/* The manager of this user, where a session says where its sockets are; NULL: the usual one */
static char *user_systemd(void)
{
	const char *run = getenv("XDG_RUNTIME_DIR");
	if (!global.systemd_cgroup || !systemd_is_user() || str_empty(run))
		return NULL;
	cleanup_free char *own = mem_printf("%s/systemd/private", run);
	return file_exists(AT_FDCWD, own) ? STEAL(own) : mem_printf("%s/bus", run);
}

static int make(const struct create_options *co, const char *id, bool later,
	struct runtime_container **ret, struct err *e)
{
	char bundle[PATH_MAX];
	cleanup_free char *dir = NULL, *cache = cache_path(), *path = NULL;
	int r = state_path(id, &dir, e);
	if (r < 0)
		return r;
	if (!realpath(co->bundle ? co->bundle : ".", bundle))
		return err_sys(e, "bundle '%s'", co->bundle ? co->bundle : ".");
	path = co->config ? mem_strdup(co->config) : mem_printf("%s/config.json", bundle);
	struct runtime_config *c cleanup_runtime_config = NULL;
	if ((r = read_config(path, &c, e)) < 0)
		return r;
	cleanup_fd int console = -1, pidfd = -1;
	if ((r = connect_socket("console", co->console, &console, e)) < 0 ||
		(r = connect_socket("pidfd", co->pidfd, &pidfd, e)) < 0)
		return r;
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	o.id = id;
	o.bundle = bundle;
	o.state_dir = dir;
	o.flags = (later ? RUNTIME_START_LATER : 0) | (co->no_pivot ? RUNTIME_NO_PIVOT : 0) |
		  (co->no_keyring ? RUNTIME_NO_KEYRING : 0) |
		  (global.no_cgroup               ? RUNTIME_NO_CGROUP
			  : global.systemd_cgroup ? RUNTIME_SYSTEMD_CGROUP
						  : 0);
	cleanup_free char *manager = user_systemd();
	o.systemd_socket = manager;
	o.console_socket = console;
	o.preserve_fds = co->preserve_fds;
	o.seccomp_cache_dir = cache;
	o.pid_file = co->pid_file;
	o.before_start = co->detach ? NULL : attend_signals;
	r = later ? runtime_create(c, &o, ret, e) : runtime_run(c, &o, ret, e);
	return r < 0 ? r : send_pidfd(pidfd, "standard", *ret, e);
}

static int create(const struct call *c, struct err *e)
{
	struct runtime_container *k cleanup_runtime_container = NULL;
	return make(c->options, c->operands[0], true, &k, e);
}

static const struct option_spec create_options[] = {CREATE_OPTIONS, {NULL}};

const struct command cmd_create = {
	.name = "create",
	.operands = "ID",
	.text = "make a container that waits for its start",
	.options = create_options,
	.size = sizeof(struct create_options),
	.min = 1,
	.max = 1,
	.run = create,
};

static int start(const struct call *c, struct err *e)
{
	cleanup_free char *dir = NULL;
	int r = state_path(c->operands[0], &dir, e);
	return r < 0 ? r : runtime_start_saved(dir, e);
}

const struct command cmd_start = {
	.name = "start",
	.operands = "ID",
	.text = "start a container that was created",
	.min = 1,
	.max = 1,
	.run = start,
};

static int run(const struct call *c, struct err *e)
{
	const struct create_options *o = c->options;
	cleanup_free char *dir = NULL;
	struct runtime_container *k cleanup_runtime_container = NULL;
	int r = state_path(c->operands[0], &dir, e);
	/* orphans of a container that shares our pid namespace come to us, not to the host's init */
	if (r == 0 && !o->detach && !o->no_subreaper)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	if (r < 0 || (r = make(o, c->operands[0], false, &k, e)) < 0 || o->detach)
		return r;
	int status = attend(k, e);
	if (!o->keep && (r = runtime_delete(dir, true, e)) < 0)
		return r;
	return status;
}

static const struct option_spec run_options[] = {
	CREATE_OPTIONS,
	OPT_FLAG(create_options, detach, "detach", 'd', "do not wait for its end"),
	OPT_FLAG(create_options, keep, "keep", 0, "do not delete it after its end"),
	{NULL},
};

const struct command cmd_run = {
	.name = "run",
	.operands = "ID",
	.text = "create and start, then wait for the end",
	.options = run_options,
	.size = sizeof(struct create_options),
	.min = 1,
	.max = 1,
	.run = run,
};
