/* The small documents of layouts and docker archives. */
#include "oci/layout.h"

#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"

#include <stdlib.h>
#include <string.h>

#define MAX_IMAGES 10000 /* of one archive; its bytes are bounded too */

int oci_layout_parse(const char *bytes, size_t len, struct err *e)
{
	cleanup_json json_t *doc = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_MANIFEST, "oci-layout", &doc, e);
	if (r < 0)
		return r;
	const char *version = NULL;
	r = oci_json_string(doc, "oci-layout", "imageLayoutVersion", &version, e);
	if (r < 0)
		return r;
	if (str_empty(version))
		return err_set(e, ERR_FORMAT, "oci-layout: no imageLayoutVersion");
	if (!str_starts(version, "1."))
		return err_set(e, ERR_UNSUPPORTED,
			"oci-layout: version '%.40s' is not supported (1.x is)", version);
	return 0;
}

void oci_layout_format(struct buf *out)
{
	buf_add_str(out, "{\"imageLayoutVersion\":\"" OCI_LAYOUT_VERSION "\"}");
}

void oci_archive_release(struct oci_archive *a)
{
	for (size_t i = 0; i < a->n; i++) {
		free(a->v[i].config);
		strv_release(&a->v[i].repo_tags);
		strv_release(&a->v[i].layers);
	}
	free(a->v);
	*a = (struct oci_archive){0};
}

/* Names of entries of the archive: nothing that could mean another place. */
static int check_path(const char *path, const char *where, struct err *e)
{
	bool bad = str_empty(path) || path[0] == '/' || strlen(path) >= LIMIT_TAR_PATH;
	for (const char *p = path; !bad && *p;) {
		size_t n = strcspn(p, "/");
		bad = n == 2 && p[0] == '.' && p[1] == '.';
		p += n + (p[n] == '/');
	}
	if (bad)
		return err_set(e, ERR_FORMAT, "%s: '%.200s' is not a name inside the archive",
			where, path);
	return 0;
}

static int parse_image(json_t *o, const char *where, struct oci_archive_image *img, struct err *e)
{
	if (!json_is_object(o))
		return err_set(e, ERR_FORMAT, "%s: expected an object", where);
	const char *config = NULL;
	int r = oci_json_string(o, where, "Config", &config, e);
	if (r < 0)
		return r;
	r = check_path(config ?: "", where, e);
	if (r < 0)
		return r;
	img->config = mem_strdup(config);
	r = oci_json_strings(o, where, "RepoTags", &img->repo_tags, e);
	if (r >= 0)
		r = oci_json_strings(o, where, "Layers", &img->layers, e);
	if (r >= 0 && img->layers.n > LIMIT_LAYERS)
		r = err_set(e, ERR_LIMIT, "%s: %zu layers, more than the limit of %d", where,
			img->layers.n, LIMIT_LAYERS);
	for (size_t i = 0; i < img->layers.n && r >= 0; i++)
		r = check_path(img->layers.v[i], where, e);
	return r < 0 ? r : 0;
}

int oci_archive_parse(const char *bytes, size_t len, struct oci_archive *ret, struct err *e)
{
	*ret = (struct oci_archive){0};
	cleanup_json json_t *doc = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_MANIFEST, "manifest.json", &doc, e);
	if (r < 0)
		return r;
	if (!json_is_array(doc))
		return err_set(e, ERR_FORMAT, "manifest.json: expected a list of images");
	size_t n = json_array_size(doc);
	if (n > MAX_IMAGES)
		return err_set(e, ERR_LIMIT, "manifest.json: %zu images, more than the limit of %d",
			n, MAX_IMAGES);
	ret->v = mem_array(n ? n : 1, sizeof(*ret->v));
	for (; ret->n < n && r >= 0; ret->n++) {
		char where[48];
		snprintf(where, sizeof(where), "manifest.json[%zu]", ret->n);
		r = parse_image(json_array_get(doc, ret->n), where, &ret->v[ret->n], e);
	}
	if (r < 0)
		oci_archive_release(ret);
	return r;
}

void oci_archive_format(const struct oci_archive *a, struct buf *out)
{
	cleanup_json json_t *doc = json_array();
	for (size_t i = 0; i < a->n; i++) {
		json_t *o = json_object();
		json_object_set_new(o, "Config", oci_json_text(a->v[i].config));
		json_object_set_new(o, "RepoTags",
			a->v[i].repo_tags.n ? oci_json_from_strings(&a->v[i].repo_tags)
					    : json_null());
		json_object_set_new(o, "Layers", oci_json_from_strings(&a->v[i].layers));
		json_array_append_new(doc, o);
	}
	oci_json_format(doc, out);
}
