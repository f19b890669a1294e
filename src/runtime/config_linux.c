/* The linux object of a runtime config (config-linux.md): namespaces, devices, paths. */
#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "runtime/idmap.h"
#include "runtime/json_priv.h"
#include "runtime/netdev_priv.h"
#include "runtime/ns_priv.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int ns_kind(const char *word)
{
	for (int i = 0; i < RUNTIME_NS_KINDS; i++)
		if (str_eq(word, ns_kinds[i].word))
			return i;
	return -1;
}

static int read_namespaces(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	struct jnode list;
	int k = jread_array(r, n, "namespaces", &list);
	for (size_t i = 0; k > 0 && i < json_array_size(list.v); i++) {
		struct jnode item;
		const char *type = NULL, *path = NULL;
		if ((k = jread_object_at(r, &list, i, &item)) < 0 ||
			(k = jread_str(r, &item, "type", &type)) < 0 ||
			(k = jread_str(r, &item, "path", &path)) < 0)
			return k;
		int kind = ns_kind(type);
		if (kind < 0)
			return jread_fail(r, &item, "unknown type '%s'", type ? type : "");
		if (c->ns[kind].want)
			return jread_fail(r, &item, "namespace '%s' stands here twice", type);
		if (path && *path && *path != '/')
			return jread_fail(r, &item, "path '%s' is not absolute", path);
		c->ns[kind] = (struct runtime_ns){true, str_empty(path) ? NULL : path};
		k = 1;
	}
	return MIN(k, 0);
}

static int read_map(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_id_map *m = item;
	int k;
	if ((k = jread_u32(r, n, "containerID", &m->container)) < 0 ||
		(k = jread_u32(r, n, "hostID", &m->host)) < 0 ||
		(k = jread_u32(r, n, "size", &m->size)) < 0)
		return k;
	return m->size ? 0 : jread_fail(r, n, "size is missing or 0");
}

int config_read_id_maps(const struct jread *r, const struct jnode *n, const char *key,
	struct runtime_id_map **ret, size_t *ret_n)
{
	int k = jread_objects(r, n, key, sizeof(**ret), read_map, ret, ret_n);
	if (k > 0 && *ret_n > RUNTIME_ID_MAPS_MAX)
		return jread_fail(r, n, "%s: more than %d lines", key, RUNTIME_ID_MAPS_MAX);
	return k;
}

static int read_device(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_device *d = item;
	const char *type = NULL;
	uint32_t mode = 0666;
	int k, major, minor;
	if ((k = jread_str(r, n, "path", &d->path)) < 0 ||
		(k = jread_str(r, n, "type", &type)) < 0 ||
		(k = major = jread_u32(r, n, "major", &d->major)) < 0 ||
		(k = minor = jread_u32(r, n, "minor", &d->minor)) < 0 ||
		(k = jread_u32(r, n, "fileMode", &mode)) < 0 ||
		(k = jread_u32(r, n, "uid", &d->uid)) < 0 ||
		(k = jread_u32(r, n, "gid", &d->gid)) < 0)
		return k;
	if (str_empty(d->path) || d->path[0] != '/')
		return jread_fail(r, n, "path is missing or not absolute");
	if (!type || !*type || type[1] || !strchr("cbpu", *type))
		return jread_fail(r, n, "type '%s' is none of c, b, p, u", type ? type : "");
	if (*type != 'p' && (!major || !minor)) /* 0:0 would be a whiteout */
		return jread_fail(r, n, "major or minor is missing");
	d->type = *type == 'u' ? 'c' : *type;
	d->mode = mode & 07777;
	return 0;
}

static int read_time_offsets(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	static const char *const clocks[RUNTIME_CLOCKS] = {"monotonic", "boottime"};
	struct jnode all, clock;
	int k = jread_object(r, n, "timeOffsets", &all);
	const char *name;
	json_t *value;
	json_object_foreach (k > 0 ? all.v : NULL, name, value)
		if (!str_eq(name, clocks[0]) && !str_eq(name, clocks[1]))
			return jread_fail(r, &all, "there is no clock '%s'", name);
	for (int i = 0; k > 0 && i < RUNTIME_CLOCKS; i++) {
		struct runtime_time_offset *t = &c->time_offsets[i];
		int64_t nanosecs = 0;
		int there = jread_object(r, &all, clocks[i], &clock);
		if (there < 0)
			return there;
		t->set = there;
		if (there &&
			((k = jread_int(r, &clock, "secs", INT64_MIN, INT64_MAX, &t->secs)) < 0 ||
				(k = jread_int(r, &clock, "nanosecs", 0, 999999999, &nanosecs)) <
					0))
			return k;
		t->nanosecs = (uint32_t)nanosecs;
		k = 1;
	}
	return MIN(k, 0);
}

static int read_net_devices(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	struct jnode all;
	int k = jread_object(r, n, "netDevices", &all);
	if (k <= 0)
		return k;
	struct runtime_pair *v = arena_alloc(r->a, (json_object_size(all.v) + 1) * sizeof(*v));
	size_t count = 0;
	const char *name;
	json_t *value;
	json_object_foreach (all.v, name, value) {
		const struct jnode item = {value, &all, name, 0};
		struct runtime_pair *p = &v[count++];
		p->key = p->value = arena_strdup(r->a, name);
		if (!json_is_null(value) && !json_is_object(value))
			return jread_fail(r, &item, "expected an object");
		if (value && (k = jread_str(r, &item, "name", &p->value)) < 0)
			return k;
		if (str_empty(p->value))
			p->value = p->key;
		if (!netdev_name_valid(p->key, false) || !netdev_name_valid(p->value, true))
			return jread_fail(r, &item, "'%s' is no name for a network interface",
				netdev_name_valid(p->key, false) ? p->value : p->key);
	}
	c->net_devices = (struct runtime_pairs){v, count};
	return 0;
}

/* The name becomes a directory of resctrl beside the kernel's own. */
static bool is_clos_id(const char *id)
{
	static const char *const taken[] = {".", "..", "info", "mon_groups", "mon_data"};
	for (size_t i = 0; i < ARRAY_SIZE(taken); i++)
		if (str_eq(id, taken[i]))
			return false;
	return str_eq(id, "/") || (*id && !strpbrk(id, "/\n"));
}

static int read_rdt(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	struct runtime_rdt *t = &c->rdt;
	struct jnode m;
	int k = jread_object(r, n, "intelRdt", &m);
	if (k <= 0 || !json_object_size(m.v))
		return k;
	if ((k = jread_str(r, &m, "closID", &t->clos_id)) < 0 ||
		(k = jread_str(r, &m, "l3CacheSchema", &t->l3_schema)) < 0 ||
		(k = jread_str(r, &m, "memBwSchema", &t->mb_schema)) < 0 ||
		(k = jread_strings(r, &m, "schemata", &t->schemata)) < 0 ||
		(k = jread_bool(r, &m, "enableMonitoring", &t->monitoring)) < 0)
		return k;
	if (str_empty(t->clos_id))
		t->clos_id = NULL;
	if (t->clos_id && !is_clos_id(t->clos_id))
		return jread_fail(r, &m, "closID '%s' is no name for a class", t->clos_id);
	if (!str_empty(t->mb_schema) &&
		(!str_starts(t->mb_schema, "MB:") || strchr(t->mb_schema, '\n')))
		return jread_fail(r, &m, "memBwSchema is not one line that begins with 'MB:'");
	for (size_t i = 0; i < t->schemata.n; i++)
		if (!strchr(t->schemata.v[i], ':') || strchr(t->schemata.v[i], '\n'))
			return jread_fail(
				r, &m, "schemata[%zu] is not one line such as 'L3:0=ff'", i);
	t->set = true;
	return 0;
}

static int read_propagation(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	const char *word = NULL;
	int k = jread_str(r, n, "rootfsPropagation", &word);
	if (k < 0)
		return k;
	if (!str_empty(word) && !(c->root_propagation = config_propagation(word)))
		return jread_fail(r, n, "rootfsPropagation '%s' is unknown", word);
	return 0;
}

/* A section that was spelled in an unusual way */
static int take_seccomp(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	if (c->seccomp)
		return jread_fail(r, n, "stands here twice");
	char *text = json_dumps(n->v, JSON_COMPACT);
	c->seccomp = arena_strdup(r->a, text ? text : "");
	c->seccomp_len = strlen(c->seccomp);
	free(text);
	return 0;
}

int config_read_linux(const struct jread *r, const struct jnode *n, struct runtime_config *c)
{
	struct jnode m;
	int k;
	if ((k = read_namespaces(r, n, c)) < 0 ||
		(k = config_read_id_maps(r, n, "uidMappings", &c->uid_maps, &c->nuid_maps)) < 0 ||
		(k = config_read_id_maps(r, n, "gidMappings", &c->gid_maps, &c->ngid_maps)) < 0 ||
		(k = jread_objects(r, n, "devices", sizeof(*c->devices), read_device, &c->devices,
			 &c->ndevices)) < 0 ||
		(k = read_propagation(r, n, c)) < 0 ||
		(k = jread_str(r, n, "cgroupsPath", &c->cgroups_path)) < 0 ||
		(k = jread_pairs(r, n, "sysctl", &c->sysctl)) < 0 ||
		(k = jread_strings(r, n, "maskedPaths", &c->masked_paths)) < 0 ||
		(k = jread_strings(r, n, "readonlyPaths", &c->readonly_paths)) < 0 ||
		(k = jread_str(r, n, "mountLabel", &c->mount_label)) < 0)
		return k;
	if ((k = read_time_offsets(r, n, c)) < 0 || (k = read_net_devices(r, n, c)) < 0 ||
		(k = read_rdt(r, n, c)) < 0 || (k = config_read_personality(r, n, c)) < 0 ||
		(k = config_read_memory_policy(r, n, c)) < 0)
		return k;
	/* usually it was cut out before, and nothing is left here */
	if ((k = jread_object(r, n, "seccomp", &m)) < 0 ||
		(k > 0 && (k = take_seccomp(r, &m, c)) < 0))
		return k;
	if ((k = jread_object(r, n, "resources", &m)) < 0)
		return k;
	return k ? config_read_resources(r, &m, &c->resources) : 0;
}
