/* Creating and starting a container, in the process that will be its monitor; see launch_priv.h. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/root.h"
#include "base/str.h"
#include "network/dns.h"
#include "network/usermode.h"
#include "engine/attach.h"
#include "engine/launch_priv.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/rootless.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Kernels before 6.15 need a place to mount an overlay: one in a namespace that is gone again when
 * the mount has been taken out of it. */
static int mount_elsewhere(struct engine_launch *l, struct err *e)
{
	cleanup_fd int ours = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC);
	if (ours < 0 || unshare(CLONE_NEWNS) < 0)
		return err_sys(e, "make a mount namespace");
	int r = 0, fd = -1;
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		r = err_sys(e, "make mounts private");
	if (r >= 0)
		r = snapshot_mount(&l->spec, l->rootfs, e);
	if (r >= 0) {
		fd = open_tree(AT_FDCWD, l->rootfs, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (fd < 0)
			r = err_sys(e, "take the root file system");
	}
	if (setns(ours, CLONE_NEWNS) < 0 && r >= 0)
		r = err_sys(e, "go back to the host's mount namespace");
	if (r < 0 && fd >= 0)
		close(fd);
	return r < 0 ? r : fd;
}

static int open_root(struct engine_launch *l, struct err *e)
{
	struct err local = ERR_INIT;
	if (l->spec.is_volatile)
		snapshot_volatile_done(l->spec.work, NULL);
	l->root = snapshot_mount_fd(&l->spec, &local);
	if (l->root == -ERR_UNSUPPORTED)
		l->root = mount_elsewhere(l, e);
	else if (l->root < 0 && e && !e->code)
		*e = local;
	return l->root < 0 ? l->root : 0;
}

/* As docker: a working directory that is not there is made. */
static int make_cwd(struct engine_launch *l, struct err *e)
{
	const char *cwd = l->c->config.config.working_dir;
	if (str_empty(cwd) || str_eq(cwd, "/"))
		return 0;
	cleanup_fd int there = root_open_path(l->root, cwd, false, NULL);
	if (there >= 0)
		return 0;
	cleanup_fd int made = root_mkdirs(l->root, cwd, 0755, e);
	return made < 0 ? err_wrap(e, made, "make the working directory '%s'", cwd) : 0;
}

static int attach_root(void *ctx, const char *target, struct err *e)
{
	struct engine_launch *l = ctx;
	if (move_mount(l->root, "", AT_FDCWD, target, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "mount the root file system at '%s'", target);
	if (move_mount(l->etc, "", AT_FDCWD, l->etc_dir, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "mount the files for /etc at '%s'", l->etc_dir);
	return 0;
}

static int setup_network(void *ctx, pid_t pid, int netns_fd, struct err *e)
{
	struct engine_launch *l = ctx;
	if (!launch_is_connected(l)) /* the runtime has brought lo up, and there we could not go */
		return l->userns ? 0 : network_loopback_up(netns_fd, e);
	const struct engine_config *c = &l->c->config;
	struct network_options o = {.state_dir = l->network_dir,
		.container_id = l->c->row.id,
		.netns_fd = netns_fd,
		.name = l->c->row.name,
		.hostname = c->hostname,
		.aliases = &c->network_aliases,
		.ports = l->ports.v,
		.nports = l->ports.n,
		.ip = c->ip,
		.mac = c->mac_address};
	struct network_usermode u = {.dir = l->usermode_dir,
		.netns_fd = netns_fd,
		.ports = l->ports.v,
		.nports = l->ports.n,
		.helper = launch_network_is(l, "slirp4netns") ? NETWORK_HELPER_SLIRP
							      : NETWORK_HELPER_NONE};
	int r = launch_network_is(l, "bridge") ? network_attach(&o, &l->net, e)
					       : network_usermode_attach(&u, &l->net, e);
	if (r < 0)
		return r;
	l->has_net = true;
	if (l->net.warning[0])
		log_warn("%s", l->net.warning);
	if (launch_has_resolver(l)) {
		r = network_dns_listen(netns_fd, l->dns, e);
		if (r < 0)
			return r;
	}
	return launch_files_hosts(l, e);
}

static int make_pipe(int *ours, int *theirs, bool we_write, struct err *e)
{
	int p[2];
	if (pipe2(p, O_CLOEXEC) < 0)
		return err_sys(e, "make a pipe");
	*ours = p[we_write];
	*theirs = p[!we_write];
	return 0;
}

static int make_stdio(struct engine_launch *l, struct engine_monitor *m, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	if (c->tty)
		return 0;
	int r = make_pipe(&m->out, &l->stdio[1], false, e);
	if (r >= 0)
		r = make_pipe(&m->err, &l->stdio[2], false, e);
	if (r >= 0 && c->open_stdin)
		return make_pipe(&m->in, &l->stdio[0], true, e);
	if (r >= 0) {
		l->stdio[0] = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (l->stdio[0] < 0)
			return err_sys(e, "open /dev/null");
	}
	return r;
}

/* Where later clients connect. The path may be longer than a socket's may be: by descriptor. */
int launch_listen(struct engine_launch *l, struct engine_monitor *m, struct err *e)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	cleanup_fd int dir = file_open_dir(AT_FDCWD, l->run, e);
	if (dir < 0)
		return dir;
	cleanup_fd int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	snprintf(a.sun_path, sizeof(a.sun_path), "/proc/self/fd/%d/attach", dir);
	unlinkat(dir, "attach", 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) < 0 || listen(fd, 8) < 0)
		return err_sys(e, "make the socket '%s/attach'", l->run);
	m->listen = STEAL_FD(fd);
	return 0;
}

static int create(struct engine_launch *l, struct runtime_container **ret, struct err *e)
{
	struct buf json cleanup_buf = BUF_INIT;
	struct runtime_config *config cleanup_runtime_config = NULL;
	int r = launch_config(l, &json, e);
	if (r >= 0)
		r = runtime_config_parse(buf_str(&json), json.len, &config, e);
	if (r < 0)
		return r;
	cleanup_free char *cache = mem_printf("%s/cache/seccomp", store_path(l->g->store));
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	o.id = l->c->row.id;
	o.bundle = store_run_path(l->g->store);
	o.state_dir = l->run;
	o.flags = RUNTIME_LOWER_LIMITS;
	memcpy(o.stdio, l->stdio, sizeof(o.stdio));
	o.mount_root = attach_root;
	o.mount_root_ctx = l;
	if (!l->netns_path && !launch_network_is(l, "host")) {
		o.setup_network = setup_network;
		o.setup_network_ctx = l;
	}
	o.seccomp_cache_dir = cache;
	if (!l->cgroup_parent)
		o.flags |= RUNTIME_NO_CGROUP;
	return runtime_create(config, &o, ret, e);
}

static void note_ports(const struct network_ports *p, char out[ENGINE_STATE_PORTS])
{
	size_t len = 0;
	for (size_t i = 0; i < p->n; i++) {
		char text[NETWORK_PORT_TEXT];
		network_port_format(&p->v[i], text);
		size_t need = strlen(text) + (len ? 2 : 0);
		if (len + need >= ENGINE_STATE_PORTS)
			return;
		len += (size_t)snprintf(
			out + len, ENGINE_STATE_PORTS - len, "%s%s", len ? ", " : "", text);
	}
}

static void fill_state(struct engine_launch *l, struct engine_state *s, pid_t pid)
{
	unsigned restarts = s->restarts, backoff = s->backoff_ms;
	*s = (struct engine_state){.status = ENGINE_RUNNING,
		.pid = pid,
		.monitor = getpid(),
		.started = clock_now(),
		.restarts = restarts,
		.backoff_ms = backoff};
	proc_start_time(pid, &s->pid_start);
	proc_start_time(s->monitor, &s->monitor_start);
	snprintf(s->boot, sizeof(s->boot), "%s", store_boot(l->g->store));
	if (!l->has_net)
		return;
	snprintf(s->ip, sizeof(s->ip), "%s", l->net.ip);
	snprintf(s->gateway, sizeof(s->gateway), "%s", l->net.gateway);
	snprintf(s->mac, sizeof(s->mac), "%s", l->net.mac);
	s->prefix = l->net.prefix;
	note_ports(&l->net.ports, s->ports);
}

static int64_t or_default(int64_t value, int64_t otherwise)
{
	return value ? value : otherwise;
}

static void fill_monitor(struct engine_launch *l, struct engine_monitor *m)
{
	const struct engine_config *c = &l->c->config;
	const struct oci_healthcheck *h = &c->config.healthcheck;
	m->id = mem_strdup(l->c->row.id);
	m->dir = l->lock;
	m->cgroup = mem_printf("%s/%s", l->cgroup_parent ? l->cgroup_parent : "/kist", m->id);
	m->stdin_once = c->attach_stdin;
	int sig = c->config.stop_signal ? proc_parse_signal(c->config.stop_signal) : 0;
	m->stop_signal = sig > 0 ? sig : SIGTERM;
	m->log_max_size = (uint64_t)c->log_max_size;
	m->log_max_files = (unsigned)c->log_max_file;
	if (l->has_net) {
		m->network_dir = mem_strdup(l->network_dir);
		m->dns_udp = STEAL_FD(l->dns[0]);
		m->dns_tcp = STEAL_FD(l->dns[1]);
		strv_copy(&m->upstreams, &l->upstreams);
	}
	m->restart = (int)c->restart;
	m->restart_max = (unsigned)c->restart_max;
	if (h->test.n && !str_eq(h->test.v[0], "NONE")) {
		m->health_interval = or_default(h->interval, 30 * CLOCK_NS_PER_S);
		m->health_timeout = or_default(h->timeout, 30 * CLOCK_NS_PER_S);
		m->health_start_period = h->start_period;
		m->health_retries = (unsigned)or_default(h->retries, 3);
		m->state.health = ENGINE_HEALTH_STARTING;
	}
	strv_add(&m->kist, l->g->kist);
	strv_addf(&m->kist, "--root=%s", store_path(l->g->store));
	strv_addf(&m->kist, "--runroot=%s", store_run_path(l->g->store));
	if (l->g->storage_driver)
		strv_addf(&m->kist, "--storage-driver=%s", l->g->storage_driver);
}

static int prepare_places(struct engine_launch *l, struct err *e)
{
	umask(022);
	unlinkat(l->lock, "stop", 0);
	/* what a killed monitor left of an earlier run */
	if (file_exists(AT_FDCWD, l->run)) {
		int r = engine_container_cleanup(l->g, l->c->row.id, e);
		if (r < 0)
			return r;
	}
	if (file_exists(AT_FDCWD, l->etc_dir))
		return 0;
	cleanup_free char *parent = mem_printf("%s/containers", store_run_path(l->g->store));
	int r = file_mkdirs(AT_FDCWD, parent, 0700, e);
	if (r >= 0)
		r = file_mkdirs(AT_FDCWD, l->rootfs, 0700, e);
	return r < 0 ? r : file_mkdirs(AT_FDCWD, l->etc_dir, 0700, e);
}

/* Whoever made the container must have written its row: nothing runs that nobody knows. */
int launch_wait(struct engine_launch *l, struct err *e)
{
	char data[ENGINE_ATTACH_DATA];
	int type = 0;
	if (l->gate < 0)
		return 0;
	ssize_t n = engine_attach_recv(l->gate, &type, data, NULL);
	l->gate = -1;
	if (n < 0)
		return err_sysno(e, (int)n, "wait for the container's row");
	if (type != ENGINE_ATTACH_GO)
		return err_set(e, ERR_INTERRUPTED, "the container was not made");
	return 0;
}

static int run(struct engine_launch *l, struct engine_monitor *m, struct err *e)
{
	struct runtime_container *k cleanup_runtime_container = NULL;
	int (*const steps[])(struct engine_launch *, struct err *) = {
		prepare_places, open_root, make_cwd, launch_files_make};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r >= 0; i++)
		r = steps[i](l, e);
	if (r >= 0 && !launch_is_connected(l))
		r = launch_files_hosts(l, e);
	if (r >= 0)
		r = make_stdio(l, m, e);
	if (r >= 0)
		r = create(l, &k, e);
	if (r >= 0 && l->listen)
		r = launch_listen(l, m, e);
	if (r < 0)
		return r;
	/* they keep the user namespace for the commands that come */
	runtime_rootless_note(store_run_path(l->g->store), getpid());
	runtime_rootless_note(store_run_path(l->g->store), runtime_container_pid(k));
	fill_state(l, &m->state, runtime_container_pid(k));
	fill_monitor(l, m);
	r = launch_wait(l, e);
	if (r >= 0)
		r = engine_state_save(l->lock, "state", &m->state, e);
	if (r >= 0)
		r = runtime_start(k, e);
	if (r < 0)
		return r;
	m->master = runtime_container_take_master(k);
	return 0;
}

int launch_run(struct engine_launch *l, struct engine_monitor *m, struct err *e)
{
	struct engine_state before = m->state;
	int r = run(l, m, e);
	/* the container's ends of the pipes must be closed here, or they never end */
	for (size_t i = 0; i < ARRAY_SIZE(l->stdio); i++)
		if (l->stdio[i] >= 0)
			close(STEAL_FD(l->stdio[i]));
	if (l->root >= 0)
		close(STEAL_FD(l->root));
	if (l->etc >= 0)
		close(STEAL_FD(l->etc));
	if (r >= 0)
		return 0;
	engine_container_cleanup(l->g, l->c->row.id, NULL);
	if (r == -ERR_INTERRUPTED)
		return r;
	struct engine_state s = before;
	s.status = before.started ? ENGINE_EXITED : ENGINE_CREATED;
	s.pid = s.monitor = 0;
	s.exit_code = r == -ERR_NOPROG ? 127 : r == -ERR_NOEXEC ? 126 : 128;
	snprintf(s.error, sizeof(s.error), "%s", e ? e->msg : "");
	engine_state_save(l->lock, "state", &s, NULL);
	return r;
}
