/* --change of import and commit: Dockerfile instructions onto an image config. */
#pragma once

#include "cli/cli.h"

struct oci_image_config;

/* All values of the option "change", in their order. */
int transport_apply_changes(struct cli *c, struct oci_image_config *config);
/* The time of now, or of SOURCE_DATE_EPOCH, as image configs hold it; the caller frees it. NULL:
 * c->err is set. */
char *transport_created(struct cli *c);
