/* The `config` member of an image config: what containers start with. */
#include "oci/image_config.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/image_config_priv.h"
#include "oci/json.h"

#include <stdlib.h>
#include <string.h>

static const char *const known[] = {"User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes",
	"WorkingDir", "Labels", "StopSignal", "StopTimeout", "Healthcheck", "OnBuild", "Shell",
	"ArgsEscaped"};

void oci_healthcheck_release(struct oci_healthcheck *h)
{
	strv_release(&h->test);
	*h = (struct oci_healthcheck){0};
}

void oci_healthcheck_copy(struct oci_healthcheck *dst, const struct oci_healthcheck *src)
{
	*dst = *src;
	dst->test = (struct strv)STRV_INIT;
	strv_add_all(&dst->test, &src->test);
}

void oci_container_config_release(struct oci_container_config *c)
{
	free(c->user);
	strv_release(&c->exposed_ports);
	strv_release(&c->env);
	strv_release(&c->entrypoint);
	strv_release(&c->cmd);
	strv_release(&c->volumes);
	free(c->working_dir);
	strv_release(&c->labels);
	free(c->stop_signal);
	oci_healthcheck_release(&c->healthcheck);
	strv_release(&c->onbuild);
	strv_release(&c->shell);
	json_decref(c->unknown);
	*c = (struct oci_container_config){.stop_timeout = -1};
}

static void copy_list(struct strv *list, const struct strv *src)
{
	*list = (struct strv)STRV_INIT;
	strv_add_all(list, src);
}

void oci_container_config_copy(
	struct oci_container_config *dst, const struct oci_container_config *src)
{
	*dst = *src; /* numbers and flags; all that is owned follows */
	dst->user = mem_strdup(src->user);
	dst->working_dir = mem_strdup(src->working_dir);
	dst->stop_signal = mem_strdup(src->stop_signal);
	copy_list(&dst->exposed_ports, &src->exposed_ports);
	copy_list(&dst->env, &src->env);
	copy_list(&dst->entrypoint, &src->entrypoint);
	copy_list(&dst->cmd, &src->cmd);
	copy_list(&dst->volumes, &src->volumes);
	copy_list(&dst->labels, &src->labels);
	copy_list(&dst->onbuild, &src->onbuild);
	copy_list(&dst->shell, &src->shell);
	oci_healthcheck_copy(&dst->healthcheck, &src->healthcheck);
	dst->unknown = src->unknown ? json_deep_copy(src->unknown) : NULL;
}

json_t *oci_image_config_unknown(json_t *o, const char *const *names, size_t n)
{
	json_t *rest = NULL;
	const char *key;
	json_t *v;
	json_object_foreach (o, key, v) {
		bool is_known = false;
		for (size_t i = 0; i < n && !is_known; i++)
			is_known = str_eq(names[i], key);
		if (is_known)
			continue;
		if (!rest)
			rest = json_object();
		json_object_set(rest, key, v);
	}
	return rest;
}

/* docker wrote Entrypoint and Cmd as a string once, and still reads it */
static int parse_argv(json_t *o, const char *where, const char *key, bool *ret_has,
	struct strv *ret, struct err *e)
{
	json_t *v = json_object_get(o, key);
	int r = 1;
	if (json_is_string(v))
		strv_add(ret, json_string_value(v));
	else
		r = oci_json_strings(o, where, key, ret, e);
	if (r > 0)
		*ret_has = true;
	return r < 0 ? r : 0;
}

/* NAME=VALUE cannot hold a name with '=': those (nobody has seen one) stay in `unknown`. */
static int parse_labels(json_t *o, const char *where, struct oci_container_config *c, struct err *e)
{
	json_t *labels = NULL;
	int r = oci_json_object(o, where, "Labels", &labels, e);
	if (r <= 0)
		return r;
	cleanup_json json_t *odd = NULL;
	const char *name;
	json_t *v;
	json_object_foreach (labels, name, v) {
		if (!json_is_string(v))
			return err_set(
				e, ERR_FORMAT, "%s.Labels.%s: expected a string", where, name);
		if (!strchr(name, '=')) {
			strv_addf(&c->labels, "%s=%s", name, json_string_value(v));
			continue;
		}
		if (!odd)
			odd = json_object();
		json_object_set(odd, name, v);
	}
	if (odd) {
		if (!c->unknown)
			c->unknown = json_object();
		json_object_set(c->unknown, "Labels", odd);
	}
	return 0;
}

static int parse_healthcheck(json_t *o, const char *where, struct oci_healthcheck *h, struct err *e)
{
	json_t *hc = NULL;
	int r = oci_json_object(o, where, "Healthcheck", &hc, e);
	if (r <= 0)
		return r;
	h->set = true;
	static const char at[] = "config.Healthcheck";
	r = oci_json_strings(hc, at, "Test", &h->test, e);
	struct {
		const char *key;
		int64_t *value;
	} const fields[] = {{"Interval", &h->interval}, {"Timeout", &h->timeout},
		{"StartPeriod", &h->start_period}, {"StartInterval", &h->start_interval},
		{"Retries", &h->retries}};
	for (size_t i = 0; i < ARRAY_SIZE(fields) && r >= 0; i++) {
		r = oci_json_i64(hc, at, fields[i].key, fields[i].value, e);
		if (r > 0 && *fields[i].value < 0)
			r = err_set(e, ERR_FORMAT, "%s.%s: negative", at, fields[i].key);
	}
	return r;
}

static int parse_text(json_t *o, const char *where, const char *key, char **ret, struct err *e)
{
	const char *s = NULL;
	int r = oci_json_string(o, where, key, &s, e);
	*ret = mem_strdup(s);
	return r;
}

static int parse_members(
	json_t *o, const char *where, struct oci_container_config *c, struct err *e)
{
	c->unknown = oci_image_config_unknown(o, known, ARRAY_SIZE(known));
	int r = parse_text(o, where, "User", &c->user, e);
	if (r >= 0)
		r = oci_json_set(o, where, "ExposedPorts", &c->exposed_ports, e);
	if (r >= 0)
		r = oci_json_strings(o, where, "Env", &c->env, e);
	if (r >= 0)
		r = parse_argv(o, where, "Entrypoint", &c->has_entrypoint, &c->entrypoint, e);
	if (r >= 0)
		r = parse_argv(o, where, "Cmd", &c->has_cmd, &c->cmd, e);
	if (r >= 0)
		r = oci_json_set(o, where, "Volumes", &c->volumes, e);
	if (r >= 0)
		r = parse_text(o, where, "WorkingDir", &c->working_dir, e);
	if (r >= 0)
		r = parse_labels(o, where, c, e);
	if (r >= 0)
		r = parse_text(o, where, "StopSignal", &c->stop_signal, e);
	if (r >= 0)
		r = oci_json_i64(o, where, "StopTimeout", &c->stop_timeout, e);
	if (r >= 0)
		r = parse_healthcheck(o, where, &c->healthcheck, e);
	if (r >= 0)
		r = oci_json_strings(o, where, "OnBuild", &c->onbuild, e);
	if (r >= 0)
		r = parse_argv(o, where, "Shell", &c->has_shell, &c->shell, e);
	if (r >= 0)
		r = oci_json_bool(o, where, "ArgsEscaped", &c->args_escaped, e);
	return r < 0 ? r : 0;
}

int oci_container_config_parse(
	struct json_t *o, const char *where, struct oci_container_config *ret, struct err *e)
{
	*ret = (struct oci_container_config){.stop_timeout = -1};
	int r = parse_members(o, where, ret, e);
	if (r < 0)
		oci_container_config_release(ret);
	return r;
}

void oci_image_config_set_text(json_t *o, const char *key, const char *value)
{
	if (value)
		json_object_set_new(o, key, oci_json_text(value));
}

static json_t *format_healthcheck(const struct oci_healthcheck *h)
{
	json_t *o = json_object();
	if (h->test.n)
		json_object_set_new(o, "Test", oci_json_from_strings(&h->test));
	const struct {
		const char *key;
		int64_t value;
	} fields[] = {{"Interval", h->interval}, {"Timeout", h->timeout},
		{"StartPeriod", h->start_period}, {"StartInterval", h->start_interval},
		{"Retries", h->retries}};
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].value)
			json_object_set_new(o, fields[i].key, json_integer(fields[i].value));
	return o;
}

static void set_strings(json_t *o, const char *key, bool has, const struct strv *list)
{
	if (has || list->n)
		json_object_set_new(o, key, oci_json_from_strings(list));
}

static void format_labels(json_t *o, const struct oci_container_config *c)
{
	json_t *odd = c->unknown ? json_object_get(c->unknown, "Labels") : NULL;
	if (!c->labels.n && !odd)
		return;
	json_t *labels = oci_json_from_map(&c->labels);
	if (odd)
		json_object_update(labels, odd);
	json_object_set_new(o, "Labels", labels);
}

struct json_t *oci_container_config_format(const struct oci_container_config *c)
{
	json_t *o = json_object();
	oci_image_config_set_text(o, "User", c->user);
	if (c->exposed_ports.n)
		json_object_set_new(o, "ExposedPorts", oci_json_from_set(&c->exposed_ports));
	set_strings(o, "Env", false, &c->env);
	set_strings(o, "Entrypoint", c->has_entrypoint, &c->entrypoint);
	set_strings(o, "Cmd", c->has_cmd, &c->cmd);
	if (c->volumes.n)
		json_object_set_new(o, "Volumes", oci_json_from_set(&c->volumes));
	oci_image_config_set_text(o, "WorkingDir", c->working_dir);
	format_labels(o, c);
	oci_image_config_set_text(o, "StopSignal", c->stop_signal);
	if (c->stop_timeout >= 0)
		json_object_set_new(o, "StopTimeout", json_integer(c->stop_timeout));
	if (c->args_escaped)
		json_object_set_new(o, "ArgsEscaped", json_true());
	if (c->healthcheck.set)
		json_object_set_new(o, "Healthcheck", format_healthcheck(&c->healthcheck));
	set_strings(o, "OnBuild", false, &c->onbuild);
	set_strings(o, "Shell", c->has_shell, &c->shell);
	if (c->unknown)
		json_object_update_missing(o, c->unknown);
	return o;
}
