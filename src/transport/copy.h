/*
 * Images from any place to any other (transport/endpoint.h). What need not change
 * keeps its bytes: blobs, manifests, indexes. What the destination has is not sent.
 * Every blob is hashed on its way, whatever its source promises.
 */
#pragma once

#include "oci/descriptor.h"
#include "oci/rewrite.h"
#include "transport/endpoint.h"

#include <signal.h>

enum transport_blob_state {
	TRANSPORT_BLOB_COPIED,
	TRANSPORT_BLOB_THERE,     /* the destination has it */
	TRANSPORT_BLOB_REFERENCE, /* a foreign layer: only its reference travels */
};

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
	/* One call per blob that has ended, and before it with COPIED and done false. Any thread, one at
	 * a time. May be NULL. */
	void (*told)(void *ctx, const struct oci_descriptor *d, enum transport_blob_state state,
		bool done);
	void *ctx;
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
