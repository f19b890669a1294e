/* One copy. */
#pragma once

#include "base/err.h"
#include "transport/copy.h"
#include "transport/crowd_priv.h"

struct oci_image_config;
struct oci_manifest;

struct copy {
	struct transport_from *from;
	struct transport_to *to;
	const struct transport_copy_options *o;
	struct transport_copied sum;
	char index_digest[OCI_DIGEST_MAX]; /* of what the name is; "": it is no index */
};

/* One blob of an image. */
struct copy_blob {
	const struct oci_descriptor *d;
	const char *diffid; /* NULL: unknown */
	bool is_config;
	bool raw;                /* of what is no image */
	const struct buf *bytes; /* they are here already: a config; NULL: not */
	bool repack;             /* to `compression` */
	enum oci_compression compression;
	struct oci_replacement became;
};
/* A blob at work, in a thread of its own. */
struct copy_job {
	struct transport_task task;
	struct copy *c;
	struct copy_blob *b;
	unsigned threads; /* for compression */
	uint64_t sent;
};

/* copy_blob.c: some at a time, all ended when it returns. told: with progress. */
int copy_blobs(struct copy *c, struct copy_blob *v, size_t n, bool told, struct err *e);
/* The blob as the source has it, its reading shown as progress and ended by a stop. */
int copy_open(struct copy_job *j, struct transport_blob **ret, struct err *e);

/* copy_repack.c: a layer in its new form, made while the destination takes it. */
int copy_repacked(struct copy_job *j, struct err *e);

/* copy_layers.c: layers between a registry and the store go the way of pull and push. 1: they did,
 * 0: this copy has no such way. v: the layers, as in m. */
int copy_layers(struct copy *c, const struct oci_manifest *m, const struct oci_image_config *config,
	struct copy_blob *v, size_t n, struct err *e);
