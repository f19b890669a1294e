/* The image that a person names, with help when it is not there. */
#include "base/err.h"
#include "base/str.h"
#include "engine/container.h"
#include "oci/reference.h"
#include "store/image.h"

/* Tags that look like what was asked for, familiar form, at most three. */
static void hint_similar(struct engine *g, const char *text, struct err *e)
{
	struct store_images all cleanup_store_images = {0};
	struct strv found cleanup_strv = STRV_INIT;
	char wanted[OCI_REFERENCE_MAX], name[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1];
	oci_reference_split(text, wanted, tag);
	if (store_image_list(g->store, &all, NULL) < 0)
		return;
	for (size_t i = 0; i < all.n; i++)
		for (size_t k = 0; k < all.v[i].tags.n && found.n < 3; k++) {
			char familiar[OCI_REFERENCE_MAX];
			oci_reference_familiar(all.v[i].tags.v[k], familiar);
			oci_reference_split(familiar, name, tag);
			const char *shown = familiar;
			const char *local = "localhost/";
			if (str_starts(familiar, local))
				shown = familiar + 10;
			const char *base = str_starts(name, local) ? name + 10 : name;
			if (str_distance(base, wanted, 2) <= 2 && !strv_has(&found, shown))
				strv_add(&found, shown);
		}
	if (!found.n) {
		err_hint(e, all.n ? "`kist images` lists what there is"
				  : "there is no image yet: `kist build`, `kist load` or "
				    "`kist import` brings one");
		return;
	}
	cleanup_free char *list = strv_join(&found, ", ");
	err_hint(e, "there is: %s", list);
}

int engine_image_find(struct engine *g, const char *text, struct store_image *ret, struct err *e)
{
	int r = store_image_find(g->store, text, ret, e);
	if (r == -ERR_NOT_FOUND)
		hint_similar(g, text, e);
	return r;
}
