/* Where save and export write: a file that appears when it is complete, or standard output. */
#pragma once

#include "base/outfile.h"

/* path NULL or "-": standard output, refused when it is a terminal. */
int output_open(struct outfile *o, const char *path, struct err *e);
/* Commits; or, after a failure (r negative), removes what was written. Returns r, or the failure
 * of the commit. */
int output_close(struct outfile *o, int r, struct err *e);
