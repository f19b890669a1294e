/* From a container's config to the runtime's: users, mounts, devices, seccomp, limits. */
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/root.h"
#include "base/str.h"
#include "base/userns.h"
#include "engine/launch_priv.h"
#include "engine/volume.h"
#include "oci/caps.h"
#include "runtime/seccomp.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

struct parts {
	struct oci_convert_mount *mounts;
	size_t nmounts;
	struct oci_convert_device *devices;
	size_t ndevices;
	struct strv texts; /* owns paths of devices */
	struct oci_user user;
	uint32_t *groups;
	struct buf seccomp;
	char *files[3];
};

static void parts_release(struct parts *p)
{
	for (size_t i = 0; i < p->nmounts; i++)
		strv_release(&p->mounts[i].options);
	free(p->mounts);
	free(p->devices);
	strv_release(&p->texts);
	oci_user_release(&p->user);
	free(p->groups);
	buf_release(&p->seccomp);
	for (size_t i = 0; i < ARRAY_SIZE(p->files); i++)
		free(p->files[i]);
}

static int read_etc(struct engine_launch *l, const char *path, struct buf *b, struct err *e)
{
	struct err local = ERR_INIT;
	int r = l->root < 0 ? -ENOENT : root_read(l->root, path, b, &local);
	if (r == -ENOENT || r == -ENOTDIR || r == -ELOOP)
		return 0;
	if (r < 0 && e && !e->code)
		*e = local;
	return r;
}

static int resolve_user(
	struct engine_launch *l, struct parts *p, struct oci_convert_options *o, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	struct buf passwd cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	struct buf group cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	int r = read_etc(l, "etc/passwd", &passwd, e);
	if (r >= 0)
		r = read_etc(l, "etc/group", &group, e);
	if (r >= 0)
		r = oci_user_resolve(c->config.user ? c->config.user : "", buf_str(&passwd),
			passwd.len, buf_str(&group), group.len, &p->user, e);
	if (r >= 0)
		r = userns_check_user(p->user.uid, p->user.gid, e);
	p->groups = mem_array(c->group_add.n + 1, sizeof(*p->groups));
	for (size_t i = 0; i < c->group_add.n && r >= 0; i++)
		r = oci_group_resolve(
			c->group_add.v[i], buf_str(&group), group.len, &p->groups[i], e);
	o->user = &p->user;
	o->groups = p->groups;
	o->ngroups = c->group_add.n;
	return r;
}

static bool has_propagation(const struct strv *options)
{
	static const char *const words[] = {
		"private", "rprivate", "shared", "rshared", "slave", "rslave"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strv_has(options, words[i]))
			return true;
	return false;
}

static int bind_source(const struct engine_mount *m, struct err *e)
{
	struct stat st;
	if (stat(m->source, &st) == 0)
		return 0;
	if (errno != ENOENT || !m->make_source)
		return err_sys(e, "bind source '%s'", m->source);
	return file_mkdirs(AT_FDCWD, m->source, 0755, e);
}

static int add_mount(
	struct engine_launch *l, const struct engine_mount *m, struct parts *p, struct err *e)
{
	struct oci_convert_mount *out = &p->mounts[p->nmounts++];
	bool tmpfs = str_eq(m->type, "tmpfs");
	*out = (struct oci_convert_mount){.type = tmpfs ? "tmpfs" : "bind",
		.source = tmpfs ? "tmpfs" : m->source,
		.destination = m->destination};
	strv_add_all(&out->options, &m->options);
	if (m->readonly)
		strv_add(&out->options, "ro");
	if (tmpfs)
		return 0;
	if (!strv_has(&m->options, "bind"))
		strv_add(&out->options, "rbind");
	if (!has_propagation(&m->options))
		strv_add(&out->options, "rprivate");
	if (str_eq(m->type, "bind"))
		return bind_source(m, e);
	if (m->nocopy || l->root < 0)
		return 0;
	return engine_volume_fill(m->source, l->root, m->destination, e);
}

static int add_mounts(
	struct engine_launch *l, struct parts *p, struct oci_convert_options *o, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	p->mounts = mem_array(c->mounts.n + 1, sizeof(*p->mounts));
	int r = 0;
	for (size_t i = 0; i < c->mounts.n && r >= 0; i++)
		r = add_mount(l, &c->mounts.v[i], p, e);
	if (l->init_path) {
		struct oci_convert_mount *m = &p->mounts[p->nmounts++];
		*m = (struct oci_convert_mount){
			.type = "bind", .source = l->init_path, .destination = "/dev/init"};
		strv_add(&m->options, "bind");
		strv_add(&m->options, "ro");
	}
	o->mounts = p->mounts;
	o->nmounts = p->nmounts;
	return r;
}

static void add_node(struct parts *p, const char *path, const struct stat *st, const char *access)
{
	strv_add(&p->texts, path);
	const char *kept = p->texts.v[p->texts.n - 1];
	strv_add(&p->texts, access);
	p->devices = mem_realloc(p->devices, p->ndevices + 1, sizeof(*p->devices));
	p->devices[p->ndevices++] = (struct oci_convert_device){.path = kept,
		.type = S_ISCHR(st->st_mode) ? 'c' : 'b',
		.major = major(st->st_rdev),
		.minor = minor(st->st_rdev),
		.mode = st->st_mode & 0777,
		.access = p->texts.v[p->texts.n - 1]};
}

/* A user namespace makes no nodes: the host's is bound, and who may open it there may here. */
static void bind_node(struct parts *p, const char *host, const char *inside)
{
	strv_add(&p->texts, host);
	const char *source = p->texts.v[p->texts.n - 1];
	strv_add(&p->texts, inside);
	p->mounts = mem_realloc(p->mounts, p->nmounts + 2, sizeof(*p->mounts));
	struct oci_convert_mount *m = &p->mounts[p->nmounts++];
	*m = (struct oci_convert_mount){
		.type = "bind", .source = source, .destination = p->texts.v[p->texts.n - 1]};
	strv_add(&m->options, "bind");
	strv_add(&m->options, "rprivate");
}

static int add_device(struct engine_launch *l, struct parts *p, const char *spec, struct err *e)
{
	cleanup_free char *host = NULL, *inside = NULL;
	char access[4];
	int r = engine_option_device(spec, &host, &inside, access, e);
	if (r < 0)
		return r;
	struct stat st;
	if (stat(host, &st) < 0)
		return err_sys(e, "device '%s'", host);
	if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
		return err_set(e, ERR_USAGE, "'%s' is not a device", host);
	if (l->userns)
		bind_node(p, host, inside);
	else
		add_node(p, inside, &st, access);
	return 0;
}

enum { DEV_DEPTH = 3, DEV_MOST = 4096 };

/* --privileged: the host's devices, but for those that each container has of its own. */
static void add_host_devices(
	const struct engine_launch *l, struct parts *p, const char *dir, int depth)
{
	static const char *const own[] = {"/dev/console", "/dev/fd", "/dev/full", "/dev/mqueue",
		"/dev/null", "/dev/ptmx", "/dev/pts", "/dev/random", "/dev/shm", "/dev/tty",
		"/dev/urandom", "/dev/zero"};
	cleanup_dir DIR *d = opendir(dir);
	for (struct dirent *ent; d && (ent = readdir(d)) && p->ndevices + p->nmounts < DEV_MOST;) {
		cleanup_free char *path = mem_printf("%s/%s", dir, ent->d_name);
		struct stat st;
		bool skip = ent->d_name[0] == '.';
		for (size_t i = 0; i < ARRAY_SIZE(own); i++)
			skip |= str_eq(own[i], path);
		if (skip || lstat(path, &st) < 0)
			continue;
		if (S_ISDIR(st.st_mode) && depth < DEV_DEPTH)
			add_host_devices(l, p, path, depth + 1);
		else if (!S_ISCHR(st.st_mode) && !S_ISBLK(st.st_mode))
			continue;
		else if (l->userns)
			bind_node(p, path, path);
		else
			add_node(p, path, &st, "rwm");
	}
}

static int add_devices(
	struct engine_launch *l, struct parts *p, struct oci_convert_options *o, struct err *e)
{
	const struct strv *list = &l->c->config.devices;
	int r = 0;
	if (l->c->config.privileged)
		add_host_devices(l, p, "/dev", 0);
	for (size_t i = 0; i < list->n && r >= 0; i++)
		r = add_device(l, p, list->v[i], e);
	o->mounts = p->mounts;
	o->nmounts = p->nmounts;
	o->devices = p->devices;
	o->ndevices = p->ndevices;
	return r;
}

static int add_security(
	struct engine_launch *l, struct parts *p, struct oci_convert_options *o, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	int r = oci_caps_compute(c->privileged, &c->cap_add, &c->cap_drop, &o->caps, e);
	if (r < 0)
		return r;
	o->caps_none = o->caps == 0;
	o->host_caps = l->host_caps;
	o->no_new_privileges = l->security.no_new_privileges;
	o->unconfined_paths = l->security.unconfined_paths;
	if (c->privileged || l->security.seccomp_unconfined)
		return 0;
	struct runtime_seccomp_host host;
	runtime_seccomp_host_get(&host);
	uint64_t caps = oci_convert_caps(o);
	if (c->seccomp_profile)
		r = runtime_seccomp_resolve(c->seccomp_profile, strlen(c->seccomp_profile), caps,
			&host, &p->seccomp, e);
	else
		r = runtime_seccomp_default(caps, &host, &p->seccomp, e);
	o->seccomp = buf_str(&p->seccomp);
	o->seccomp_len = p->seccomp.len;
	return r < 0 ? err_wrap(e, r, "seccomp profile") : 0;
}

static void add_resources(const struct engine_config *c, struct oci_convert_options *o)
{
	o->resources = (struct oci_convert_resources){.memory = c->memory,
		.memory_swap = c->memory_swap,
		.memory_reservation = c->memory_reservation,
		.swappiness = c->memory_swappiness,
		.oom_kill_disable = c->oom_kill_disable,
		.nano_cpus = c->nano_cpus,
		.cpu_shares = c->cpu_shares,
		.cpu_quota = c->cpu_quota,
		.cpu_period = c->cpu_period,
		.cpuset_cpus = c->cpuset_cpus,
		.cpuset_mems = c->cpuset_mems,
		.pids = c->pids_limit,
		.blkio_weight = c->blkio_weight};
	o->has_oom_score_adj = c->has_oom_score_adj;
	o->oom_score_adj = (int)c->oom_score_adj;
	o->shm_size = (uint64_t)c->shm_size;
	o->sysctls = &c->sysctls;
	o->annotations = &c->annotations;
}

static void add_namespaces(struct engine_launch *l, struct parts *p, struct oci_convert_options *o)
{
	const struct engine_config *c = &l->c->config;
	static const char *const names[] = {"resolv.conf", "hosts", "hostname"};
	const char **places[] = {&o->resolv_conf, &o->hosts_file, &o->hostname_file};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		p->files[i] = mem_printf("%s/%s", l->etc_dir, names[i]);
		*places[i] = p->files[i];
	}
	o->network = l->netns_path                  ? OCI_NETWORK_PATH
		     : launch_network_is(l, "host") ? OCI_NETWORK_HOST
						    : OCI_NETWORK_NEW;
	o->network_path = l->netns_path;
	o->pid_host = str_eq(c->pid_mode, "host");
	o->ipc_host = str_eq(c->ipc_mode, "host");
	o->no_mqueue = o->ipc_host && !file_exists(AT_FDCWD, "/dev/mqueue");
	o->uts_host = str_eq(c->uts_mode, "host");
	o->cgroup_host = str_eq(c->cgroup_mode, "host");
}

int launch_config(struct engine_launch *l, struct buf *out, struct err *e)
{
	const struct engine_config *c = &l->c->config;
	struct parts p cleanup(parts_release) = {0};
	cleanup_free char *cgroup =
		mem_printf("%s/%s", l->cgroup_parent ? l->cgroup_parent : "/kist", l->c->row.id);
	struct oci_convert_options o = {.tty = c->tty,
		.rows = l->rows,
		.columns = l->columns,
		.hostname = c->hostname,
		.domainname = c->domainname,
		.init = c->init,
		.privileged = c->privileged,
		.readonly_rootfs = c->readonly_rootfs,
		.root_path = l->rootfs,
		.userns = l->userns,
		.last_gid = l->userns ? userns_last_id(false) : 0,
		.cgroups_path = cgroup,
		.rlimits = l->rlimits,
		.nrlimits = l->nrlimits};
	add_resources(c, &o);
	add_namespaces(l, &p, &o);
	int r = resolve_user(l, &p, &o, e);
	if (r >= 0)
		r = add_mounts(l, &p, &o, e);
	if (r >= 0)
		r = add_devices(l, &p, &o, e);
	if (r >= 0)
		r = add_security(l, &p, &o, e);
	if (r >= 0)
		r = oci_convert_runtime(&c->config, &o, out, e);
	return r;
}
