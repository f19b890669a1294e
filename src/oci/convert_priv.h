/* The parts of a runtime config, one function each; every object is the caller's. */
#pragma once

#include "oci/convert.h"
#include "oci/json.h"

/* process without rlimits, which jansson's signed numbers cannot hold */
int oci_convert_process(const struct oci_container_config *c, const struct oci_convert_options *o,
	json_t **ret, struct err *e);
json_t *oci_convert_mounts(const struct oci_convert_options *o);
/* linux without seccomp, which is text already */
json_t *oci_convert_linux(const struct oci_convert_options *o);
json_t *oci_convert_resources(const struct oci_convert_options *o);
