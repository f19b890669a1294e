/*
 * Profiles in Docker's format: rules with includes and excludes, which resolve
 * for one container (its capabilities, architecture, kernel) into the section of
 * the specification. A document of the specification passes through unchanged.
 */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "oci/caps.h"
#include "runtime/seccomp_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

static const struct arch_names {
	const char *machine, *docker, *native, *more[2];
} arch_table[] = {
	{"x86_64", "amd64", "SCMP_ARCH_X86_64", {"SCMP_ARCH_X86", "SCMP_ARCH_X32"}},
	{"i686", "x86", "SCMP_ARCH_X86", {NULL, NULL}},
	{"aarch64", "arm64", "SCMP_ARCH_AARCH64", {"SCMP_ARCH_ARM", NULL}},
	{"armv7l", "arm", "SCMP_ARCH_ARM", {NULL, NULL}},
	{"ppc64le", "ppc64le", "SCMP_ARCH_PPC64LE", {NULL, NULL}},
	{"s390x", "s390x", "SCMP_ARCH_S390X", {"SCMP_ARCH_S390", NULL}},
	{"riscv64", "riscv64", "SCMP_ARCH_RISCV64", {NULL, NULL}},
	{"loongarch64", "loong64", "SCMP_ARCH_LOONGARCH64", {NULL, NULL}},
};

void runtime_seccomp_host_get(struct runtime_seccomp_host *ret)
{
	struct utsname u;
	uname(&u);
	*ret = (struct runtime_seccomp_host){.arch = "unknown"};
	for (size_t i = 0; i < ARRAY_SIZE(arch_table); i++)
		if (str_eq(arch_table[i].machine, u.machine))
			ret->arch = arch_table[i].docker;
	char *end;
	ret->kernel_major = (unsigned)strtoul(u.release, &end, 10);
	ret->kernel_minor = *end == '.' ? (unsigned)strtoul(end + 1, NULL, 10) : 0;
}

static const struct arch_names *find_arch(const char *docker)
{
	for (size_t i = 0; i < ARRAY_SIZE(arch_table); i++)
		if (str_eq(arch_table[i].docker, docker))
			return &arch_table[i];
	return NULL;
}

bool seccomp_archs_print(const char *docker, struct buf *out)
{
	const struct arch_names *a = find_arch(docker);
	if (!a)
		return false;
	buf_printf(out, "[\"%s\"", a->native);
	for (size_t i = 0; i < ARRAY_SIZE(a->more) && a->more[i]; i++)
		buf_printf(out, ",\"%s\"", a->more[i]);
	buf_add_char(out, ']');
	return true;
}

/* The architectures that the profile's own map gives for ours; NULL: the map has none */
static json_t *map_archs(const json_t *map, const char *docker)
{
	const struct arch_names *a = find_arch(docker);
	size_t i;
	json_t *entry;
	json_array_foreach ((json_t *)map, i, entry) {
		const char *name = json_string_value(json_object_get(entry, "architecture"));
		if (!a || !str_eq(name, a->native))
			continue;
		json_t *list = json_array();
		json_array_append_new(list, json_string(name));
		json_array_extend(list, json_object_get(entry, "subArchitectures"));
		return list;
	}
	return NULL;
}

struct resolve {
	const struct jread *r;
	uint64_t caps;
	const struct runtime_seccomp_host *host;
};

static bool kernel_reaches(const struct runtime_seccomp_host *h, const char *want)
{
	char *end;
	unsigned long major = strtoul(want, &end, 10);
	unsigned long minor = *end == '.' ? strtoul(end + 1, NULL, 10) : 0;
	return h->kernel_major > major || (h->kernel_major == major && h->kernel_minor >= minor);
}

/* How many of the conditions hold; *ret_n: how many there are */
static int count_conditions(const struct resolve *c, const struct jnode *n, const char *key,
	size_t *ret_hold, size_t *ret_n)
{
	struct jnode cond;
	struct runtime_strings caps = {NULL, 0}, arches = {NULL, 0};
	const char *kernel = NULL;
	int k = jread_object(c->r, n, key, &cond);
	*ret_hold = *ret_n = 0;
	if (k <= 0)
		return k;
	if ((k = jread_strings(c->r, &cond, "caps", &caps)) < 0 ||
		(k = jread_strings(c->r, &cond, "arches", &arches)) < 0 ||
		(k = jread_str(c->r, &cond, "minKernel", &kernel)) < 0)
		return k;
	for (size_t i = 0; i < caps.n; i++) {
		int cap = oci_cap_parse(caps.v[i]);
		*ret_hold += cap >= 0 && (c->caps >> cap & 1);
		++*ret_n;
	}
	if (arches.n) {
		bool here = false;
		for (size_t i = 0; i < arches.n; i++)
			here |= str_eq(arches.v[i], c->host->arch);
		*ret_hold += here;
		++*ret_n;
	}
	if (kernel) {
		*ret_hold += kernel_reaches(c->host, kernel);
		++*ret_n;
	}
	return 0;
}

/* A rule holds when every include holds and no exclude does. */
static int rule_applies(const struct resolve *c, const struct jnode *n)
{
	size_t hold, all;
	int k = count_conditions(c, n, "excludes", &hold, &all);
	if (k < 0 || hold > 0)
		return k;
	k = count_conditions(c, n, "includes", &hold, &all);
	return k < 0 ? k : hold == all;
}

static json_t *take_rule(const json_t *rule)
{
	static const char *const keep[] = {"names", "action", "errnoRet", "args"};
	json_t *o = json_object();
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
		json_t *v = json_object_get(rule, keep[i]);
		if (v && !json_is_null(v))
			json_object_set(o, keep[i], v);
	}
	json_t *name = json_object_get(rule, "name"); /* the oldest form: one name a rule */
	if (json_is_string(name) && !json_object_get(o, "names"))
		json_object_set_new(o, "names", json_pack("[O]", name));
	return o;
}

static int resolve_rules(const struct resolve *c, const struct jnode *root, json_t *out)
{
	struct jnode list;
	int k = jread_array(c->r, root, "syscalls", &list);
	if (k < 0)
		return k;
	json_t *rules = json_array();
	json_object_set_new(out, "syscalls", rules);
	for (size_t i = 0; k && i < json_array_size(list.v); i++) {
		struct jnode item;
		int r = jread_object_at(c->r, &list, i, &item);
		if (r > 0)
			r = rule_applies(c, &item);
		if (r < 0)
			return r;
		if (r)
			json_array_append_new(rules, take_rule(item.v));
	}
	return 0;
}

static int resolve(const struct resolve *c, const struct jnode *root, json_t *out)
{
	static const char *const keep[] = {"defaultAction", "defaultErrnoRet", "architectures",
		"flags", "listenerPath", "listenerMetadata"};
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++) {
		json_t *v = json_object_get(root->v, keep[i]);
		if (v && !json_is_null(v))
			json_object_set(out, keep[i], v);
	}
	struct jnode map;
	int k = jread_array(c->r, root, "archMap", &map);
	if (k < 0)
		return k;
	json_t *archs = k ? map_archs(map.v, c->host->arch) : NULL;
	if (archs)
		json_object_set_new(out, "architectures", archs);
	if ((k = resolve_rules(c, root, out)) < 0)
		return k;
	/* the result must be a section that the runtime will take */
	struct runtime_seccomp *s;
	struct jnode n = {out, NULL, NULL, 0};
	return seccomp_read(c->r, &n, &s);
}

int runtime_seccomp_resolve(const char *profile, size_t len, uint64_t caps,
	const struct runtime_seccomp_host *host, struct buf *out, struct err *e)
{
	json_t *v = NULL;
	int r = json_load(profile, len, LIMIT_RUNTIME_CONFIG, &v, e);
	if (r < 0)
		return r;
	struct arena a cleanup_arena = ARENA_INIT;
	struct jread jr = {&a, e};
	struct resolve c = {&jr, caps, host};
	struct jnode root = {v, NULL, NULL, 0};
	json_t *doc = json_object();
	if (!json_is_object(v))
		r = err_set(e, ERR_FORMAT, "the document is not a JSON object");
	else
		r = resolve(&c, &root, doc);
	if (r >= 0) {
		char *text = json_dumps(doc, JSON_COMPACT);
		buf_add_str(out, text);
		free(text);
		r = 0;
	}
	json_decref(doc);
	json_decref(v);
	return r;
}
