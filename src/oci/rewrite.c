/* Changed manifests, as edits of their JSON; see the header. */
#include "oci/rewrite.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/str.h"
#include "oci/json.h"

#include <errno.h>
#include <string.h>

#define FOREIGN        "application/vnd.oci.image.layer.nondistributable.v1.tar"
#define FOREIGN_GZIP   FOREIGN "+gzip"
#define DOCKER_FOREIGN "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"

/* The same thing in OCI's words and in docker's. */
static const char *const pairs[][2] = {
	{OCI_TYPE_MANIFEST, OCI_TYPE_DOCKER_MANIFEST},
	{OCI_TYPE_INDEX, OCI_TYPE_DOCKER_LIST},
	{OCI_TYPE_CONFIG, OCI_TYPE_DOCKER_CONFIG},
	{OCI_TYPE_LAYER, OCI_TYPE_DOCKER_LAYER},
	{OCI_TYPE_LAYER_GZIP, OCI_TYPE_DOCKER_LAYER_GZIP},
	{OCI_TYPE_LAYER_ZSTD, OCI_TYPE_DOCKER_LAYER_ZSTD},
	{FOREIGN_GZIP, DOCKER_FOREIGN},
};

enum oci_format oci_format_of(const char *type)
{
	if (str_eq(type, OCI_TYPE_MANIFEST) || str_eq(type, OCI_TYPE_INDEX))
		return OCI_FORMAT_OCI;
	if (str_eq(type, OCI_TYPE_DOCKER_MANIFEST) || str_eq(type, OCI_TYPE_DOCKER_LIST))
		return OCI_FORMAT_DOCKER;
	return OCI_FORMAT_KEEP;
}

int oci_format_parse(const char *name, enum oci_format *ret)
{
	if (str_eq(name, "oci"))
		*ret = OCI_FORMAT_OCI;
	else if (str_eq(name, "docker") || str_eq(name, "v2s2"))
		*ret = OCI_FORMAT_DOCKER;
	else
		return -EINVAL;
	return 0;
}

bool oci_media_type_foreign(const char *type)
{
	return type && (str_starts(type, FOREIGN) || str_eq(type, DOCKER_FOREIGN));
}

/* The type's name in a format; NULL: it has none there. */
static const char *type_in(const char *type, enum oci_format format)
{
	if (format == OCI_FORMAT_KEEP)
		return type;
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		for (size_t k = 0; k < 2; k++)
			if (str_eq(type, pairs[i][k]))
				return pairs[i][format == OCI_FORMAT_DOCKER];
	/* whatever else an artifact may hold is OCI's */
	return format == OCI_FORMAT_OCI ? type : NULL;
}

static int set_type(json_t *o, const char *where, size_t i, enum oci_format format, struct err *e)
{
	const char *type = json_string_value(json_object_get(o, "mediaType"));
	const char *want = type_in(type ? type : "", format);
	bool zstd = type && oci_media_type_compression(type) == OCI_COMPRESSION_ZSTD;
	if (!want || (format == OCI_FORMAT_DOCKER && zstd)) {
		int r = err_set(e, ERR_UNSUPPORTED,
			"%s[%zu]: docker's format has no word for '%.100s'", where, i,
			type ? type : "");
		err_hint(e, "%s",
			zstd ? "--compression gzip makes layers that it knows"
			     : "use --format oci");
		return r;
	}
	if (type && !str_eq(type, want))
		json_object_set_new(o, "mediaType", json_string(want));
	return 0;
}

static int replace(json_t *list, const char *where, const struct oci_replacement *v, size_t n,
	enum oci_format format, struct err *e)
{
	if (v && json_array_size(list) != n)
		return err_set(
			e, ERR_FORMAT, "%s: %zu entries, not %zu", where, json_array_size(list), n);
	size_t i;
	json_t *o;
	json_array_foreach (list, i, o) {
		if (!json_is_object(o))
			return err_set(e, ERR_FORMAT, "%s[%zu]: expected an object", where, i);
		if (v && v[i].changed) {
			json_object_set_new(o, "digest", json_string(v[i].digest));
			json_object_set_new(o, "size", json_integer((json_int_t)v[i].size));
			if (str_eq(where, "layers"))
				json_object_set_new(o, "mediaType",
					json_string(oci_media_type_layer(v[i].compression)));
		}
		int r = set_type(o, where, i, format, e);
		if (r < 0)
			return r;
		/* schema 2 knows no annotations */
		if (format == OCI_FORMAT_DOCKER)
			json_object_del(o, "annotations");
	}
	return 0;
}

static int parse(const char *bytes, size_t len, const char *what, json_t **ret, struct err *e)
{
	int r = oci_json_parse(bytes, len, LIMIT_MANIFEST, what, ret, e);
	if (r >= 0 && !json_is_object(*ret))
		return err_set(e, ERR_FORMAT, "%s: expected an object", what);
	return r;
}

/* The document's own type, set where it says one or where docker wants one. */
static void set_head(json_t *doc, const char *type, enum oci_format format)
{
	if (json_object_get(doc, "mediaType") || format == OCI_FORMAT_DOCKER)
		json_object_set_new(doc, "mediaType", json_string(type));
	if (format == OCI_FORMAT_DOCKER)
		json_object_del(doc, "annotations");
}

static enum oci_format own_format(json_t *doc)
{
	enum oci_format f = oci_format_of(json_string_value(json_object_get(doc, "mediaType")));
	return f == OCI_FORMAT_KEEP ? OCI_FORMAT_OCI : f;
}

static bool any_changed(const struct oci_replacement *v, size_t n)
{
	for (size_t i = 0; v && i < n; i++)
		if (v[i].changed)
			return true;
	return false;
}

/* Both rewritings begin so: *ret is the document, *format the one that it is to have, *ret_type its
 * media type then. 1: nothing is to change, and out has the bytes. */
static int begin(const char *bytes, size_t len, bool index, enum oci_format *format,
	const struct oci_replacement *v, size_t n, json_t **ret, struct buf *out,
	const char **ret_type, struct err *e)
{
	int r = parse(bytes, len, index ? "index" : "manifest", ret, e);
	if (r < 0)
		return r;
	enum oci_format own = own_format(*ret);
	if (*format == OCI_FORMAT_KEEP)
		*format = own;
	if (*format == OCI_FORMAT_DOCKER)
		*ret_type = index ? OCI_TYPE_DOCKER_LIST : OCI_TYPE_DOCKER_MANIFEST;
	else
		*ret_type = index ? OCI_TYPE_INDEX : OCI_TYPE_MANIFEST;
	if (*format != own || any_changed(v, n))
		return 0;
	r = buf_add(out, bytes, len);
	return r < 0 ? r : 1;
}

int oci_manifest_rewrite(const char *bytes, size_t len, enum oci_format format,
	const struct oci_replacement *layers, size_t n, struct buf *out, const char **ret_type,
	struct err *e)
{
	json_t *doc cleanup_json = NULL;
	int r = begin(bytes, len, false, &format, layers, n, &doc, out, ret_type, e);
	if (r)
		return MIN(r, 0);
	json_t *config = json_object_get(doc, "config");
	if (format == OCI_FORMAT_DOCKER &&
		(json_object_get(doc, "subject") || json_object_get(doc, "artifactType")))
		return err_set(
			e, ERR_UNSUPPORTED, "docker's format has no artifacts and no subject");
	if (!json_is_object(config))
		return err_set(e, ERR_FORMAT, "manifest: no config");
	r = set_type(config, "config", 0, format, e);
	if (r >= 0)
		r = replace(json_object_get(doc, "layers"), "layers", layers, n, format, e);
	if (r < 0)
		return r;
	set_head(doc, *ret_type, format);
	oci_json_format(doc, out);
	return 0;
}

int oci_index_rewrite(const char *bytes, size_t len, enum oci_format format,
	const struct oci_replacement *entries, size_t n, struct buf *out, const char **ret_type,
	struct err *e)
{
	json_t *doc cleanup_json = NULL;
	int r = begin(bytes, len, true, &format, entries, n, &doc, out, ret_type, e);
	if (r)
		return MIN(r, 0);
	r = replace(json_object_get(doc, "manifests"), "manifests", entries, n, format, e);
	if (r < 0)
		return r;
	set_head(doc, *ret_type, format);
	oci_json_format(doc, out);
	return 0;
}
