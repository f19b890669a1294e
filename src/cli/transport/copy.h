/* The options that copy and sync share. */
#pragma once

#include "cli/transport/remote.h"
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
/* The options of one side ("src-tls-verify", "src-cert-dir") over those of both. */
struct registry_open_options copy_side(
	struct cli *c, const struct remote *m, const char *tls, const char *cert_dir);
