/* The options that copy and sync share. */
#pragma once

#include "cli/transport/progress.h"
#include "cli/transport/remote.h"
#include "transport/copy.h"

struct copy_request {
	struct transport_copy_options o;
	struct oci_platform platform;
	struct progress *progress;
};
/* all, platform, preserve-digests, foreign, format, compression, jobs, quiet: those that the
 * command has. */
int copy_options(struct cli *c, struct copy_request *q);
void copy_request_release(struct copy_request *q);
/* From now on the copies of q show their progress, and the clients (b may be NULL) tell beside it. */
void copy_show(struct cli *c, struct copy_request *q, struct remote *a, struct remote *b);
/* Where bytes are put aside; borrowed. */
const char *copy_tmp_dir(void);
/* A client for each side, with its options (src-creds, dest-tls-verify ...) over those of both; the
 * source's with the policy. m must stay where it is. */
int copy_open_source(struct cli *c, struct remote *m);
int copy_open_destination(struct cli *c, struct remote *m);
/* --creds would go to two registries: refused when both sides are. */
int copy_check_creds(struct cli *c, bool both);
