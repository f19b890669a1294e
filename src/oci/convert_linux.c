/* The linux section: namespaces, resources, devices, paths, sysctls. */
#include "base/mem.h"
#include "base/str.h"
#include "oci/convert_priv.h"

#include <stdlib.h>
#include <string.h>

static void add_namespace(json_t *list, const char *type, const char *path)
{
	json_t *ns = json_object();
	json_object_set_new(ns, "type", json_string(type));
	if (path)
		json_object_set_new(ns, "path", oci_json_text(path));
	json_array_append_new(list, ns);
}

static json_t *format_namespaces(const struct oci_convert_options *o)
{
	json_t *list = json_array();
	add_namespace(list, "mount", NULL);
	if (!o->pid_host)
		add_namespace(list, "pid", NULL);
	if (!o->ipc_host)
		add_namespace(list, "ipc", NULL);
	if (!o->uts_host)
		add_namespace(list, "uts", NULL);
	if (o->network == OCI_NETWORK_NEW)
		add_namespace(list, "network", NULL);
	else if (o->network == OCI_NETWORK_PATH)
		add_namespace(list, "network", o->network_path);
	if (!o->cgroup_host)
		add_namespace(list, "cgroup", NULL);
	return list;
}

static void add_rule(json_t *list, char type, int64_t major, int64_t minor, const char *access)
{
	json_t *rule = json_object();
	json_object_set_new(rule, "allow", json_true());
	json_object_set_new(rule, "type", json_stringn(&type, 1));
	if (major >= 0)
		json_object_set_new(rule, "major", json_integer(major));
	if (minor >= 0)
		json_object_set_new(rule, "minor", json_integer(minor));
	json_object_set_new(rule, "access", oci_json_text(access));
	json_array_append_new(list, rule);
}

/* Deny all, then what every container has: making nodes is free, using them is not. */
static json_t *format_device_rules(const struct oci_convert_options *o)
{
	json_t *list = json_array();
	json_t *all = json_object();
	json_object_set_new(all, "allow", json_boolean(o->privileged));
	json_object_set_new(all, "access", json_string("rwm"));
	json_array_append_new(list, all);
	if (o->privileged)
		return list;
	static const struct {
		int16_t major, minor;
		const char *access;
	} chars[] = {{-1, -1, "m"}, {1, 3, "rwm"}, {1, 5, "rwm"}, {1, 7, "rwm"}, {1, 8, "rwm"},
		{1, 9, "rwm"}, {5, 0, "rwm"}, {5, 1, "rwm"}, {5, 2, "rwm"}, {136, -1, "rwm"}};
	for (size_t i = 0; i < ARRAY_SIZE(chars); i++)
		add_rule(list, 'c', chars[i].major, chars[i].minor, chars[i].access);
	add_rule(list, 'b', -1, -1, "m");
	for (size_t i = 0; i < o->ndevices; i++) {
		const struct oci_convert_device *d = &o->devices[i];
		add_rule(list, d->type, d->major, d->minor, d->access ?: "rwm");
	}
	return list;
}

static json_t *format_devices(const struct oci_convert_options *o)
{
	json_t *list = json_array();
	for (size_t i = 0; i < o->ndevices; i++) {
		const struct oci_convert_device *d = &o->devices[i];
		json_t *dev = json_object();
		json_object_set_new(dev, "path", oci_json_text(d->path));
		json_object_set_new(dev, "type", json_stringn(&d->type, 1));
		json_object_set_new(dev, "major", json_integer(d->major));
		json_object_set_new(dev, "minor", json_integer(d->minor));
		json_object_set_new(dev, "fileMode", json_integer(d->mode ? d->mode : 0666));
		json_object_set_new(dev, "uid", json_integer(0));
		json_object_set_new(dev, "gid", json_integer(0));
		json_array_append_new(list, dev);
	}
	return list;
}

static void set_number(json_t *o, const char *key, int64_t value)
{
	if (value)
		json_object_set_new(o, key, json_integer(value));
}

static void set_member(json_t *o, const char *key, json_t *value)
{
	if (json_object_size(value))
		json_object_set(o, key, value);
	json_decref(value);
}

static json_t *format_memory(const struct oci_convert_resources *r)
{
	json_t *m = json_object();
	set_number(m, "limit", r->memory);
	set_number(m, "reservation", r->memory_reservation);
	int64_t swap = r->memory_swap;
	if (!swap && r->memory > 0 && r->memory <= INT64_MAX / 2)
		swap = 2 * r->memory; /* docker: as much swap as memory */
	set_number(m, "swap", swap);
	if (r->swappiness > 0)
		json_object_set_new(m, "swappiness", json_integer(r->swappiness - 1));
	if (r->oom_kill_disable)
		json_object_set_new(m, "disableOOMKiller", json_true());
	return m;
}

static json_t *format_cpu(const struct oci_convert_resources *r)
{
	json_t *c = json_object();
	set_number(c, "shares", r->cpu_shares);
	int64_t quota = r->cpu_quota, period = r->cpu_period;
	if (r->nano_cpus > 0) {
		period = 100000;
		quota = r->nano_cpus / (1000000000 / period);
	}
	set_number(c, "quota", quota);
	set_number(c, "period", period);
	if (!str_empty(r->cpuset_cpus))
		json_object_set_new(c, "cpus", oci_json_text(r->cpuset_cpus));
	if (!str_empty(r->cpuset_mems))
		json_object_set_new(c, "mems", oci_json_text(r->cpuset_mems));
	return c;
}

json_t *oci_convert_resources(const struct oci_convert_options *o)
{
	const struct oci_convert_resources *r = &o->resources;
	json_t *res = json_object();
	json_object_set_new(res, "devices", format_device_rules(o));
	set_member(res, "memory", format_memory(r));
	set_member(res, "cpu", format_cpu(r));
	if (r->pids) {
		json_t *pids = json_object();
		json_object_set_new(pids, "limit", json_integer(r->pids));
		json_object_set_new(res, "pids", pids);
	}
	if (r->blkio_weight) {
		json_t *blkio = json_object();
		json_object_set_new(blkio, "weight", json_integer(r->blkio_weight));
		json_object_set_new(res, "blockIO", blkio);
	}
	return res;
}

static json_t *format_list(const char *const *v, size_t n)
{
	json_t *a = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(a, json_string(v[i]));
	return a;
}

/* What the kernel shows to a root that is not the host's: docker's list. */
static void format_paths(json_t *o)
{
	static const char *const masked[] = {"/proc/asound", "/proc/acpi", "/proc/interrupts",
		"/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
		"/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware",
		"/sys/devices/virtual/powercap"};
	static const char *const readonly[] = {
		"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
	json_object_set_new(o, "maskedPaths", format_list(masked, ARRAY_SIZE(masked)));
	json_object_set_new(o, "readonlyPaths", format_list(readonly, ARRAY_SIZE(readonly)));
}

static json_t *format_sysctls(const struct oci_convert_options *o)
{
	struct strv all cleanup_strv = STRV_INIT;
	/* in a network namespace of its own, port 80 and ping need no privilege */
	if (o->network != OCI_NETWORK_HOST) {
		strv_add(&all, "net.ipv4.ip_unprivileged_port_start=0");
		strv_addf(&all, "net.ipv4.ping_group_range=0 %u",
			o->userns ? MIN(o->last_gid, 2147483647U) : 2147483647U);
	}
	for (size_t i = 0; o->sysctls && i < o->sysctls->n; i++) {
		const char *eq = strchr(o->sysctls->v[i], '=');
		if (!eq)
			continue;
		char *name cleanup_free =
			mem_strndup(o->sysctls->v[i], (size_t)(eq - o->sysctls->v[i]));
		strv_env_set(&all, name, eq + 1);
	}
	return oci_json_from_map(&all);
}

json_t *oci_convert_linux(const struct oci_convert_options *o)
{
	json_t *l = json_object();
	json_object_set_new(l, "namespaces", format_namespaces(o));
	if (!str_empty(o->cgroups_path))
		json_object_set_new(l, "cgroupsPath", oci_json_text(o->cgroups_path));
	json_object_set_new(l, "resources", oci_convert_resources(o));
	if (o->ndevices)
		json_object_set_new(l, "devices", format_devices(o));
	set_member(l, "sysctl", format_sysctls(o));
	if (!o->privileged && !o->unconfined_paths)
		format_paths(l);
	return l;
}
