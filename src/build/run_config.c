/* The container of a RUN: its runtime config and the files that are bound into it. */
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "build/below.h"
#include "build/run_priv.h"
#include "network/names.h"
#include "oci/convert.h"
#include "runtime/seccomp.h"

#include <fcntl.h>
#include <stdio.h>
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
	cleanup_fd int fd = openat(x->tmp, "hosts", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
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

int build_run_files(struct build_running *x, struct err *e)
{
	const struct build_run *run = &x->step->run;
	const char *resolv;
	int r = build_nets_resolv(&x->runner->nets, run->network == BUILD_NETWORK_HOST, &resolv, e);
	if (r >= 0)
		r = build_run_hosts(x, x->net ? x->net->ip : NULL, e);
	if (r >= 0)
		r = put(x->tmp, "resolv.conf", resolv, strlen(resolv), 0644, e);
	if (r >= 0)
		r = put(x->tmp, "hostname", HOST_NAME "\n", strlen(HOST_NAME) + 1, 0644, e);
	if (r >= 0 && run->script)
		r = put(x->tmp, "script", run->script, run->script_len, 0755, e);
	return r;
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
	cleanup_free char *script = mem_printf("%s/script", x->tmp_path);
	cleanup_free char *resolv = mem_printf("%s/resolv.conf", x->tmp_path);
	cleanup_free char *hosts = mem_printf("%s/hosts", x->tmp_path);
	cleanup_free char *hostname = mem_printf("%s/hostname", x->tmp_path);
	cleanup_free char *root = mem_printf("%s/root", x->tmp_path);
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
		.network = step->run.network == BUILD_NETWORK_HOST ? OCI_NETWORK_HOST
								   : OCI_NETWORK_NEW,
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
