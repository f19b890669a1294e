/* A root file system's tar becomes an image of one layer. */
#pragma once

#include "oci/image_config.h"
#include "store/store.h"

struct transport_trust;

struct transport_import_options {
	struct oci_image_config *config; /* changed: gets layer, history, platform and date */
	const char *created;             /* RFC 3339 */
	const char *comment;             /* in the history */
	const char *tag;                 /* normal reference; NULL: none */
	/* Asked first, for "tarball", which has no scopes. NULL: all is accepted. */
	const struct transport_trust *trust;
};

/* fd: a tar, plain or compressed (gzip, zstd, bzip2, xz), read from its offset to its end. */
int transport_import(struct store *s, int fd, const struct transport_import_options *o,
	char ret_id[STORE_DIGEST_MAX], struct err *e);
