/* create, run, start: from a bundle to a process. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"
#include "runtime/config.h"
#include "runtime/container.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct create_options {
	const char *bundle, *config, *pid_file, *console;
	unsigned preserve_fds;
	bool no_pivot, no_keyring, detach, keep;
};

static int read_options(int argc, char **argv, struct create_options *o, struct err *e)
{
	enum { PID_FILE = 256, CONSOLE, NO_PIVOT, NO_KEYRING, PRESERVE, KEEP, NO_SUBREAPER };
	static const struct option table[] = {
		{"bundle", required_argument, NULL, 'b'},
		{"config", required_argument, NULL, 'f'},
		{"pid-file", required_argument, NULL, PID_FILE},
		{"console-socket", required_argument, NULL, CONSOLE},
		{"no-pivot", no_argument, NULL, NO_PIVOT},
		{"no-new-keyring", no_argument, NULL, NO_KEYRING},
		{"preserve-fds", required_argument, NULL, PRESERVE},
		{"keep", no_argument, NULL, KEEP},
		{"no-subreaper", no_argument, NULL, NO_SUBREAPER},
		{"detach", no_argument, NULL, 'd'},
		{NULL},
	};
	int c;
	while ((c = next_option(argc, argv, "b:f:d", table, e)) > 0) {
		uint64_t n;
		if (c == 'b')
			o->bundle = optarg;
		else if (c == 'f')
			o->config = optarg;
		else if (c == PID_FILE)
			o->pid_file = optarg;
		else if (c == CONSOLE)
			o->console = optarg;
		else if (c == NO_PIVOT)
			o->no_pivot = true;
		else if (c == NO_KEYRING)
			o->no_keyring = true;
		else if (c == KEEP)
			o->keep = true;
		else if (c == 'd')
			o->detach = true;
		else if (c == PRESERVE && (str_parse_u64(optarg, 10, &n) < 0 || n > 1024))
			return err_set(e, ERR_USAGE, "--preserve-fds '%s' is no number", optarg);
		else if (c == PRESERVE)
			o->preserve_fds = (unsigned)n;
	}
	return c;
}

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

int connect_console(const char *path, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	if (strlen(path) >= sizeof(a.sun_path))
		return err_sysno(e, ENAMETOOLONG, "console socket '%s'", path);
	memcpy(a.sun_path, path, strlen(path) + 1);
	cleanup_fd int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&a, sizeof(a)) < 0)
		return err_sys(e, "console socket '%s'", path);
	return STEAL_FD(fd);
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
	cleanup_fd int console = co->console ? connect_console(co->console, e) : -1;
	if (co->console && console < 0)
		return console;
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	o.id = id;
	o.bundle = bundle;
	o.state_dir = dir;
	o.flags = (later ? RUNTIME_START_LATER : 0) | (co->no_pivot ? RUNTIME_NO_PIVOT : 0) |
		  (co->no_keyring ? RUNTIME_NO_KEYRING : 0);
	o.console_socket = console;
	o.preserve_fds = co->preserve_fds;
	o.seccomp_cache_dir = cache;
	o.pid_file = co->pid_file;
	return later ? runtime_create(c, &o, ret, e) : runtime_run(c, &o, ret, e);
}

int cmd_create(int argc, char **argv, struct err *e)
{
	struct create_options o = {NULL};
	const char *id;
	int r = read_options(argc, argv, &o, e);
	if (r < 0 || (r = take_id(argc, argv, &id, e)) < 0)
		return r;
	struct runtime_container *k cleanup_runtime_container = NULL;
	return make(&o, id, true, &k, e);
}

int cmd_start(int argc, char **argv, struct err *e)
{
	const char *id;
	cleanup_free char *dir = NULL;
	int r = take_id(argc, argv, &id, e);
	if (r < 0 || (r = state_path(id, &dir, e)) < 0)
		return r;
	return runtime_start_saved(dir, e);
}

int cmd_run(int argc, char **argv, struct err *e)
{
	struct create_options o = {NULL};
	const char *id;
	cleanup_free char *dir = NULL;
	int r = read_options(argc, argv, &o, e);
	if (r < 0 || (r = take_id(argc, argv, &id, e)) < 0 || (r = state_path(id, &dir, e)) < 0)
		return r;
	struct runtime_container *k cleanup_runtime_container = NULL;
	if ((r = make(&o, id, false, &k, e)) < 0 || o.detach)
		return r;
	int status = attend(k, e);
	if (!o.keep && (r = runtime_delete(dir, true, e)) < 0)
		return r;
	return status;
}
