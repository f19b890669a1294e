/*
 * Changing the limits of a container that is there (`update` of the OCI command
 * lines). What is given is merged with what the container has: a field that is
 * absent stays as it is.
 */
#pragma once

#include "base/defs.h"

struct err;

struct runtime_update {
	const char *resources; /* linux.resources as JSON; NULL: none */
	size_t resources_len;
	/* lines of the schemata file of resctrl: "L3:0=f", "MB:0=50"; NULL: as they are */
	const char *l3_cache_schema, *mem_bw_schema;
};

/*
 * All or nothing as far as the kernel lets us: when a limit is refused, those that were written
 * before it are put back, and nothing is recorded. On success the config in the state directory
 * holds the new limits. Device rules are never changed: an update does not loosen what a container
 * may open. -ERR_STATE when it has stopped, -ERR_UNSUPPORTED for what this host cannot do.
 */
int runtime_update(const char *state_dir, const struct runtime_update *u, struct err *e) must_check;
