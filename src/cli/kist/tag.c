/* kist tag IMAGE NAME[:TAG] */
#include "base/err.h"
#include "cli/cli.h"
#include "cli/store.h"
#include "oci/reference.h"
#include "store/image.h"

static int cmd_tag(struct cli *c)
{
	struct store *s cleanup_store = NULL;
	struct store_image img cleanup_store_image = {0};
	char tag[OCI_REFERENCE_MAX];
	int r = oci_reference_tag(c->operands[1], tag, &c->err);
	if (r >= 0)
		r = cli_store_open(c, &s, &c->err);
	if (r >= 0)
		r = store_image_find(s, c->operands[0], &img, &c->err);
	return r < 0 ? r : store_tag_set(s, tag, img.id, NULL, &c->err);
}
CLI_COMMAND(tag, cmd_tag);
