/* kist ps. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/kist/containers.h"
#include "cli/table.h"
#include "engine/option.h"
#include "oci/convert.h"
#include "snapshot/usage.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "Up 3 minutes (healthy)", docker's words */
static char *status_text(const struct engine_container *c)
{
	char span[CLOCK_TEXT_MAX];
	const struct engine_state *s = &c->state;
	switch (s->status) {
	case ENGINE_RUNNING: {
		clock_format_span(clock_now() - s->started, span);
		const char *health = s->health == ENGINE_HEALTH_NONE ? NULL
				     : s->health == ENGINE_HEALTH_STARTING
					     ? "health: starting"
					     : engine_health_name(s->health);
		const char *alone = c->monitored ? "" : " (monitor lost)";
		if (health)
			return mem_printf("Up %s (%s)%s", span, health, alone);
		return mem_printf("Up %s%s", span, alone);
	}
	case ENGINE_RESTARTING:
		clock_format_ago(s->finished, clock_now(), span);
		return mem_printf("Restarting (%d) %s", s->exit_code, span);
	case ENGINE_EXITED:
		if (!s->finished)
			return mem_printf("Exited (%d)", s->exit_code);
		clock_format_ago(s->finished, clock_now(), span);
		return mem_printf("Exited (%d) %s", s->exit_code, span);
	case ENGINE_CREATED:
		return mem_strdup("Created");
	default:
		return mem_strdup(engine_status_name(s->status));
	}
}

static char *command_text(const struct engine_container *c, bool whole)
{
	struct strv args cleanup_strv = STRV_INIT;
	struct oci_convert_options o = {0};
	oci_convert_args(&c->config.config, &o, &args, NULL);
	cleanup_free char *all = strv_join(&args, " ");
	for (char *p = all; *p; p++)
		if ((unsigned char)*p < ' ')
			*p = ' ';
	if (whole || strlen(all) <= 20)
		return mem_printf("\"%s\"", all);
	int cut = 19;
	while (cut > 0 && ((unsigned char)all[cut] & 0xc0) == 0x80)
		cut--;
	return mem_printf("\"%.*s…\"", cut, all);
}

static char *size_text(struct containers *s, const struct engine_container *c)
{
	struct snapshot_usage u = {0};
	char text[32];
	cleanup_free char *path = store_container_path(s->store, c->row.id, "upper");
	snapshot_usage_get(path, &u, NULL);
	return mem_strdup(str_format_size(u.bytes, text, sizeof(text)));
}

static char *mounts_text(const struct engine_container *c)
{
	struct strv all cleanup_strv = STRV_INIT;
	for (size_t i = 0; i < c->config.mounts.n; i++) {
		const struct engine_mount *m = &c->config.mounts.v[i];
		strv_add(&all, m->name ? m->name : m->source ? m->source : m->destination);
	}
	return strv_join(&all, ",");
}

/* All that --format can name; the table's columns are taken from it too. */
static json_t *describe(
	struct cli *c, struct containers *s, const struct engine_container *k, bool size)
{
	bool whole = cli_flag(c, "no-trunc");
	char created[CLOCK_TEXT_MAX], ago[CLOCK_TEXT_MAX];
	clock_format(k->row.created, created);
	clock_format_ago(k->row.created, clock_now(), ago);
	cleanup_free char *status = status_text(k);
	cleanup_free char *command = command_text(k, whole);
	cleanup_free char *labels = strv_join(&k->config.config.labels, ",");
	cleanup_free char *mounts = mounts_text(k);
	cleanup_free char *bytes = size ? size_text(s, k) : mem_strdup("");
	cleanup_free char *id = whole ? mem_strdup(k->row.id) : mem_strndup(k->row.id, 12);
	const char *ports = k->state.status == ENGINE_RUNNING ? k->state.ports : "";
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "ID",
		id, "Names", k->row.name, "Image", k->config.image_name, "Command", command,
		"CreatedAt", created, "RunningFor", ago, "Status", status, "State",
		engine_status_name(k->state.status), "Ports", ports, "Size", bytes, "Labels",
		labels, "Mounts", mounts, "Networks", engine_network_mode(&k->config));
}

static bool label_matches(const struct strv *labels, const char *wanted)
{
	const char *eq = strchr(wanted, '=');
	if (eq)
		return strv_has(labels, wanted);
	return strv_env_get(labels, wanted) != NULL;
}

static bool mount_matches(const struct engine_config *g, const char *wanted)
{
	for (size_t i = 0; i < g->mounts.n; i++)
		if (str_eq(g->mounts.v[i].name, wanted) ||
			str_eq(g->mounts.v[i].destination, wanted) ||
			str_eq(g->mounts.v[i].source, wanted))
			return true;
	return false;
}

static bool image_matches(const struct engine_container *k, const char *wanted)
{
	const char *name = k->config.image_name;
	size_t n = strlen(wanted);
	const char *hex = str_starts(wanted, "sha256:") ? wanted + 7 : wanted;
	return str_eq(name, wanted) || (str_starts(name, wanted) && name[n] == ':') ||
	       (strlen(hex) >= 4 && str_starts(k->row.image + 7, hex));
}

/* 1 it fits, 0 it does not, negative: no such filter. The i-th filter's key and value. */
static int fits(const struct engine_container *k, const char *key, const char *value,
	const struct engine_container *other, struct err *e)
{
	const struct engine_state *s = &k->state;
	uint64_t code;
	if (str_eq(key, "id"))
		return str_starts(k->row.id, value);
	if (str_eq(key, "name"))
		return strstr(k->row.name, value) != NULL;
	if (str_eq(key, "label"))
		return label_matches(&k->config.config.labels, value);
	if (str_eq(key, "status"))
		return str_eq(engine_status_name(s->status), value);
	if (str_eq(key, "exited"))
		return s->status == ENGINE_EXITED && str_parse_u64(value, 10, &code) == 0 &&
		       code == (uint64_t)s->exit_code;
	if (str_eq(key, "ancestor"))
		return image_matches(k, value);
	if (str_eq(key, "volume"))
		return mount_matches(&k->config, value);
	if (str_eq(key, "network"))
		return str_eq(engine_network_mode(&k->config), value);
	if (str_eq(key, "health"))
		return str_eq(engine_health_name(s->health), value);
	if (str_eq(key, "publish"))
		return strstr(s->ports, value) != NULL;
	if (str_eq(key, "before") || str_eq(key, "since"))
		return str_eq(key, "before") ? k->row.created < other->row.created
					     : k->row.created > other->row.created;
	err_set(e, ERR_USAGE, "unknown filter '%s'", key);
	err_hint(e, "known: id, name, label, status, exited, ancestor, volume, network, health, "
		    "before, since, publish");
	return -ERR_USAGE;
}

/* Filters of one key are alternatives, but for labels; keys must all fit. */
static int passes(struct cli *c, struct containers *s, const struct engine_container *k)
{
	struct strv good cleanup_strv = STRV_INIT, bad cleanup_strv = STRV_INIT;
	const char *text;
	for (size_t i = 0; (text = cli_value_at(c, "filter", i)); i++) {
		struct engine_container other cleanup_engine_container = {
			.config = ENGINE_CONFIG_INIT};
		const char *eq = strchr(text, '=');
		if (!eq)
			return err_set(
				&c->err, ERR_USAGE, "--filter '%s': expected KEY=VALUE", text);
		cleanup_free char *key = mem_strndup(text, (size_t)(eq - text));
		int r = 0;
		if (str_eq(key, "before") || str_eq(key, "since"))
			r = engine_container_find(&s->g, eq + 1, &other, &c->err);
		if (r >= 0)
			r = fits(k, key, eq + 1, &other, &c->err);
		if (r < 0)
			return r;
		if (str_eq(key, "label") && r == 0)
			return 0;
		strv_add(r ? &good : &bad, key);
	}
	for (size_t i = 0; i < bad.n; i++)
		if (!strv_has(&good, bad.v[i]))
			return 0;
	return 1;
}

/* Which containers: running ones, or all when an option asks about the others. */
static bool wants_all(struct cli *c, size_t *most)
{
	const char *v;
	bool all = cli_flag(c, "all") || *most != SIZE_MAX;
	for (size_t i = 0; (v = cli_value_at(c, "filter", i)); i++)
		all |= str_starts(v, "status=") || str_starts(v, "exited=");
	return all;
}

static int select_them(
	struct cli *c, struct containers *s, struct engine_containers *all, json_t *ret, bool size)
{
	size_t most = cli_flag(c, "latest") ? 1 : SIZE_MAX;
	const char *v = cli_value(c, "last");
	uint64_t n;
	if (v && str_parse_u64(v, 10, &n) < 0)
		return err_set(&c->err, ERR_USAGE, "--last '%s': expected a number", v);
	if (v)
		most = (size_t)n;
	bool every = wants_all(c, &most);
	for (size_t i = 0; i < all->n && json_array_size(ret) < most; i++) {
		struct engine_container *k = &all->v[i];
		bool runs =
			k->state.status == ENGINE_RUNNING || k->state.status == ENGINE_RESTARTING;
		int r = every || runs ? passes(c, s, k) : 0;
		if (r < 0)
			return r;
		if (r)
			json_array_append_new(ret, describe(c, s, k, size));
	}
	return 0;
}

static void print_table(const json_t *list, bool size)
{
	static const char *const columns[][2] = {{"CONTAINER ID", "ID"}, {"IMAGE", "Image"},
		{"COMMAND", "Command"}, {"CREATED", "RunningFor"}, {"STATUS", "Status"},
		{"PORTS", "Ports"}, {"NAMES", "Names"}, {"SIZE", "Size"}};
	size_t n = ARRAY_SIZE(columns) - !size, i;
	struct cli_table t;
	json_t *o;
	cli_table_init(&t, n);
	for (size_t k = 0; k < n; k++)
		cli_table_add(&t, columns[k][0]);
	json_array_foreach (list, i, o) {
		for (size_t k = 0; k < n; k++)
			cli_table_add(&t, json_string_value(json_object_get(o, columns[k][1])));
	}
	cli_table_print(&t, stdout);
	cli_table_release(&t);
}

static int print(struct cli *c, const json_t *list, bool size)
{
	const char *format = cli_value(c, "format");
	size_t i;
	json_t *o;
	if (cli_flag(c, "quiet")) {
		json_array_foreach (list, i, o)
			puts(json_string_value(json_object_get(o, "ID")));
		return 0;
	}
	if (!format || str_eq(format, "table")) {
		print_table(list, size);
		return 0;
	}
	json_array_foreach (list, i, o) {
		if (str_eq(format, "json")) {
			cli_print_json(o, false, stdout);
			continue;
		}
		int r = cli_format(format, o, stdout, &c->err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Containers that should have removed themselves and could not: away, and out of the list. */
static void remove_leftovers(struct containers *s, struct engine_containers *all)
{
	size_t n = 0;
	for (size_t i = 0; i < all->n; i++) {
		struct engine_container *k = &all->v[i];
		/* ended, or its kist was killed before the start */
		bool over = k->state.status == ENGINE_EXITED ||
			    (k->state.status == ENGINE_CREATED && k->state.monitor);
		if (k->config.auto_remove && over && !k->monitored &&
			engine_container_remove(&s->g, k->row.id, ENGINE_REMOVE_VOLUMES, NULL) >=
				0) {
			engine_container_release(k);
			continue;
		}
		if (n != i) {
			all->v[n] = *k;
			*k = (struct engine_container){.config = ENGINE_CONFIG_INIT};
		}
		n++;
	}
	all->n = n;
}

static int cmd_ps(struct cli *c)
{
	struct containers s cleanup_containers = {0};
	struct engine_containers all cleanup_engine_containers = {0};
	const char *format = cli_value(c, "format");
	bool size = cli_flag(c, "size") || (format && strstr(format, ".Size"));
	int r = containers_open(c, &s);
	if (r >= 0)
		r = engine_sweep(&s.g, &c->err);
	if (r >= 0)
		r = engine_container_list(&s.g, &all, &c->err);
	if (r < 0)
		return r;
	remove_leftovers(&s, &all);
	json_t *list = json_array();
	r = select_them(c, &s, &all, list, size);
	if (r >= 0)
		r = print(c, list, size);
	json_decref(list);
	return r;
}

CLI_COMMAND(ps, cmd_ps);
