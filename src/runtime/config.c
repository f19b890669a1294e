/*
 * OCI runtime configuration, top level: version, root, hooks, annotations. The
 * process, mounts, linux and resources parts are in config_*.c.
 */
#include "runtime/config.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/json_priv.h"

#include <limits.h>
#include <string.h>
#include <sys/mount.h>

struct config_box {
	struct runtime_config c; /* first: the pointer we hand out */
	struct arena arena;
};

static const char *const no_strings[] = {NULL};

static int read_hook(const struct jread *r, const struct jnode *n, void *item)
{
	struct runtime_hook *h = item;
	int k = jread_str(r, n, "path", &h->path);
	if (k < 0)
		return k;
	if (k == 0 || h->path[0] != '/')
		return jread_fail(r, n, "path is missing or not absolute");
	int64_t timeout = 0;
	if ((k = jread_strings(r, n, "args", &h->args)) < 0 ||
		(k = jread_strings(r, n, "env", &h->env)) < 0 ||
		(k = jread_int(r, n, "timeout", 1, INT_MAX / 1000, &timeout)) < 0)
		return k;
	h->timeout_s = (int)timeout;
	return 0;
}

static int read_hooks(const struct jread *r, const struct jnode *root, struct runtime_config *c)
{
	static const char *const names[RUNTIME_HOOK_KINDS] = {
		"prestart",
		"createRuntime",
		"createContainer",
		"startContainer",
		"poststart",
		"poststop",
	};
	struct jnode hooks;
	int k = jread_object(r, root, "hooks", &hooks);
	if (k <= 0)
		return k;
	for (int i = 0; i < RUNTIME_HOOK_KINDS; i++) {
		k = jread_objects(r, &hooks, names[i], sizeof(struct runtime_hook), read_hook,
			&c->hooks[i].v, &c->hooks[i].n);
		if (k < 0)
			return k;
	}
	return 0;
}

static int read_version(const struct jread *r, const struct jnode *root, struct runtime_config *c)
{
	int k = jread_str(r, root, "ociVersion", &c->version);
	if (k < 0)
		return k;
	if (k == 0)
		return jread_fail(r, root, "ociVersion is missing");
	if (!str_starts(c->version, "1."))
		return err_set(r->e, ERR_UNSUPPORTED, "ociVersion '%s' is not 1.x", c->version);
	return 0;
}

static int read_root(const struct jread *r, const struct jnode *root, struct runtime_config *c)
{
	struct jnode n;
	int k = jread_object(r, root, "root", &n);
	if (k < 0)
		return k;
	if (k == 0)
		return jread_fail(r, root, "root is missing");
	if ((k = jread_str(r, &n, "path", &c->root_path)) < 0)
		return k;
	if (str_empty(c->root_path))
		return jread_fail(r, &n, "path is missing");
	return jread_bool(r, &n, "readonly", &c->root_readonly);
}

static int read_config(const struct jread *r, const struct jnode *root, struct runtime_config *c)
{
	struct jnode n;
	int k;
	if ((k = read_version(r, root, c)) < 0 || (k = read_root(r, root, c)) < 0 ||
		(k = jread_str(r, root, "hostname", &c->hostname)) < 0 ||
		(k = jread_str(r, root, "domainname", &c->domainname)) < 0 ||
		(k = jread_pairs(r, root, "annotations", &c->annotations)) < 0 ||
		(k = config_read_mounts(r, root, c)) < 0 || (k = read_hooks(r, root, c)) < 0)
		return k;
	if ((k = jread_object(r, root, "process", &n)) < 0)
		return k;
	c->has_process = k;
	if (k && (k = config_read_process(r, &n, &c->process)) < 0)
		return k;
	if ((k = jread_object(r, root, "linux", &n)) < 0)
		return k;
	return k ? config_read_linux(r, &n, c) : 0;
}

/* Lists that the document left out are empty, not NULL. */
static void fill_lists(struct runtime_config *c)
{
	struct runtime_strings *lists[] = {
		&c->process.args,
		&c->process.env,
		&c->process.unknown_caps,
		&c->masked_paths,
		&c->readonly_paths,
	};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		if (!lists[i]->v)
			lists[i]->v = (const char **)(void *)no_strings;
}

enum part { PART_CONFIG, PART_PROCESS, PART_RESOURCES };

static int parse_part(
	const char *json, size_t len, enum part part, struct runtime_config **ret, struct err *e)
{
	json_t *v = NULL;
	struct json_cut cut = {.outer = "linux", .inner = "seccomp"};
	int r = json_load_cut(
		json, len, LIMIT_RUNTIME_CONFIG, part == PART_CONFIG ? &cut : NULL, &v, e);
	if (r < 0)
		return r;
	struct config_box *box = mem_alloc(sizeof(*box));
	struct runtime_config *c cleanup_runtime_config = &box->c;
	struct jread jr = {&box->arena, e};
	struct jnode root = {v, NULL, NULL, 0};
	c->process.umask = -1;
	if (cut.text) {
		c->seccomp = arena_strndup(&box->arena, cut.text, cut.len);
		c->seccomp_len = cut.len;
	}
	if (!json_is_object(v))
		r = err_set(e, ERR_FORMAT, "the document is not a JSON object");
	else if (part == PART_PROCESS)
		r = config_read_process(&jr, &root, &c->process);
	else if (part == PART_RESOURCES)
		r = config_read_resources(&jr, &root, &c->resources);
	else
		r = read_config(&jr, &root, c);
	json_decref(v);
	if (r < 0)
		return r;
	c->has_process |= part == PART_PROCESS;
	fill_lists(c);
	c->source = arena_strndup(&box->arena, json, len);
	c->source_len = len;
	*ret = STEAL(c);
	return 0;
}

int runtime_config_parse(const char *json, size_t len, struct runtime_config **ret, struct err *e)
{
	return parse_part(json, len, PART_CONFIG, ret, e);
}

int runtime_config_parse_process(
	const char *json, size_t len, struct runtime_config **ret, struct err *e)
{
	return parse_part(json, len, PART_PROCESS, ret, e);
}

int runtime_config_parse_resources(
	const char *json, size_t len, struct runtime_config **ret, struct err *e)
{
	return parse_part(json, len, PART_RESOURCES, ret, e);
}

void runtime_config_free(struct runtime_config *c)
{
	if (!c)
		return;
	struct config_box *box = (struct config_box *)c;
	arena_release(&box->arena);
	free(box);
}
