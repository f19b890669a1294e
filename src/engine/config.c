/* What a container was created with, as JSON and back; see the header for the shape. */
#include "engine/config.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "oci/json.h"

#include <stdlib.h>
#include <string.h>

enum field_kind {
	FIELD_STRING,
	FIELD_BOOL,
	FIELD_I64,
	FIELD_LIST,
};

static const struct field {
	const char *name;
	size_t offset;
	enum field_kind kind;
} fields[] = {
#define F(kind, name, member)                                              \
	{                                                                  \
		name, offsetof(struct engine_config, member), FIELD_##kind \
	}
	F(STRING, "ImageName", image_name),
	F(STRING, "Hostname", hostname),
	F(STRING, "Domainname", domainname),
	F(BOOL, "Tty", tty),
	F(BOOL, "OpenStdin", open_stdin),
	F(BOOL, "AttachStdin", attach_stdin),
	F(BOOL, "AutoRemove", auto_remove),
	F(BOOL, "Init", init),
	F(BOOL, "Privileged", privileged),
	F(BOOL, "ReadonlyRootfs", readonly_rootfs),
	F(BOOL, "PublishAllPorts", publish_all),
	F(STRING, "NetworkMode", network),
	F(LIST, "Ports", ports),
	F(LIST, "Dns", dns),
	F(LIST, "DnsSearch", dns_search),
	F(LIST, "DnsOptions", dns_options),
	F(LIST, "ExtraHosts", extra_hosts),
	F(LIST, "NetworkAliases", network_aliases),
	F(STRING, "IPAddress", ip),
	F(STRING, "MacAddress", mac_address),
	F(LIST, "CapAdd", cap_add),
	F(LIST, "CapDrop", cap_drop),
	F(LIST, "SecurityOpt", security_opt),
	F(LIST, "GroupAdd", group_add),
	F(LIST, "Devices", devices),
	F(LIST, "Sysctls", sysctls),
	F(LIST, "Ulimits", ulimits),
	F(STRING, "PidMode", pid_mode),
	F(STRING, "IpcMode", ipc_mode),
	F(STRING, "UTSMode", uts_mode),
	F(STRING, "CgroupnsMode", cgroup_mode),
	F(STRING, "CgroupParent", cgroup_parent),
	F(I64, "Memory", memory),
	F(I64, "MemorySwap", memory_swap),
	F(I64, "MemoryReservation", memory_reservation),
	F(I64, "MemorySwappiness", memory_swappiness),
	F(BOOL, "OomKillDisable", oom_kill_disable),
	F(I64, "NanoCpus", nano_cpus),
	F(I64, "CpuShares", cpu_shares),
	F(I64, "CpuPeriod", cpu_period),
	F(I64, "CpuQuota", cpu_quota),
	F(STRING, "CpusetCpus", cpuset_cpus),
	F(STRING, "CpusetMems", cpuset_mems),
	F(I64, "PidsLimit", pids_limit),
	F(I64, "BlkioWeight", blkio_weight),
	F(BOOL, "HasOomScoreAdj", has_oom_score_adj),
	F(I64, "OomScoreAdj", oom_score_adj),
	F(I64, "ShmSize", shm_size),
	F(I64, "RestartPolicy", restart),
	F(I64, "RestartMaximum", restart_max),
	F(I64, "LogMaxSize", log_max_size),
	F(I64, "LogMaxFile", log_max_file),
	F(STRING, "SeccompProfile", seccomp_profile),
	F(LIST, "Annotations", annotations),
	F(STRING, "Starter", starter),
#undef F
};

static const struct field mount_fields[] = {
#define F(kind, name, member)                                             \
	{                                                                 \
		name, offsetof(struct engine_mount, member), FIELD_##kind \
	}
	F(STRING, "Type", type),
	F(STRING, "Name", name),
	F(STRING, "Source", source),
	F(STRING, "Destination", destination),
	F(BOOL, "ReadOnly", readonly),
	F(BOOL, "Anonymous", anonymous),
	F(BOOL, "NoCopy", nocopy),
	F(BOOL, "MakeSource", make_source),
	F(LIST, "Options", options),
#undef F
};

static void release_fields(void *o, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *p = (char *)o + f[i].offset;
		if (f[i].kind == FIELD_STRING)
			free(*(char **)p);
		else if (f[i].kind == FIELD_LIST)
			strv_release(p);
	}
}

/* dst is empty */
static void copy_fields(void *dst, const void *src, const struct field *f, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *to = (char *)dst + f[i].offset;
		const void *from = (const char *)src + f[i].offset;
		switch (f[i].kind) {
		case FIELD_STRING:
			*(char **)to = mem_strdup(*(char *const *)from);
			break;
		case FIELD_BOOL:
			*(bool *)to = *(const bool *)from;
			break;
		case FIELD_I64:
			*(int64_t *)to = *(const int64_t *)from;
			break;
		case FIELD_LIST:
			strv_copy(to, from);
			break;
		}
	}
}

void engine_mounts_release(struct engine_mounts *m)
{
	for (size_t i = 0; i < m->n; i++)
		release_fields(&m->v[i], mount_fields, ARRAY_SIZE(mount_fields));
	free(m->v);
	*m = (struct engine_mounts){0};
}

struct engine_mount *engine_mounts_add(struct engine_mounts *m)
{
	m->v = mem_realloc(m->v, m->n + 1, sizeof(*m->v));
	m->v[m->n] = (struct engine_mount){0};
	return &m->v[m->n++];
}

void engine_config_release(struct engine_config *c)
{
	release_fields(c, fields, ARRAY_SIZE(fields));
	oci_container_config_release(&c->config);
	engine_mounts_release(&c->mounts);
	*c = (struct engine_config)ENGINE_CONFIG_INIT;
}

void engine_config_copy(struct engine_config *dst, const struct engine_config *src)
{
	engine_config_release(dst);
	copy_fields(dst, src, fields, ARRAY_SIZE(fields));
	oci_container_config_copy(&dst->config, &src->config);
	for (size_t i = 0; i < src->mounts.n; i++)
		copy_fields(engine_mounts_add(&dst->mounts), &src->mounts.v[i], mount_fields,
			ARRAY_SIZE(mount_fields));
}

static int parse_field(json_t *o, const struct field *f, void *p, struct err *e)
{
	const char *s = NULL;
	switch (f->kind) {
	case FIELD_STRING: {
		int r = oci_json_string(o, "container", f->name, &s, e);
		if (r > 0)
			*(char **)p = mem_strdup(s);
		return r;
	}
	case FIELD_BOOL:
		return oci_json_bool(o, "container", f->name, p, e);
	case FIELD_I64:
		return oci_json_i64(o, "container", f->name, p, e);
	case FIELD_LIST:
		return oci_json_strings(o, "container", f->name, p, e);
	}
	return 0;
}

static int parse_mounts(json_t *doc, struct engine_mounts *ret, struct err *e)
{
	json_t *list = NULL, *o;
	size_t i;
	int r = oci_json_array(doc, "container", "Mounts", &list, e);
	if (r <= 0)
		return r;
	json_array_foreach (list, i, o) {
		struct engine_mount *m = engine_mounts_add(ret);
		for (size_t k = 0; k < ARRAY_SIZE(mount_fields) && r >= 0; k++)
			r = parse_field(o, &mount_fields[k], (char *)m + mount_fields[k].offset, e);
		if (r >= 0 && (!m->type || !m->destination))
			r = err_set(e, ERR_FORMAT, "container.Mounts[%zu]: incomplete", i);
		if (r < 0)
			return r;
	}
	return 0;
}

int engine_config_parse(const char *data, struct engine_config *ret, struct err *e)
{
	json_t *doc cleanup_json = NULL, *config = NULL;
	struct engine_config c = ENGINE_CONFIG_INIT;
	int r = oci_json_parse(data, strlen(data), LIMIT_CONFIG, "container", &doc, e);
	if (r < 0)
		return r;
	if (!json_is_object(doc))
		return err_set(e, ERR_FORMAT, "container: expected an object");
	r = oci_json_object(doc, "container", "Config", &config, e);
	if (r > 0)
		r = oci_container_config_parse(config, "container.Config", &c.config, e);
	for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++)
		r = parse_field(doc, &fields[i], (char *)&c + fields[i].offset, e);
	if (r >= 0)
		r = parse_mounts(doc, &c.mounts, e);
	if (r < 0) {
		engine_config_release(&c);
		return r;
	}
	*ret = c;
	return 0;
}

static void format_field(json_t *o, const struct field *f, const void *p)
{
	switch (f->kind) {
	case FIELD_STRING:
		if (*(char *const *)p)
			json_object_set_new(o, f->name, json_string(*(char *const *)p));
		break;
	case FIELD_BOOL:
		if (*(const bool *)p)
			json_object_set_new(o, f->name, json_true());
		break;
	case FIELD_I64:
		if (*(const int64_t *)p)
			json_object_set_new(o, f->name, json_integer(*(const int64_t *)p));
		break;
	case FIELD_LIST:
		if (((const struct strv *)p)->n)
			json_object_set_new(o, f->name, oci_json_from_strings(p));
		break;
	}
}

json_t *engine_config_json(const struct engine_config *c)
{
	json_t *doc = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		format_field(doc, &fields[i], (const char *)c + fields[i].offset);
	json_object_set_new(doc, "Config", oci_container_config_format(&c->config));
	json_t *mounts = json_array();
	for (size_t i = 0; i < c->mounts.n; i++) {
		json_t *o = json_object();
		for (size_t k = 0; k < ARRAY_SIZE(mount_fields); k++)
			format_field(o, &mount_fields[k],
				(const char *)&c->mounts.v[i] + mount_fields[k].offset);
		json_array_append_new(mounts, o);
	}
	json_object_set_new(doc, "Mounts", mounts);
	return doc;
}

void engine_config_format(const struct engine_config *c, struct buf *out)
{
	json_t *doc cleanup_json = engine_config_json(c);
	oci_json_format(doc, out);
}
