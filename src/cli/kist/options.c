/* From run's options to the config of a container. */
#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/outfile.h"
#include "base/proc.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "engine/option.h"
#include "network/names.h"
#include "network/port.h"
#include "oci/caps.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *look_up(const char *name)
{
	return getenv(name);
}

static int read_lines(struct cli *c, const char *option, const char *path,
	const char *(*lookup)(const char *name), struct strv *ret)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_ENV_FILE);
	int r = file_read(AT_FDCWD, path, &b, &c->err);
	if (r < 0)
		return err_wrap(&c->err, r, "--%s", option);
	return engine_option_env_file(buf_str(&b), b.len, path, lookup, ret, &c->err);
}

/* NAME=VALUE, or NAME alone: ours, if we have it */
static int add_variable(struct cli *c, const char *text, struct strv *ret)
{
	const char *eq = strchr(text, '=');
	if (eq == text || !*text)
		return err_set(&c->err, ERR_USAGE, "--env '%s': the name is missing", text);
	cleanup_free char *name = mem_strndup(text, eq ? (size_t)(eq - text) : strlen(text));
	const char *value = eq ? eq + 1 : getenv(name);
	if (value)
		strv_env_set(ret, name, value);
	return 0;
}

int containers_env(struct cli *c, struct strv *ret)
{
	int r = 0;
	const char *v;
	for (size_t i = 0; (v = cli_value_at(c, "env-file", i)) && r >= 0; i++)
		r = read_lines(c, "env-file", v, look_up, ret);
	for (size_t i = 0; (v = cli_value_at(c, "env", i)) && r >= 0; i++)
		r = add_variable(c, v, ret);
	return r;
}

static int add_labels(struct cli *c, struct strv *ret)
{
	int r = 0;
	const char *v;
	for (size_t i = 0; (v = cli_value_at(c, "label-file", i)) && r >= 0; i++)
		r = read_lines(c, "label-file", v, NULL, ret);
	for (size_t i = 0; (v = cli_value_at(c, "label", i)) && r >= 0; i++) {
		const char *eq = strchrnul(v, '=');
		cleanup_free char *name = mem_strndup(v, (size_t)(eq - v));
		strv_env_set(ret, name, *eq ? eq + 1 : "");
	}
	return r;
}

static void take_string(struct cli *c, const char *name, char **place)
{
	const char *v = cli_value(c, name);
	if (v)
		*place = mem_strdup(v);
}

static void take_list(struct cli *c, const char *name, struct strv *place)
{
	const char *v;
	for (size_t i = 0; (v = cli_value_at(c, name, i)); i++)
		strv_add(place, v);
}

static int take_number(struct cli *c, const char *name, int64_t least, int64_t most, int64_t *place)
{
	const char *v = cli_value(c, name);
	if (!v)
		return 0;
	if (str_parse_i64(v, place) < 0 || *place < least || *place > most)
		return err_set(&c->err, ERR_USAGE, "--%s '%s': expected a number from %lld to %lld",
			name, v, (long long)least, (long long)most);
	return 0;
}

static int take_duration(struct cli *c, const char *name, int64_t *place)
{
	const char *v = cli_value(c, name);
	if (v && (str_parse_duration(v, place) < 0 || *place < 0))
		return err_set(&c->err, ERR_USAGE,
			"--%s '%s': expected a duration such as 30s or 1m30s", name, v);
	return 0;
}

static int add_process(struct cli *c, struct engine_config *g)
{
	struct oci_container_config *o = &g->config;
	const char *entry = cli_value(c, "entrypoint");
	if (entry) {
		o->has_entrypoint = true;
		if (*entry)
			strv_add(&o->entrypoint, entry);
	}
	for (int i = 1; i < c->n_operands; i++)
		strv_add(&o->cmd, c->operands[i]);
	o->has_cmd = o->cmd.n > 0;
	take_string(c, "workdir", &o->working_dir);
	if (o->working_dir && o->working_dir[0] != '/')
		return err_set(&c->err, ERR_USAGE,
			"the working directory '%s' is not an absolute path", o->working_dir);
	take_string(c, "user", &o->user);
	take_string(c, "stop-signal", &o->stop_signal);
	if (o->stop_signal && proc_parse_signal(o->stop_signal) < 0)
		return err_set(
			&c->err, ERR_USAGE, "--stop-signal: unknown signal '%s'", o->stop_signal);
	int r = take_number(c, "stop-timeout", 0, INT32_MAX, &o->stop_timeout);
	if (r >= 0)
		r = containers_env(c, &o->env);
	return r < 0 ? r : add_labels(c, &o->labels);
}

static int add_health(struct cli *c, struct engine_config *g)
{
	struct oci_healthcheck *h = &g->config.healthcheck;
	const char *cmd = cli_value(c, "health-cmd");
	int r = take_duration(c, "health-interval", &h->interval);
	if (r >= 0)
		r = take_duration(c, "health-timeout", &h->timeout);
	if (r >= 0)
		r = take_duration(c, "health-start-period", &h->start_period);
	if (r >= 0)
		r = take_number(c, "health-retries", 0, 1000, &h->retries);
	if (cli_flag(c, "no-healthcheck")) {
		if (cmd)
			return err_set(&c->err, ERR_USAGE,
				"--no-healthcheck and --health-cmd contradict each other");
		strv_add(&h->test, "NONE");
	} else if (cmd) {
		strv_add(&h->test, "CMD-SHELL");
		strv_add(&h->test, cmd);
	}
	h->set = h->test.n || h->interval || h->timeout || h->start_period || h->retries;
	return r;
}

/* "./x:/y" and "~": docker makes relative sources absolute since version 23. */
static char *absolute_source(const char *spec)
{
	char cwd[PATH_MAX];
	if (spec[0] != '.' || (spec[1] && spec[1] != '/' && spec[1] != '.' && spec[1] != ':') ||
		!strchr(spec, ':'))
		return mem_strdup(spec);
	size_t len = strcspn(spec, ":");
	cleanup_free char *path = mem_strndup(spec, len);
	cleanup_free char *real = realpath(path, NULL);
	if (real)
		return mem_printf("%s%s", real, spec + len);
	if (!getcwd(cwd, sizeof(cwd)) || strstr(path, ".."))
		return mem_strdup(spec);
	return mem_printf("%s/%s%s", cwd, path, spec + len);
}

static int add_mounts(struct cli *c, struct engine_config *g)
{
	int r = 0;
	const char *v;
	for (size_t i = 0; (v = cli_value_at(c, "volume", i)) && r >= 0; i++) {
		cleanup_free char *spec = absolute_source(v);
		r = engine_option_volume(spec, &g->mounts, &c->err);
	}
	for (size_t i = 0; (v = cli_value_at(c, "mount", i)) && r >= 0; i++)
		r = engine_option_mount(v, &g->mounts, &c->err);
	for (size_t i = 0; (v = cli_value_at(c, "tmpfs", i)) && r >= 0; i++)
		r = engine_option_tmpfs(v, &g->mounts, &c->err);
	return r < 0 ? r : engine_option_mounts_unique(&g->mounts, &c->err);
}

static int check_ports(struct cli *c, struct engine_config *g)
{
	struct network_ports ports cleanup_network_ports = NETWORK_PORTS_INIT;
	int r = 0;
	for (size_t i = 0; i < g->ports.n && r >= 0; i++)
		r = network_port_parse(g->ports.v[i], &ports, &c->err);
	/* a published port is an exposed one */
	for (size_t i = 0; i < ports.n && r >= 0; i++) {
		cleanup_free char *text = mem_printf(
			"%u/%s", ports.v[i].container_port, network_proto_name(ports.v[i].proto));
		if (!strv_has(&g->config.exposed_ports, text))
			strv_add(&g->config.exposed_ports, text);
	}
	const char *v;
	for (size_t i = 0; (v = cli_value_at(c, "expose", i)) && r >= 0; i++) {
		struct network_ports one cleanup_network_ports = NETWORK_PORTS_INIT;
		r = network_port_parse_exposed(v, &one, &c->err);
		cleanup_free char *text = strchr(v, '/') ? mem_strdup(v) : mem_printf("%s/tcp", v);
		if (r >= 0 && !strv_has(&g->config.exposed_ports, text))
			strv_add(&g->config.exposed_ports, text);
	}
	if (r >= 0 && g->ports.n && !engine_network_is_connected(engine_network_mode(g)))
		cli_warn("published ports are discarded with --network %s", g->network);
	return r;
}

static int add_network(struct cli *c, struct engine_config *g)
{
	const char *mode = cli_value(c, "network");
	if (!mode)
		mode = cli_value(c, "net");
	int r = mode ? engine_option_network(mode, &g->network, &c->err) : 0;
	take_string(c, "hostname", &g->hostname);
	take_string(c, "domainname", &g->domainname);
	take_string(c, "ip", &g->ip);
	take_string(c, "mac-address", &g->mac_address);
	take_list(c, "network-alias", &g->network_aliases);
	take_list(c, "publish", &g->ports);
	take_list(c, "dns", &g->dns);
	take_list(c, "dns-search", &g->dns_search);
	take_list(c, "dns-option", &g->dns_options);
	take_list(c, "add-host", &g->extra_hosts);
	g->publish_all = cli_flag(c, "publish-all");
	if (g->hostname && (!*g->hostname || strlen(g->hostname) > 64))
		return err_set(&c->err, ERR_USAGE, "--hostname '%s': 1 to 64 bytes", g->hostname);
	if (r >= 0 && (g->ip || g->mac_address) && !str_eq(engine_network_mode(g), "bridge"))
		return err_set(&c->err, ERR_UNSUPPORTED,
			"--%s needs the network 'bridge', not '%s'", g->ip ? "ip" : "mac-address",
			engine_network_mode(g));
	for (size_t i = 0; i < g->extra_hosts.n && r >= 0; i++) {
		size_t len;
		const char *ip;
		r = network_host_parse(g->extra_hosts.v[i], &len, &ip, &c->err);
	}
	return r < 0 ? r : check_ports(c, g);
}

static int add_seccomp(struct cli *c, struct engine_config *g)
{
	struct engine_security s;
	int r = engine_option_security(&g->security_opt, &s, &c->err);
	if (r < 0 || !s.seccomp_file)
		return r;
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_RUNTIME_CONFIG);
	r = file_read(AT_FDCWD, s.seccomp_file, &b, &c->err);
	if (r < 0)
		return err_wrap(&c->err, r, "seccomp profile");
	g->seccomp_profile = buf_take(&b);
	return 0;
}

static int add_namespace(struct cli *c, const char *name, char **place)
{
	const char *v = cli_value(c, name);
	if (!v || !*v || str_eq(v, "private") || (str_eq(name, "ipc") && str_eq(v, "shareable")))
		return 0;
	if (!str_eq(v, "host"))
		return err_set(&c->err, ERR_UNSUPPORTED,
			"--%s '%s' is not supported: host or private", name, v);
	*place = mem_strdup(v);
	return 0;
}

/* The one there is: see docs/rootless.md */
static int check_userns(struct cli *c)
{
	const char *v = cli_value(c, "userns");
	if (!v || !*v || str_eq(v, "host"))
		return 0;
	int r = err_set(&c->err, ERR_UNSUPPORTED,
		"--userns '%s' is not supported: a container has no user namespace of its own, "
		"without root all share the user's",
		v);
	err_hint(&c->err, "kist-runtime makes one: linux.uidMappings in a bundle, or podman "
			  "--runtime kist-runtime --userns auto");
	return r;
}

static int add_security(struct cli *c, struct engine_config *g)
{
	uint64_t caps;
	g->privileged = cli_flag(c, "privileged");
	g->readonly_rootfs = cli_flag(c, "read-only");
	take_list(c, "cap-add", &g->cap_add);
	take_list(c, "cap-drop", &g->cap_drop);
	take_list(c, "security-opt", &g->security_opt);
	take_list(c, "group-add", &g->group_add);
	take_list(c, "device", &g->devices);
	take_list(c, "sysctl", &g->sysctls);
	take_list(c, "annotation", &g->annotations);
	take_string(c, "cgroup-parent", &g->cgroup_parent);
	if (g->cgroup_parent && (g->cgroup_parent[0] != '/' || strstr(g->cgroup_parent, "..")))
		return err_set(&c->err, ERR_USAGE,
			"--cgroup-parent '%s': expected an absolute path", g->cgroup_parent);
	for (size_t i = 0; i < g->sysctls.n; i++)
		if (!strchr(g->sysctls.v[i], '='))
			return err_set(&c->err, ERR_USAGE, "--sysctl '%s': expected NAME=VALUE",
				g->sysctls.v[i]);
	int r = check_userns(c);
	if (r >= 0)
		r = oci_caps_compute(g->privileged, &g->cap_add, &g->cap_drop, &caps, &c->err);
	if (r >= 0)
		r = add_namespace(c, "pid", &g->pid_mode);
	if (r >= 0)
		r = add_namespace(c, "ipc", &g->ipc_mode);
	if (r >= 0)
		r = add_namespace(c, "uts", &g->uts_mode);
	if (r >= 0)
		r = add_namespace(c, "cgroupns", &g->cgroup_mode);
	for (size_t i = 0; i < g->devices.n && r >= 0; i++) {
		cleanup_free char *host = NULL, *inside = NULL;
		char access[4];
		r = engine_option_device(g->devices.v[i], &host, &inside, access, &c->err);
	}
	return r < 0 ? r : add_seccomp(c, g);
}

static int add_memory(struct cli *c, struct engine_config *g)
{
	const struct {
		const char *name;
		int64_t *place;
		bool minus_one;
	} sizes[] = {{"memory", &g->memory, false}, {"memory-swap", &g->memory_swap, true},
		{"memory-reservation", &g->memory_reservation, false},
		{"shm-size", &g->shm_size, false}};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(sizes) && r >= 0; i++) {
		const char *v = cli_value(c, sizes[i].name);
		if (v)
			r = engine_option_bytes(
				sizes[i].name, v, sizes[i].minus_one, sizes[i].place, &c->err);
	}
	if (r < 0)
		return r;
	if (g->memory && g->memory < 6 * 1024 * 1024)
		return err_set(&c->err, ERR_USAGE,
			"--memory: %lld bytes are not enough: at least 6m", (long long)g->memory);
	if (g->memory_swap > 0 && !g->memory)
		return err_set(&c->err, ERR_USAGE, "--memory-swap needs --memory");
	if (g->memory_swap > 0 && g->memory_swap < g->memory)
		return err_set(&c->err, ERR_USAGE,
			"--memory-swap is memory and swap together: not less than --memory");
	if (g->memory && g->memory_reservation > g->memory)
		return err_set(&c->err, ERR_USAGE, "--memory-reservation is larger than --memory");
	int64_t swappiness = -1;
	r = take_number(c, "memory-swappiness", 0, 100, &swappiness);
	g->memory_swappiness = swappiness + 1;
	g->oom_kill_disable = cli_flag(c, "oom-kill-disable");
	return r;
}

static int add_resources(struct cli *c, struct engine_config *g)
{
	const struct {
		const char *name;
		int64_t least, most;
		int64_t *place;
	} numbers[] = {{"cpu-shares", 0, 262144, &g->cpu_shares},
		{"cpu-period", 1000, 1000000, &g->cpu_period},
		{"cpu-quota", -1, INT64_MAX / 2, &g->cpu_quota},
		{"blkio-weight", 10, 1000, &g->blkio_weight},
		{"pids-limit", -1, INT32_MAX, &g->pids_limit},
		{"oom-score-adj", -1000, 1000, &g->oom_score_adj}};
	int r = add_memory(c, g);
	for (size_t i = 0; i < ARRAY_SIZE(numbers) && r >= 0; i++)
		r = take_number(
			c, numbers[i].name, numbers[i].least, numbers[i].most, numbers[i].place);
	if (r < 0)
		return r;
	g->has_oom_score_adj = cli_value(c, "oom-score-adj") != NULL;
	take_string(c, "cpuset-cpus", &g->cpuset_cpus);
	take_string(c, "cpuset-mems", &g->cpuset_mems);
	const char *cpus = cli_value(c, "cpus");
	if (cpus && (g->cpu_period || g->cpu_quota))
		return err_set(&c->err, ERR_USAGE,
			"--cpus and --cpu-period or --cpu-quota contradict each other");
	r = cpus ? engine_option_cpus(cpus, &g->nano_cpus, &c->err) : 0;
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	if (r >= 0 && online > 0 && g->nano_cpus > online * 1000000000LL)
		return err_set(&c->err, ERR_USAGE, "--cpus '%s': there are %ld CPUs on this host",
			cpus, online);
	take_list(c, "ulimit", &g->ulimits);
	for (size_t i = 0; i < g->ulimits.n && r >= 0; i++) {
		struct oci_convert_rlimit limit;
		r = engine_option_ulimit(g->ulimits.v[i], &limit, &c->err);
	}
	return r;
}

static int add_life(struct cli *c, struct engine_config *g)
{
	const char *v = cli_value(c, "restart");
	int r = v ? engine_option_restart(v, g, &c->err) : 0;
	g->init = cli_flag(c, "init");
	g->tty = cli_flag(c, "tty");
	g->open_stdin = cli_flag(c, "interactive");
	g->auto_remove = cli_flag(c, "rm");
	for (size_t i = 0; (v = cli_value_at(c, "log-opt", i)) && r >= 0; i++)
		r = engine_option_log(v, g, &c->err);
	v = cli_value(c, "log-driver");
	if (r >= 0 && v && !str_eq(v, "json-file") && !str_eq(v, "k8s-file") && !str_eq(v, "local"))
		return err_set(&c->err, ERR_UNSUPPORTED,
			"log driver '%s' is not supported: output is kept in files", v);
	v = cli_value(c, "pull");
	if (r >= 0 && v && !str_eq(v, "missing") && !str_eq(v, "never") && !str_eq(v, "always") &&
		!str_eq(v, "newer"))
		return err_set(&c->err, ERR_USAGE,
			"--pull '%s': it is missing, always, newer or never", v);
	return r;
}

int containers_config(struct cli *c, struct engine_config *ret)
{
	int (*const parts[])(struct cli *, struct engine_config *) = {add_process, add_health,
		add_mounts, add_network, add_security, add_resources, add_life};
	int r = 0;
	for (size_t i = 0; i < ARRAY_SIZE(parts) && r >= 0; i++)
		r = parts[i](c, ret);
	return r;
}

int containers_cidfile_check(struct cli *c)
{
	const char *path = cli_value(c, "cidfile");
	if (!path || !file_exists(AT_FDCWD, path))
		return 0;
	return err_set(&c->err, ERR_EXISTS,
		"the container id file '%s' exists: another container may be running", path);
}

int containers_cidfile_write(struct cli *c, const char *id)
{
	return outfile_write(cli_value(c, "cidfile"), id, &c->err);
}
