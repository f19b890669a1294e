/* The options that copy and sync share. */
#pragma once

#include "cli/cli.h"
#include "transport/copy.h"

struct copy_request {
	struct transport_copy_options o;
	struct oci_platform platform;
};
/* all, platform, preserve-digests, foreign, format, compression, jobs, quiet: those that the
 * command has. */
int copy_options(struct cli *c, struct copy_request *q);
void copy_request_release(struct copy_request *q);
/* Where bytes are put aside; borrowed. */
const char *copy_tmp_dir(void);
