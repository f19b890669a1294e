/* The life of a RUN: directories, container, output, end. */
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/userns.h"
#include "build/below.h"
#include "build/run_priv.h"
#include "layer/upper.h"
#include "layer/writer.h"
#include "network/bridge.h"
#include "network/dns.h"
#include "oci/caps.h"
#include "runtime/cgroup.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "snapshot/mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#define CGROUP_PARENT "/kist/build"

/* Capabilities that this process can hand on: a host may lack some. */
static uint64_t bounding_set(void)
{
	uint64_t caps = 0;
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1)
			caps |= 1ULL << i;
	return caps;
}

/* A group is called as the step's directory in tmp/: "PID-..." */
static bool creator_alive(const char *name, void *arg)
{
	char pid[16] = "";
	uint64_t n;
	size_t len = strcspn(name, "-");
	if (len < sizeof(pid))
		memcpy(pid, name, len);
	return str_parse_u64(pid, 10, &n) < 0 || kill((pid_t)n, 0) == 0 || errno != ESRCH;
}

struct build_runner *build_runner_new(const struct build_runner_options *o)
{
	struct build_runner *r = mem_alloc(sizeof(*r));
	r->o = o;
	r->host_caps = bounding_set();
	r->seccomp_cache = mem_printf("%s/seccomp", store_run_path(o->store));
	build_nets_init(&r->nets, store_run_path(o->store));
	r->dirfd = -1;
	/* of builds that were killed */
	runtime_cgroup_sweep(CGROUP_PARENT, creator_alive, NULL);
	build_run_sweep(store_run_path(o->store), creator_alive);
	return r;
}

void build_runner_free(struct build_runner *r)
{
	if (!r)
		return;
	build_nets_release(&r->nets);
	build_run_remove(r);
	buf_release(&r->seccomp);
	free(r->seccomp_cache);
	free(r);
}

size_t build_runner_polls(struct build_runner *r, struct pollfd *p, size_t max)
{
	size_t n = 0;
	for (struct build_net *x = r->nets.first; x && n < max; x = x->next)
		if (x->dns)
			p[n++] = (struct pollfd){network_dns_fd(x->dns), POLLIN, 0};
	return n;
}

void build_runner_turn(struct build_runner *r)
{
	for (struct build_net *x = r->nets.first; x; x = x->next)
		if (x->dns)
			network_dns_step(x->dns);
}

/* ---- before the start ---- */

static int make_directories(struct build_running *x, const struct strv *diffids, struct err *e)
{
	struct store *s = x->runner->o->store;
	x->tmp = store_tmp_dir(s, x->tmp_name, e);
	if (x->tmp < 0)
		return x->tmp;
	x->tmp_path = mem_printf("%s/tmp/%s", store_path(s), x->tmp_name);
	if (mkdirat(x->tmp, "upper", 0755) < 0 || mkdirat(x->tmp, "work", 0700) < 0)
		return err_sys(e, "make the directories of a step");
	x->upper = openat(x->tmp, "upper", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (x->upper < 0)
		return err_sys(e, "open the directory of a step");
	/* the root of the image as a container sees it is this directory */
	if (fchmod(x->upper, x->image->root_mode) < 0 ||
		fchown(x->upper, x->image->root_uid, x->image->root_gid) < 0)
		return err_sys(e, "prepare the directory of a step");
	int r = snapshot_prepare(
		s, (const char *const *)strv_items(diffids), diffids->n, &x->spec, e);
	if (r >= 0)
		r = snapshot_mounts_add(x->runner->o->mounts, &x->spec, e);
	if (r < 0)
		return r;
	x->spec.upper = mem_printf("%s/upper", x->tmp_path);
	x->spec.work = mem_printf("%s/work", x->tmp_path);
	x->spec.is_volatile = true;
	return 0;
}

static int open_log(struct build_running *x, const char *label, struct err *e)
{
	const char *dir = x->runner->o->log_dir;
	int r = file_mkdirs(AT_FDCWD, dir, 0700, e);
	if (r < 0)
		return r;
	x->log_path = mem_printf("%s/%s.log", dir, label);
	for (char *p = x->log_path + strlen(dir) + 1; *p; p++)
		if (*p == '/')
			*p = '_';
	x->log = open(x->log_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	return x->log < 0 ? err_sys(e, "create '%s'", x->log_path) : 0;
}

static int mount_root(void *ctx, const char *target, struct err *e)
{
	return snapshot_mount(ctx, target, e);
}

static int set_up_network(void *ctx, pid_t pid, int netns_fd, struct err *e)
{
	struct build_running *x = ctx;
	if (x->step->run.network !=
		BUILD_NETWORK_DEFAULT) /* without root the runtime has done it */
		return userns_owns_network() ? network_loopback_up(netns_fd, e) : 0;
	int r = build_nets_attach(&x->runner->nets, netns_fd, &x->net, e);
	if (r < 0) {
		err_hint(e, "`--network host` or `--network none` need no %s",
			userns_owns_network() ? "bridge" : "helper");
		return err_wrap(e, r, "connect the step to the network");
	}
	return build_run_hosts(x, x->net->ip, e);
}

static int start(struct build_running *x, const struct run_terminal *terminal, const char *state,
	struct runtime_container **ret, struct err *e)
{
	struct buf json cleanup_buf = BUF_INIT;
	int r = build_run_config(x, terminal, &json, e);
	if (r < 0)
		return r;
	struct runtime_config *c cleanup_runtime_config = NULL;
	r = runtime_config_parse(buf_str(&json), json.len, &c, e);
	if (r < 0)
		return r;
	cleanup_fd int in = open("/dev/null", O_RDONLY | O_CLOEXEC), out = -1;
	cleanup_free char *state_dir = mem_printf("%s/%s", x->run_path, state);
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	o.id = x->tmp_name;
	o.bundle = x->run_path;
	o.state_dir = state_dir;
	o.flags = RUNTIME_LEAN_CGROUP | RUNTIME_DIE_WITH_CREATOR | RUNTIME_LOWER_LIMITS;
	if (userns_inside()) /* a step has no limits, and what it leaves dies with its process 1 */
		o.flags |= RUNTIME_NO_CGROUP;
	o.cgroup_parent = CGROUP_PARENT;
	o.mount_root = mount_root;
	o.mount_root_ctx = &x->spec;
	if (!x->net && x->step->run.network != BUILD_NETWORK_HOST) {
		o.setup_network = set_up_network;
		o.setup_network_ctx = x;
	}
	o.seccomp_cache_dir = x->runner->seccomp_cache;
	if (!terminal) {
		int p[2];
		if (pipe2(p, O_CLOEXEC) < 0)
			return err_sys(e, "pipe");
		x->output = p[0];
		out = p[1];
		io_set_nonblock(x->output, true);
		o.stdio[0] = in;
		o.stdio[1] = o.stdio[2] = out;
	}
	return runtime_run(c, &o, ret, e);
}

int build_run_start(struct build_runner *r, const struct build_step *step,
	const struct strv *diffids, const struct build_below *below, const char *label,
	struct build_running **ret, struct err *e)
{
	struct build_running *x cleanup_build_running = mem_alloc(sizeof(*x));
	x->runner = r;
	x->step = step;
	x->image = below;
	x->tmp = x->run = x->upper = x->output = x->log = -1;
	int k = build_below_user(below, step->config.user, &x->user, e);
	if (k >= 0)
		k = userns_check_user(x->user.uid, x->user.gid, e);
	if (k >= 0)
		k = make_directories(x, diffids, e);
	if (k >= 0)
		k = open_log(x, label, e);
	if (k >= 0 && step->run.network == BUILD_NETWORK_DEFAULT)
		x->net = build_nets_take(&r->nets);
	if (k >= 0)
		k = build_run_files(x, e);
	if (k >= 0)
		k = start(x, NULL, "state", &x->container, e);
	if (k < 0)
		return k;
	*ret = STEAL(x);
	return 0;
}

/* ---- while it runs, and afterwards ---- */

int build_running_pidfd(const struct build_running *x)
{
	return runtime_container_pidfd(x->container);
}

int build_running_output(const struct build_running *x)
{
	return x->output;
}

const char *build_running_log(const struct build_running *x)
{
	return x->log_path;
}

int build_running_upper(const struct build_running *x)
{
	return x->upper;
}

ssize_t build_running_read(struct build_running *x, void *out, size_t size)
{
	if (x->output < 0)
		return 0;
	ssize_t n = read(x->output, out, size);
	if (n > 0) {
		/* a full disk must not stop the step: what people see is complete all the same */
		(void)!io_write_all(x->log, out, (size_t)n);
		return n;
	}
	if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
		close(x->output);
		x->output = -1;
	}
	return 0;
}

static void drop_container(struct build_running *x)
{
	if (!x->container)
		return;
	runtime_container_free(x->container);
	x->container = NULL;
	cleanup_free char *state = mem_printf("%s/state", x->run_path);
	(void)!runtime_delete(state, true, NULL);
	if (x->net)
		x->net->busy = false;
	x->net = NULL;
}

int build_running_wait(struct build_running *x, struct err *e)
{
	int status = runtime_wait(x->container, e);
	drop_container(x);
	build_below_clean(x->image, x->upper);
	return status;
}

void build_running_free(struct build_running *x)
{
	if (!x)
		return;
	if (x->container) {
		kill(runtime_container_pid(x->container), SIGKILL);
		(void)!runtime_wait(x->container, NULL);
	}
	drop_container(x);
	if (x->net)
		x->net->busy = false;
	defs_close_cleanup(&x->output);
	defs_close_cleanup(&x->log);
	defs_close_cleanup(&x->upper);
	defs_close_cleanup(&x->run);
	if (x->run_path)
		file_remove_tree(AT_FDCWD, x->run_path, NULL);
	if (x->tmp >= 0)
		store_tmp_remove(x->runner->o->store, x->tmp_name, x->tmp, NULL);
	snapshot_spec_release(&x->spec);
	oci_user_release(&x->user);
	free(x->tmp_path);
	free(x->run_path);
	free(x->log_path);
	free(x);
}

int build_running_layer(void *arg, struct layer_writer *w, struct err *e)
{
	struct build_running *x = arg;
	struct stat st;
	if (fstat(x->upper, &st) < 0)
		return err_sys(e, "stat the changes of a step");
	/* the root directory is in the layer only when the step changed more than its times */
	bool same = (st.st_mode & 07777) == x->image->root_mode &&
		    st.st_uid == x->image->root_uid && st.st_gid == x->image->root_gid;
	struct layer_upper_options o = {.skip_root = same};
	int64_t n = layer_upper_write(x->upper, w, &o, e);
	return n < 0 ? (int)n : n > 0;
}

/* ---- a person in it ---- */

const char *build_running_shell(const struct build_running *x)
{
	const struct oci_container_config *c = &x->step->config;
	return c->has_shell && c->shell.n ? c->shell.v[0] : "/bin/sh";
}

int build_running_enter(struct build_running *x, const struct strv *argv, uint16_t rows,
	uint16_t columns, struct runtime_container **ret, struct err *e)
{
	cleanup_free char *work = mem_printf("%s/work", x->tmp_path);
	int r = snapshot_volatile_done(work, e);
	if (r < 0)
		return r;
	if (x->step->run.network == BUILD_NETWORK_DEFAULT)
		x->net = build_nets_take(&x->runner->nets);
	struct run_terminal t = {argv, rows, columns};
	return start(x, &t, "shell", ret, e);
}
