/* An image as docker's inspect shows it. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "cli/inspect.h"
#include "cli/store.h"
#include "oci/image_config.h"
#include "oci/json.h"
#include "oci/reference.h"
#include "snapshot/driver.h"
#include "store/image.h"

#include <jansson.h>
#include <stdio.h>

static json_t *familiar(const struct strv *names)
{
	json_t *a = json_array();
	for (size_t i = 0; i < names->n; i++) {
		char text[OCI_REFERENCE_MAX];
		json_array_append_new(a, json_string(oci_reference_familiar(names->v[i], text)));
	}
	return a;
}

static json_t *graph_driver(enum snapshot_driver driver)
{
	return json_pack("{s:s,s:{}}", "Name", snapshot_driver_name(driver), "Data");
}

static json_t *build(const struct store_image *img, const struct oci_image_config *config,
	enum snapshot_driver driver)
{
	char added[CLOCK_TEXT_MAX];
	const char *comment = NULL;
	if (config->nhistory)
		comment = config->history[config->nhistory - 1].comment;
	json_t *o = json_object();
	json_object_set_new(o, "Id", json_string(img->id));
	json_object_set_new(o, "RepoTags", familiar(&img->tags));
	json_object_set_new(o, "RepoDigests", familiar(&img->digests));
	json_object_set_new(o, "Parent", json_string(""));
	json_object_set_new(o, "Comment", oci_json_text(comment ? comment : ""));
	json_object_set_new(o, "Created", oci_json_text(config->created ? config->created : ""));
	json_object_set_new(o, "Author", oci_json_text(config->author ? config->author : ""));
	json_object_set_new(o, "Config", oci_container_config_format(&config->config));
	json_object_set_new(
		o, "Architecture", oci_json_text(config->architecture ? config->architecture : ""));
	if (config->variant)
		json_object_set_new(o, "Variant", oci_json_text(config->variant));
	json_object_set_new(o, "Os", oci_json_text(config->os ? config->os : ""));
	if (config->os_version)
		json_object_set_new(o, "OsVersion", oci_json_text(config->os_version));
	json_object_set_new(o, "Size", json_integer((json_int_t)img->size));
	json_object_set_new(o, "GraphDriver", graph_driver(driver));
	json_object_set_new(o, "RootFS",
		json_pack("{s:s,s:o}", "Type", "layers", "Layers",
			oci_json_from_strings(&img->layers)));
	json_object_set_new(
		o, "Metadata", json_pack("{s:s}", "LastTagTime", clock_format(img->added, added)));
	return o;
}

int cli_inspect_image(struct cli *c, struct store *s, const char *text, json_t **ret, struct err *e)
{
	(void)c;
	struct store_image img cleanup_store_image = {0};
	struct oci_image_config config cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	enum snapshot_driver driver;
	int r = cli_image_find(s, text, &img, &config, e);
	if (r >= 0)
		r = snapshot_driver_get(s, NULL, &driver, e);
	if (r >= 0)
		*ret = build(&img, &config, driver);
	return r;
}
