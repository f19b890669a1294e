/*
 * What an index has beside its images: attestations (BuildKit's "unknown/unknown") and
 * other manifests that are no images. They travel as they are, manifest, config and
 * layers, so that an index keeps its digest; the store has them as blobs that belong
 * to the index.
 */
#pragma once

#include "base/defs.h"

struct err;
struct oci_manifest;
struct registry_repo;
struct store;

struct transport_companion {
	struct store *store;
	struct registry_repo *repo;
	const char *index;  /* the index that names it; for fetch */
	const char *digest; /* of its manifest, which is in the store */
	const struct oci_manifest *m;
	uint64_t max_blob; /* 0: LIMIT_BLOB_SIZE; for fetch */
};

/* From the repository into the store; *received is added to. */
int transport_companion_fetch(
	const struct transport_companion *c, uint64_t *received, struct err *e);
/* From the store into the repository, all but the manifest: 1; 0: it is not wholly in the store.
 * *sent is added to. */
int transport_companion_send(const struct transport_companion *c, uint64_t *sent, struct err *e);
