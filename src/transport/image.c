/* From a config document to an image of the store. */
#include "transport/image_priv.h"

#include "base/err.h"
#include "base/mem.h"
#include "oci/image_config.h"
#include "store/blob.h"
#include "store/image.h"

#include <string.h>

int transport_image_put(struct store *s, const struct transport_image *img,
	char ret_id[STORE_DIGEST_MAX], struct err *e)
{
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	int r = oci_image_config_parse(img->config, img->len, &c, e);
	if (r < 0)
		return r;
	struct store_image row cleanup_store_image = {
		.created = oci_image_config_created(&c),
		.os = mem_strdup(c.os ?: ""),
		.arch = mem_strdup(c.architecture ?: ""),
		.variant = mem_strdup(c.variant ?: ""),
	};
	strv_add_all(&row.layers, &c.diff_ids);
	r = store_blob_put(s, img->config, img->len, img->expected, row.id, e);
	if (r < 0)
		return err_wrap(e, r, "image config");
	size_t n = img->tags ? img->tags->n : 0;
	r = store_image_put(s, &row, n ? img->tags->v[0] : NULL, NULL, e);
	for (size_t i = 1; i < n && r >= 0; i++)
		r = store_tag_set(s, img->tags->v[i], row.id, NULL, e);
	if (r >= 0)
		memcpy(ret_id, row.id, sizeof(row.id));
	return r < 0 ? r : 0;
}
