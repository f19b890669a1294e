/* A file that appears when it is complete: save and export write through it. */
#pragma once

#include "base/defs.h"

struct err;

struct output {
	int fd;
	char *path, *tmp; /* NULL: written directly (a pipe, a device, standard output) */
};

/* path NULL or "-": standard output, refused when it is a terminal. */
int output_open(struct output *o, const char *path, struct err *e);
/* Renames; or, after a failure (r negative), removes what was written. Returns r, or the failure
 * of the rename. */
int output_close(struct output *o, int r, struct err *e);
