/* Image configs: the document around `config`, rootfs and history. */
#include "oci/image_config.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/digest.h"
#include "oci/image_config_priv.h"
#include "oci/json.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define WHAT "image config"

static const char *const known[] = {"created", "author", "architecture", "variant", "os",
	"os.version", "os.features", "config", "rootfs", "history"};
static const char *const known_history[] = {
	"created", "created_by", "author", "comment", "empty_layer"};

static void history_release(struct oci_history *h)
{
	free(h->created);
	free(h->created_by);
	free(h->author);
	free(h->comment);
	json_decref(h->unknown);
}

void oci_image_config_release(struct oci_image_config *c)
{
	free(c->created);
	free(c->author);
	free(c->architecture);
	free(c->variant);
	free(c->os);
	free(c->os_version);
	strv_release(&c->os_features);
	oci_container_config_release(&c->config);
	strv_release(&c->diff_ids);
	for (size_t i = 0; i < c->nhistory; i++)
		history_release(&c->history[i]);
	free(c->history);
	json_decref(c->unknown);
	*c = (struct oci_image_config)OCI_IMAGE_CONFIG_INIT;
}

static int parse_text(json_t *o, const char *where, const char *key, char **ret, struct err *e)
{
	const char *s = NULL;
	int r = oci_json_string(o, where, key, &s, e);
	*ret = mem_strdup(s);
	return r;
}

/* A time is kept as it is written; it must only be one. */
static int parse_time(json_t *o, const char *where, char **ret, struct err *e)
{
	int r = parse_text(o, where, "created", ret, e);
	int64_t ns;
	if (r > 0 && !str_empty(*ret) && clock_parse(*ret, &ns) == -EINVAL)
		return err_set(
			e, ERR_FORMAT, "%s.created: '%.40s' is not an RFC 3339 time", where, *ret);
	return r;
}

static int parse_history_entry(json_t *o, const char *where, struct oci_history *h, struct err *e)
{
	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "%s: expected an object", where);
	h->unknown = oci_image_config_unknown(o, known_history, ARRAY_SIZE(known_history));
	int r = parse_time(o, where, &h->created, e);
	if (r >= 0)
		r = parse_text(o, where, "created_by", &h->created_by, e);
	if (r >= 0)
		r = parse_text(o, where, "author", &h->author, e);
	if (r >= 0)
		r = parse_text(o, where, "comment", &h->comment, e);
	if (r >= 0)
		r = oci_json_bool(o, where, "empty_layer", &h->empty_layer, e);
	return r;
}

static int parse_history(json_t *doc, struct oci_image_config *c, struct err *e)
{
	json_t *a = NULL;
	int r = oci_json_array(doc, WHAT, "history", &a, e);
	if (r <= 0)
		return r;
	size_t n = json_array_size(a);
	c->history = mem_array(n, sizeof(*c->history));
	for (; c->nhistory < n && r >= 0; c->nhistory++) {
		char where[48];
		snprintf(where, sizeof(where), WHAT ".history[%zu]", c->nhistory);
		r = parse_history_entry(
			json_array_get(a, c->nhistory), where, &c->history[c->nhistory], e);
	}
	return r;
}

static int parse_rootfs(json_t *doc, struct oci_image_config *c, struct err *e)
{
	json_t *rootfs = NULL;
	int r = oci_json_object(doc, WHAT, "rootfs", &rootfs, e);
	if (r < 0)
		return r;
	if (r == 0)
		return err_set(e, ERR_FORMAT, WHAT ": no rootfs");
	const char *type = "layers";
	r = oci_json_string(rootfs, WHAT ".rootfs", "type", &type, e);
	if (r >= 0 && !str_eq(type, "layers"))
		return err_set(e, ERR_FORMAT, WHAT ".rootfs.type: '%.40s' is not 'layers'", type);
	if (r >= 0)
		r = oci_json_strings(rootfs, WHAT ".rootfs", "diff_ids", &c->diff_ids, e);
	if (r < 0)
		return r;
	if (c->diff_ids.n > LIMIT_LAYERS)
		return err_set(e, ERR_LIMIT, WHAT ": %zu layers, more than the limit of %d",
			c->diff_ids.n, LIMIT_LAYERS);
	for (size_t i = 0; i < c->diff_ids.n; i++) {
		char where[48], digest[OCI_DIGEST_MAX];
		snprintf(where, sizeof(where), WHAT ".rootfs.diff_ids[%zu]", i);
		const char *s = c->diff_ids.v[i];
		r = oci_digest_parse(s, strlen(s), where, digest, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int parse_members(json_t *doc, struct oci_image_config *c, struct err *e)
{
	c->unknown = oci_image_config_unknown(doc, known, ARRAY_SIZE(known));
	int r = parse_time(doc, WHAT, &c->created, e);
	if (r >= 0)
		r = parse_text(doc, WHAT, "author", &c->author, e);
	if (r >= 0)
		r = parse_text(doc, WHAT, "architecture", &c->architecture, e);
	if (r >= 0)
		r = parse_text(doc, WHAT, "variant", &c->variant, e);
	if (r >= 0)
		r = parse_text(doc, WHAT, "os", &c->os, e);
	if (r >= 0)
		r = parse_text(doc, WHAT, "os.version", &c->os_version, e);
	if (r >= 0)
		r = oci_json_strings(doc, WHAT, "os.features", &c->os_features, e);
	json_t *config = NULL;
	if (r >= 0)
		r = oci_json_object(doc, WHAT, "config", &config, e);
	if (r > 0)
		r = oci_container_config_parse(config, "config", &c->config, e);
	if (r >= 0)
		r = parse_rootfs(doc, c, e);
	if (r >= 0)
		r = parse_history(doc, c, e);
	return r < 0 ? r : 0;
}

int oci_image_config_parse(
	const char *bytes, size_t len, struct oci_image_config *ret, struct err *e)
{
	*ret = (struct oci_image_config)OCI_IMAGE_CONFIG_INIT;
	cleanup_json json_t *doc = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_CONFIG, WHAT, &doc, e);
	if (r < 0)
		return r;
	if (!json_is_object(doc))
		return err_set(e, ERR_FORMAT, WHAT ": expected an object");
	r = parse_members(doc, ret, e);
	if (r < 0)
		oci_image_config_release(ret);
	return r;
}

static json_t *format_history(const struct oci_image_config *c)
{
	json_t *a = json_array();
	for (size_t i = 0; i < c->nhistory; i++) {
		const struct oci_history *h = &c->history[i];
		json_t *o = json_object();
		oci_image_config_set_text(o, "created", h->created);
		oci_image_config_set_text(o, "created_by", h->created_by);
		oci_image_config_set_text(o, "author", h->author);
		oci_image_config_set_text(o, "comment", h->comment);
		if (h->empty_layer)
			json_object_set_new(o, "empty_layer", json_true());
		if (h->unknown)
			json_object_update_missing(o, h->unknown);
		json_array_append_new(a, o);
	}
	return a;
}

void oci_image_config_format(const struct oci_image_config *c, struct buf *out)
{
	cleanup_json json_t *o = json_object();
	oci_image_config_set_text(o, "created", c->created);
	oci_image_config_set_text(o, "author", c->author);
	/* required by the specification, so written even when the source had none */
	oci_image_config_set_text(o, "architecture", c->architecture ?: "");
	oci_image_config_set_text(o, "os", c->os ?: "");
	oci_image_config_set_text(o, "os.version", c->os_version);
	if (c->os_features.n)
		json_object_set_new(o, "os.features", oci_json_from_strings(&c->os_features));
	oci_image_config_set_text(o, "variant", c->variant);
	json_object_set_new(o, "config", oci_container_config_format(&c->config));
	json_t *rootfs = json_object();
	json_object_set_new(rootfs, "type", json_string("layers"));
	json_object_set_new(rootfs, "diff_ids", oci_json_from_strings(&c->diff_ids));
	json_object_set_new(o, "rootfs", rootfs);
	if (c->nhistory)
		json_object_set_new(o, "history", format_history(c));
	if (c->unknown)
		json_object_update_missing(o, c->unknown);
	oci_json_format(o, out);
}

void oci_image_config_copy(struct oci_image_config *dst, const struct oci_image_config *src)
{
	*dst = (struct oci_image_config)OCI_IMAGE_CONFIG_INIT;
	dst->created = mem_strdup(src->created);
	dst->author = mem_strdup(src->author);
	dst->architecture = mem_strdup(src->architecture);
	dst->variant = mem_strdup(src->variant);
	dst->os = mem_strdup(src->os);
	dst->os_version = mem_strdup(src->os_version);
	strv_add_all(&dst->os_features, &src->os_features);
	oci_container_config_copy(&dst->config, &src->config);
	strv_add_all(&dst->diff_ids, &src->diff_ids);
	for (size_t i = 0; i < src->nhistory; i++) {
		const struct oci_history *h = &src->history[i];
		oci_image_config_add_history(
			dst, h->created, h->created_by, h->author, h->comment, h->empty_layer);
		if (h->unknown)
			dst->history[i].unknown = json_deep_copy(h->unknown);
	}
	dst->unknown = src->unknown ? json_deep_copy(src->unknown) : NULL;
}

void oci_image_config_add_history(struct oci_image_config *c, const char *created,
	const char *created_by, const char *author, const char *comment, bool empty_layer)
{
	c->history = mem_realloc(c->history, c->nhistory + 1, sizeof(*c->history));
	c->history[c->nhistory++] = (struct oci_history){
		.created = mem_strdup(created),
		.created_by = mem_strdup(created_by),
		.author = mem_strdup(author),
		.comment = mem_strdup(comment),
		.empty_layer = empty_layer,
	};
}

int64_t oci_image_config_created(const struct oci_image_config *c)
{
	int64_t ns = 0;
	if (str_empty(c->created) || clock_parse(c->created, &ns) < 0)
		return 0;
	return ns;
}
