/* What the files of the image config share. */
#pragma once

#include <jansson.h>

/* The members of o that names does not list, as a new object; NULL when there are none. */
json_t *oci_image_config_unknown(json_t *o, const char *const *names, size_t n);
/* Sets a member unless value is NULL. */
void oci_image_config_set_text(json_t *o, const char *key, const char *value);
