/*
 * Images from any place to any other (transport/endpoint.h). What need not change
 * keeps its bytes: blobs, manifests, indexes. What the destination has is not sent.
 * Every blob is hashed on its way, whatever its source promises. A layer that
 * changes its form is made while it is sent, and never stored on the way.
 */
#pragma once

#include "oci/descriptor.h"
#include "oci/rewrite.h"
#include "transport/endpoint.h"
#include "transport/progress.h"

#include <signal.h>

struct transport_copy_options {
	const struct oci_platform *platform; /* of an index; NULL: this machine's */
	bool all;                            /* all of an index */
	bool preserve_digests;               /* fail where a manifest would have to change */
	bool foreign;                        /* foreign layers travel, too */
	enum oci_format format;
	bool compress; /* bring layers to `compression` */
	enum oci_compression compression;
	int level;     /* of zstd; 0: the usual one */
	unsigned jobs; /* blobs at a time; 0: 4 */
	const char *tmp_dir;
	const struct transport_progress *progress; /* an image after the other; may be NULL */
	const volatile sig_atomic_t *stop;
};

struct transport_copied {
	char digest[OCI_DIGEST_MAX]; /* of what is at the destination now */
	uint64_t size;               /* of this manifest or index */
	size_t blobs, skipped;
	uint64_t bytes;
};

/* ret may be NULL. The destination's name is there when this returns 0. */
int transport_copy(struct transport_from *from, struct transport_to *to,
	const struct transport_copy_options *o, struct transport_copied *ret, struct err *e);
/* One root manifest put under its name, or (root false) one by its digest: for those who put an
 * index together themselves. Without finish. */
int transport_copy_manifest(struct transport_from *from, struct transport_to *to,
	const char *digest, bool root, const struct transport_copy_options *o,
	struct transport_copied *ret, struct err *e);
