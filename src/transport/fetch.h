/*
 * The layers of a manifest from a registry into the store, several at a time.
 * Each passes once: the bytes go to the partial blob (store/partial.h) and into the
 * ingest (snapshot/ingest.h), which hashes, unpacks, hashes again, writes the tar and
 * the index. What is there is not fetched; what a fetch that was cut has left is read
 * from the disk, and the registry is asked for the rest only.
 *
 * Threads: one a layer that flows, besides those of the ingest, all ended when the
 * call returns. The store is used by the caller's thread alone.
 */
#pragma once

#include "layer/decompress.h"
#include "store/store.h"
#include "transport/progress.h"

#include <signal.h>

struct err;
struct oci_image_config;
struct oci_manifest;
struct registry_repo;

struct transport_fetch {
	struct store *store;
	struct registry_repo *repo;
	unsigned jobs; /* layers at a time; 0: TRANSPORT_JOBS */
	struct layer_limits limits;
	uint64_t max_blob;                 /* bytes of a layer as it travels; 0: LIMIT_BLOB_SIZE */
	const volatile sig_atomic_t *stop; /* not 0: ends with -ERR_INTERRUPTED; may be NULL */
	const struct transport_progress *progress; /* may be NULL */
};
#define TRANSPORT_JOBS 3

/* Remembers that repo has this blob, under the name on the wire: a push to the same registry mounts it
 * from there. */
int transport_fetch_seen(
	struct store *s, struct registry_repo *repo, const char *digest, struct err *e);

struct transport_fetched {
	uint64_t received; /* bytes over the network */
	uint64_t reused;   /* bytes that a fetch before had left */
	size_t fetched;    /* layers that were not there before */
};

/*
 * All layers of m, whose config is c, are in the store and checked when it returns 0; not yet
 * durable (store_image_put sees to that). After a failure the layers that were complete stay (a
 * prune takes them), and of the others what has come.
 */
int transport_fetch_layers(const struct transport_fetch *f, const struct oci_manifest *m,
	const struct oci_image_config *c, struct transport_fetched *ret, struct err *e);
