/* A container as docker's inspect shows it: what it was made with, and how it fares now. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/inspect.h"
#include "engine/container.h"
#include "engine/option.h"
#include "oci/convert.h"
#include "oci/json.h"
#include "snapshot/usage.h"
#include "store/store.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *time_text(int64_t ns)
{
	char text[CLOCK_TEXT_MAX];
	return json_string(ns ? clock_format(ns, text) : "0001-01-01T00:00:00Z");
}

static json_t *state(struct store *s, const struct engine_container *k)
{
	const struct engine_state *st = &k->state;
	bool runs = st->status == ENGINE_RUNNING;
	json_t *o = json_object();
	json_object_set_new(o, "Status", json_string(engine_status_name(st->status)));
	json_object_set_new(o, "Running", json_boolean(runs));
	json_object_set_new(o, "Paused", json_boolean(st->status == ENGINE_PAUSED));
	json_object_set_new(o, "Restarting", json_boolean(st->status == ENGINE_RESTARTING));
	json_object_set_new(o, "OOMKilled", json_boolean(st->oom_killed));
	json_object_set_new(o, "Dead", json_false());
	json_object_set_new(o, "Pid", json_integer(runs ? st->pid : 0));
	json_object_set_new(o, "MonitorPid", json_integer(k->monitored ? st->monitor : 0));
	json_object_set_new(o, "ExitCode", json_integer(st->exit_code));
	json_object_set_new(o, "Error", oci_json_text(st->error));
	json_object_set_new(o, "StartedAt", time_text(st->started));
	json_object_set_new(o, "FinishedAt", time_text(runs ? 0 : st->finished));
	if (st->health == ENGINE_HEALTH_NONE)
		return o;
	struct buf out cleanup_buf = BUF_INIT_MAX(65536);
	cleanup_free char *path = store_container_path(s, k->row.id, "health");
	cleanup_file FILE *f = fopen(path, "re");
	for (int c; f && (c = getc(f)) != EOF && buf_add_char(&out, (char)c) == 0;)
		continue;
	json_object_set_new(o, "Health",
		json_pack("{s:s, s:i, s:o}", "Status", engine_health_name(st->health),
			"FailingStreak", (int)st->health_failures, "LastOutput",
			oci_json_text(buf_str(&out))));
	return o;
}

/* "0.0.0.0:8080->80/tcp, ..." as docker's map of container ports to host addresses */
static json_t *ports(const char *text)
{
	json_t *map = json_object();
	for (const char *p = text; *p;) {
		size_t len = strcspn(p, ",");
		cleanup_free char *one = mem_strndup(p, len);
		char *arrow = strstr(one, "->"), *colon;
		p += len;
		p += strspn(p, ", ");
		if (!arrow)
			continue;
		*arrow = 0;
		colon = strrchr(one, ':');
		if (!colon)
			continue;
		*colon = 0;
		json_t *list = json_object_get(map, arrow + 2);
		if (!list) {
			list = json_array();
			json_object_set_new(map, arrow + 2, list);
		}
		json_array_append_new(
			list, json_pack("{s:s, s:s}", "HostIp", one, "HostPort", colon + 1));
	}
	return map;
}

static json_t *network(const struct engine_container *k)
{
	const struct engine_state *st = &k->state;
	const char *mode = engine_network_mode(&k->config);
	bool runs = st->status == ENGINE_RUNNING;
	return json_pack("{s:s, s:s, s:s, s:i, s:s, s:o}", "Mode", mode, "IPAddress",
		runs ? st->ip : "", "Gateway", runs ? st->gateway : "", "IPPrefixLen",
		runs ? (int)st->prefix : 0, "MacAddress", runs ? st->mac : "", "Ports",
		ports(runs ? st->ports : ""));
}

static json_t *mounts(const struct engine_container *k)
{
	json_t *list = json_array();
	for (size_t i = 0; i < k->config.mounts.n; i++) {
		const struct engine_mount *m = &k->config.mounts.v[i];
		json_t *o = json_object();
		json_object_set_new(o, "Type", json_string(m->type));
		if (m->name)
			json_object_set_new(o, "Name", json_string(m->name));
		json_object_set_new(o, "Source", oci_json_text(m->source ? m->source : ""));
		json_object_set_new(o, "Destination", oci_json_text(m->destination));
		json_object_set_new(o, "RW", json_boolean(!m->readonly));
		json_object_set_new(o, "Options", oci_json_from_strings(&m->options));
		json_array_append_new(list, o);
	}
	return list;
}

/* What the row holds beside the image's config: docker's HostConfig, in our words. */
static json_t *host_config(const struct engine_container *k)
{
	static const char *const policies[] = {
		[ENGINE_RESTART_NO] = "no",
		[ENGINE_RESTART_ON_FAILURE] = "on-failure",
		[ENGINE_RESTART_ALWAYS] = "always",
		[ENGINE_RESTART_UNLESS_STOPPED] = "unless-stopped",
	};
	json_t *o = engine_config_json(&k->config);
	static const char *const elsewhere[] = {
		"Config", "Mounts", "ImageName", "Hostname", "Domainname", "Starter"};
	for (size_t i = 0; i < ARRAY_SIZE(elsewhere); i++)
		json_object_del(o, elsewhere[i]);
	json_object_del(o, "RestartMaximum");
	json_object_set_new(o, "RestartPolicy",
		json_pack("{s:s, s:I}", "Name", policies[k->config.restart & 3],
			"MaximumRetryCount", (json_int_t)k->config.restart_max));
	return o;
}

static json_t *config(const struct engine_container *k)
{
	json_t *o = oci_container_config_format(&k->config.config);
	json_object_set_new(
		o, "Hostname", oci_json_text(k->config.hostname ? k->config.hostname : ""));
	json_object_set_new(
		o, "Domainname", oci_json_text(k->config.domainname ? k->config.domainname : ""));
	json_object_set_new(o, "Tty", json_boolean(k->config.tty));
	json_object_set_new(o, "OpenStdin", json_boolean(k->config.open_stdin));
	json_object_set_new(o, "Image", oci_json_text(k->config.image_name));
	return o;
}

static json_t *build(struct cli *c, struct store *s, const struct engine_container *k)
{
	struct strv args cleanup_strv = STRV_INIT;
	struct oci_convert_options none = {0};
	oci_convert_args(&k->config.config, &none, &args, NULL);
	cleanup_free char *path = args.n ? mem_strdup(args.v[0]) : mem_strdup("");
	if (args.n)
		strv_remove(&args, 0);
	cleanup_free char *log = store_container_path(s, k->row.id, "log");
	cleanup_free char *upper = store_container_path(s, k->row.id, "upper");
	json_t *o = json_object();
	json_object_set_new(o, "Id", json_string(k->row.id));
	json_object_set_new(o, "Created", time_text(k->row.created));
	json_object_set_new(o, "Path", oci_json_text(path));
	json_object_set_new(o, "Args", oci_json_from_strings(&args));
	json_object_set_new(o, "State", state(s, k));
	json_object_set_new(o, "Image", json_string(k->row.image));
	json_object_set_new(o, "LogPath", oci_json_text(log));
	json_object_set_new(o, "UpperDir", oci_json_text(upper));
	json_object_set_new(o, "Name", oci_json_text(k->row.name));
	json_object_set_new(o, "RestartCount", json_integer(k->state.restarts));
	json_object_set_new(o, "HostConfig", host_config(k));
	json_object_set_new(o, "Mounts", mounts(k));
	json_object_set_new(o, "Config", config(k));
	json_object_set_new(o, "NetworkSettings", network(k));
	if (cli_flag(c, "size")) {
		struct snapshot_usage u = {0};
		snapshot_usage_get(upper, &u, NULL);
		json_object_set_new(o, "SizeRw", json_integer((json_int_t)u.bytes));
	}
	return o;
}

int cli_inspect_container(
	struct cli *c, struct store *s, const char *text, json_t **ret, struct err *e)
{
	struct engine g = {.store = s, .storage_driver = c->storage_driver};
	struct engine_container k cleanup_engine_container = {.config = ENGINE_CONFIG_INIT};
	int r = engine_container_find(&g, text, &k, e);
	if (r >= 0)
		*ret = build(c, s, &k);
	return r;
}
