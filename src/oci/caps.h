/* Capability sets by name, as docker's --cap-add and --cap-drop give them. Pure. */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct err;

#define OCI_CAP_COUNT    41
#define OCI_CAPS_ALL     ((1ULL << OCI_CAP_COUNT) - 1)
#define OCI_CAPS_DEFAULT 0x00000000a80425fbULL /* docker's fourteen */

/* "CAP_CHOWN", "chown", any case: the number, or -EINVAL. */
int oci_cap_parse(const char *name);
const char *oci_cap_name(int cap); /* "CAP_CHOWN"; NULL beyond the last */
/* The bounding set: the default or all (privileged), then ALL, adds and drops in docker's order.
 * -ERR_USAGE for a name that nobody knows. */
int oci_caps_compute(bool privileged, const struct strv *add, const struct strv *drop,
	uint64_t *ret, struct err *e);
