/* What a start needs from the store and the host, gathered before the fork; see launch_priv.h. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "base/userns.h"
#include "engine/launch_priv.h"
#include "oci/caps.h"
#include "runtime/cgroup_delegate.h"
#include "store/image.h"

#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define DNS_PORT 53

bool launch_network_is(const struct engine_launch *l, const char *mode)
{
	return str_eq(engine_network_mode(&l->c->config), mode);
}

bool launch_is_connected(const struct engine_launch *l)
{
	return engine_network_is_connected(engine_network_mode(&l->c->config));
}

static bool wants_limits(const struct engine_config *c)
{
	return c->memory > 0 || c->memory_swap > 0 || c->memory_reservation > 0 ||
	       c->memory_swappiness > 0 || c->oom_kill_disable || c->nano_cpus > 0 ||
	       c->cpu_shares > 0 || c->cpu_quota > 0 || c->cpu_period > 0 || c->cpuset_cpus ||
	       c->cpuset_mems || c->pids_limit > 0 || c->blkio_weight > 0;
}

/* As root below /kist; else below what the host has delegated to us, or nowhere. */
static int prepare_cgroup(struct engine_launch *l, struct err *e)
{
	const char *given = l->c->config.cgroup_parent;
	cleanup_free char *base = NULL, *why = NULL;
	if (!l->userns) {
		l->cgroup_parent = mem_strdup(given ? given : "/kist");
		return 0;
	}
	int r = runtime_cgroup_delegated(&base, &why);
	if (r > 0 && given)
		l->cgroup_parent = mem_printf("%s%s%s", base, *given == '/' ? "" : "/", given);
	else if (r > 0)
		l->cgroup_parent = mem_printf("%s/kist", base);
	else if (wants_limits(&l->c->config))
		log_warn("no limit of memory, CPUs or processes is set: %s", why);
	return 0;
}

static uint64_t own_caps(void)
{
	struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	if (syscall(SYS_capget, &head, data) < 0)
		return 0;
	return (uint64_t)data[1].permitted << 32 | data[0].permitted;
}

/* One warning that names what was asked for and this host cannot give. */
static int prepare_caps(struct engine_launch *l, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	uint64_t wanted;
	int r = oci_caps_compute(c->privileged, &c->cap_add, &c->cap_drop, &wanted, e);
	if (r < 0)
		return r;
	l->host_caps = own_caps();
	uint64_t missing = wanted & ~l->host_caps & OCI_CAPS_ALL;
	if (!missing || (!c->privileged && !c->cap_add.n))
		return 0;
	struct strv names cleanup_strv = STRV_INIT;
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		if (missing & (1ULL << i))
			strv_add(&names, oci_cap_name(i));
	cleanup_free char *list = strv_join(&names, ", ");
	log_warn("this host cannot give %s: left out", list);
	return 0;
}

static int rlimit_number(const char *type)
{
	static const struct {
		const char *name;
		int number;
	} known[] = {{"RLIMIT_NOFILE", RLIMIT_NOFILE}, {"RLIMIT_NPROC", RLIMIT_NPROC},
		{"RLIMIT_CORE", RLIMIT_CORE}, {"RLIMIT_MEMLOCK", RLIMIT_MEMLOCK},
		{"RLIMIT_STACK", RLIMIT_STACK}, {"RLIMIT_AS", RLIMIT_AS},
		{"RLIMIT_CPU", RLIMIT_CPU}, {"RLIMIT_DATA", RLIMIT_DATA},
		{"RLIMIT_FSIZE", RLIMIT_FSIZE}, {"RLIMIT_LOCKS", RLIMIT_LOCKS},
		{"RLIMIT_MSGQUEUE", RLIMIT_MSGQUEUE}, {"RLIMIT_NICE", RLIMIT_NICE},
		{"RLIMIT_RSS", RLIMIT_RSS}, {"RLIMIT_RTPRIO", RLIMIT_RTPRIO},
		{"RLIMIT_RTTIME", RLIMIT_RTTIME}, {"RLIMIT_SIGPENDING", RLIMIT_SIGPENDING}};
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (str_eq(known[i].name, type))
			return known[i].number;
	return -1;
}

/* Without CAP_SYS_RESOURCE no limit can be raised above our own. */
static int prepare_rlimits(struct engine_launch *l, struct err *e)
{
	const struct strv *ulimits = &l->c->config.ulimits;
	/* of a user namespace it raises nothing */
	bool may_raise = !l->userns && (l->host_caps & (1ULL << CAP_SYS_RESOURCE));
	bool warned = false;
	l->rlimits = mem_array(ulimits->n + 1, sizeof(*l->rlimits));
	for (size_t i = 0; i < ulimits->n; i++) {
		struct oci_convert_rlimit *r = &l->rlimits[l->nrlimits];
		struct rlimit own;
		int res = engine_option_ulimit(ulimits->v[i], r, e);
		if (res < 0)
			return res;
		l->nrlimits++;
		int number = rlimit_number(r->type);
		if (may_raise || number < 0 || getrlimit(number, &own) < 0 ||
			r->hard <= own.rlim_max)
			continue;
		r->hard = own.rlim_max;
		r->soft = MIN(r->soft, r->hard);
		if (!warned)
			log_warn("ulimit '%s': this host allows no more than %llu: taken instead",
				ulimits->v[i], (unsigned long long)own.rlim_max);
		warned = true;
	}
	return 0;
}

static bool has_port(const struct network_ports *p, uint16_t port)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].container_port == port)
			return true;
	return false;
}

bool launch_has_resolver(const struct engine_launch *l)
{
	const struct strv *exposed = &l->c->config.config.exposed_ports;
	struct network_ports p cleanup_network_ports = NETWORK_PORTS_INIT;
	for (size_t i = 0; i < exposed->n; i++)
		network_port_parse_exposed(exposed->v[i], &p, NULL);
	return launch_is_connected(l) && !has_port(&p, DNS_PORT) && !has_port(&l->ports, DNS_PORT);
}

static int prepare_ports(struct engine_launch *l, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	int r = 0;
	for (size_t i = 0; i < c->ports.n && r >= 0; i++)
		r = network_port_parse(c->ports.v[i], &l->ports, e);
	for (size_t i = 0; c->publish_all && i < c->config.exposed_ports.n && r >= 0; i++)
		r = network_port_parse_exposed(c->config.exposed_ports.v[i], &l->ports, e);
	return r;
}

/* --network container:X: its namespace and its files */
static int prepare_shared_network(struct engine_launch *l, struct err *e)
{
	const char *network = l->c->config.network;
	if (!network || !str_starts(network, "container:"))
		return 0;
	struct engine_container other cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(l->g, network + 10, &other, e);
	if (r < 0)
		return r;
	if (other.state.status != ENGINE_RUNNING)
		return err_set(e, ERR_STATE,
			"cannot join the network of container '%s': it is not running",
			other.row.name);
	l->netns_path = mem_printf("/proc/%d/ns/net", (int)other.state.pid);
	l->share_pid = other.state.pid;
	return 0;
}

static int prepare_init(struct engine_launch *l, struct err *e)
{
	static const char *const places[] = {
		"/usr/bin/tini-static", "/usr/sbin/tini-static", "/usr/libexec/kist/tini"};
	if (!l->c->config.init)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (access(places[i], X_OK) == 0) {
			l->init_path = mem_strdup(places[i]);
			return 0;
		}
	int r = err_set(e, ERR_NOT_FOUND, "--init needs tini, which is not installed");
	err_hint(e, "apt-get install tini (the file %s)", places[0]);
	return r;
}

static int prepare_snapshot(struct engine_launch *l, struct err *e)
{
	struct store_image img cleanup_store_image = {0};
	int r = store_image_get(l->g->store, l->c->row.image, &img, e);
	if (r >= 0)
		r = snapshot_prepare(l->g->store, (const char *const *)strv_items(&img.layers),
			img.layers.n, &l->spec, e);
	if (r >= 0)
		r = snapshot_base(l->g->store, &l->spec.base, e);
	if (r < 0)
		return err_wrap(e, r, "container '%s'", l->c->row.name);
	l->spec.upper = mem_printf("%s/upper", l->dir);
	l->spec.work = mem_printf("%s/work", l->dir);
	l->spec.is_volatile = l->c->config.auto_remove;
	return 0;
}

int launch_prepare(struct engine *g, struct engine_container *c, int lock,
	struct engine_launch *ret, struct err *e)
{
	*ret = (struct engine_launch){.g = g,
		.c = c,
		.lock = lock,
		.root = -1,
		.etc = -1,
		.gate = -1,
		.dns = {-1, -1},
		.stdio = {-1, -1, -1}};
	struct engine_launch *l = ret;
	l->dir = store_container_path(g->store, c->row.id, NULL);
	l->run = store_container_run_path(g->store, c->row.id);
	l->rootfs = mem_printf("%s/mnt/root", store_run_path(g->store));
	l->etc_dir = mem_printf("%s/mnt/etc", store_run_path(g->store));
	l->network_dir = mem_printf("%s/network", store_run_path(g->store));
	l->usermode_dir = engine_usermode_dir(g, c->row.id);
	l->userns = userns_inside();
	int r = engine_option_security(&c->config.security_opt, &l->security, e);
	int (*const steps[])(struct engine_launch *, struct err *) = {prepare_cgroup, prepare_caps,
		prepare_rlimits, prepare_ports, prepare_shared_network, prepare_init,
		prepare_snapshot};
	for (size_t i = 0; i < ARRAY_SIZE(steps) && r >= 0; i++)
		r = steps[i](l, e);
	return r;
}

void launch_release(struct engine_launch *l)
{
	free(l->dir);
	free(l->run);
	free(l->rootfs);
	free(l->etc_dir);
	free(l->network_dir);
	free(l->usermode_dir);
	free(l->cgroup_parent);
	free(l->netns_path);
	free(l->init_path);
	free(l->rlimits);
	snapshot_spec_release(&l->spec);
	network_ports_release(&l->ports);
	network_result_release(&l->net);
	strv_release(&l->upstreams);
	int *fds[] = {&l->root, &l->etc, &l->dns[0], &l->dns[1], &l->stdio[0], &l->stdio[1],
		&l->stdio[2]};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}
