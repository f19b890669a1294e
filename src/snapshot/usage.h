/* The size of a container's own changes: its upper directory. */
#pragma once

#include "base/defs.h"

struct err;

struct snapshot_usage {
	uint64_t bytes;  /* allocated */
	uint64_t inodes; /* files, directories, whiteouts */
};
/* Counts below path (upper/ of a container); symbolic links are not followed. */
int snapshot_usage_get(const char *path, struct snapshot_usage *ret, struct err *e);
