/* One copy. */
#pragma once

#include "base/err.h"
#include "transport/copy.h"

#include <pthread.h>

struct copy {
	struct transport_from *from;
	struct transport_to *to;
	const struct transport_copy_options *o;
	struct transport_copied sum;
	char index_digest[OCI_DIGEST_MAX]; /* of what the name is; "": it is no index */
	pthread_mutex_t lock;              /* of sum, and of told */
};

/* One blob of an image. */
struct copy_blob {
	const struct oci_descriptor *d;
	const char *diffid; /* NULL: unknown */
	bool is_config;
	bool repack; /* to `compression` */
	enum oci_compression compression;
	struct oci_replacement became;
};
/* copy_blob.c. May run in several threads. */
int copy_one_blob(struct copy *c, struct copy_blob *b, struct err *e);
/* Some at a time, all ended when it returns. */
int copy_blobs(struct copy *c, struct copy_blob *v, size_t n, struct err *e);
