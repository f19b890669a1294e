/* The container of a RUN: its runtime config and the files that are bound into it. */
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "base/userns.h"
#include "build/below.h"
#include "build/run_priv.h"
#include "network/names.h"
#include "oci/convert.h"
#include "runtime/seccomp.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* The same on every machine: it may end up in what a step writes. */
#define HOST_NAME "kist-build"

int build_run_hosts(struct build_running *x, const char *ip, struct err *e)
{
	struct network_hosts h = {
		.ip = ip, .hostname = ip ? HOST_NAME : NULL, .extra = x->runner->o->add_hosts};
	struct buf b cleanup_buf = BUF_INIT;
	int r = network_hosts_format(&h, &b, e);
	if (r < 0)
		return r;
	/* in place: the file may be bound already */
	cleanup_fd int fd = openat(x->run, "hosts", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0)
		return err_sys(e, "create 'hosts'");
	r = io_write_all(fd, b.data, b.len);
	return r < 0 ? err_sysno(e, r, "write 'hosts'") : 0;
}

static int put(
	int dirfd, const char *name, const char *text, size_t len, mode_t mode, struct err *e)
{
	cleanup_fd int fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_sys(e, "create '%s'", name);
	int r = io_write_all(fd, text, len);
	if (r < 0)
		return err_sysno(e, r, "write '%s'", name);
	return fchmod(fd, mode) < 0 ? err_sys(e, "chmod '%s'", name) : 0;
}

static int make_runner_dir(struct build_runner *r, struct err *e)
{
	char unique[9];
	random_hex(unique, 4);
	r->dir = mem_printf("%s/build/%d-%s", store_run_path(r->o->store), (int)getpid(), unique);
	int k = file_mkdirs(AT_FDCWD, r->dir, 0700, e);
	if (k < 0)
		return k;
	r->dirfd = file_open_dir(AT_FDCWD, r->dir, e);
	if (r->dirfd < 0)
		return r->dirfd;
	if (mkdirat(r->dirfd, "root", 0700) < 0)
		return err_sys(e, "make '%s/root'", r->dir);
	return put(r->dirfd, "hostname", HOST_NAME "\n", strlen(HOST_NAME) + 1, 0644, e);
}

static int make_resolv(struct build_runner *r, bool host, struct err *e)
{
	const char *text;
	if (r->resolv[host])
		return 0;
	int k = build_nets_resolv(&r->nets, host, &text, e);
	if (k >= 0)
		k = put(r->dirfd, host ? "resolv.conf-1" : "resolv.conf-0", text, strlen(text),
			0644, e);
	r->resolv[host] = k >= 0;
	return k;
}

int build_run_files(struct build_running *x, struct err *e)
{
	struct build_runner *runner = x->runner;
	const struct build_run *run = &x->step->run;
	int r = runner->dirfd < 0 ? make_runner_dir(runner, e) : 0;
	if (r >= 0)
		r = make_resolv(runner, run->network == BUILD_NETWORK_HOST, e);
	if (r < 0)
		return r;
	cleanup_free char *name = mem_printf("%u", runner->count++);
	x->run_path = mem_printf("%s/%s", runner->dir, name);
	if (mkdirat(runner->dirfd, name, 0700) < 0)
		return err_sys(e, "make '%s'", x->run_path);
	x->run = openat(runner->dirfd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->run < 0)
		return err_sys(e, "open '%s'", x->run_path);
	r = build_run_hosts(x, x->net ? x->net->ip : NULL, e);
	if (r >= 0 && run->script)
		r = put(x->run, "script", run->script, run->script_len, 0755, e);
	return r;
}

void build_run_sweep(const char *run_path, bool (*is_alive)(const char *name, void *arg))
{
	cleanup_free char *path = mem_printf("%s/build", run_path);
	DIR *d cleanup_dir = opendir(path);
	if (!d)
		return;
	for (struct dirent *x; (x = readdir(d));)
		if (x->d_name[0] != '.' && !is_alive(x->d_name, NULL))
			file_remove_tree(dirfd(d), x->d_name, NULL);
}

void build_run_remove(struct build_runner *r)
{
	defs_close_cleanup(&r->dirfd);
	if (r->dir)
		file_remove_tree(AT_FDCWD, r->dir, NULL);
	free(r->dir);
}

static int seccomp(struct build_runner *r, uint64_t caps, struct err *e)
{
	if (r->seccomp.len)
		return 0;
	struct runtime_seccomp_host host;
	runtime_seccomp_host_get(&host);
	return runtime_seccomp_default(caps, &host, &r->seccomp, e);
}

static void set_environment(const struct build_step *step, struct strv *env)
{
	strv_add_all(env, &step->proxies);
	strv_add_all(env, &step->args);
}

int build_run_config(struct build_running *x, const struct run_terminal *terminal, struct buf *out,
	struct err *e)
{
	const struct build_step *step = x->step;
	struct build_runner *runner = x->runner;
	struct strv env cleanup_strv = STRV_INIT;
	struct strv none cleanup_strv = STRV_INIT;
	set_environment(step, &env);
	const char *dir = runner->dir;
	bool host = step->run.network == BUILD_NETWORK_HOST;
	cleanup_free char *script = mem_printf("%s/script", x->run_path);
	cleanup_free char *hosts = mem_printf("%s/hosts", x->run_path);
	cleanup_free char *resolv = mem_printf("%s/resolv.conf-%d", dir, host);
	cleanup_free char *hostname = mem_printf("%s/hostname", dir);
	cleanup_free char *root = mem_printf("%s/root", dir);
	cleanup_free char *netns = NULL;
	struct oci_convert_mount mount = {
		.type = "bind", .source = script, .destination = step->run.argv.v[0]};
	struct oci_convert_options o = {
		.command = terminal ? terminal->argv : &step->run.argv,
		.has_entrypoint = true,
		.entrypoint = &none,
		.env = &env,
		.user = &x->user,
		.hostname = HOST_NAME,
		.host_caps = runner->host_caps,
		.root_path = root,
		.resolv_conf = resolv,
		.hosts_file = hosts,
		.hostname_file = hostname,
		.network = host ? OCI_NETWORK_HOST : OCI_NETWORK_NEW,
		.userns = userns_inside(),
		.last_gid = userns_inside() ? userns_last_id(false) : 0,
	};
	if (terminal) {
		o.tty = true;
		o.rows = terminal->rows;
		o.columns = terminal->columns;
	}
	if (step->run.script) {
		o.mounts = &mount;
		o.nmounts = 1;
	}
	if (x->net) {
		netns = mem_printf("/proc/%d/fd/%d", (int)getpid(), x->net->fd);
		o.network = OCI_NETWORK_PATH;
		o.network_path = netns;
	}
	int r = seccomp(runner, oci_convert_caps(&o), e);
	if (r < 0)
		return r;
	o.seccomp = buf_str(&runner->seccomp);
	o.seccomp_len = runner->seccomp.len;
	return oci_convert_runtime(&step->config, &o, out, e);
}
