/*
 * Manifests and indexes of a repository (distribution-spec, "Pulling manifests",
 * "Pushing manifests"). What comes is at most LIMIT_MANIFEST and its digest is
 * always checked: against the digest asked for, the one expected and the server's
 * Docker-Content-Digest.
 */
#pragma once

#include "base/buf.h"
#include "oci/digest.h"
#include "registry/client/client.h"

struct registry_manifest {
	char digest[OCI_DIGEST_MAX];
	uint64_t size;
	char *media_type; /* Content-Type, else the document's own; "" when neither says */
	struct buf bytes; /* exactly as the registry has them; empty after _head */
};
void registry_manifest_release(struct registry_manifest *m);
#define cleanup_registry_manifest cleanup(registry_manifest_release)

/* ref: a tag or a digest, everywhere below. */

/* What ref names now, without its bytes: one HEAD. A registry that answers HEAD without a digest
 * is asked with GET, and bytes is filled. -ERR_NOT_FOUND. */
int registry_manifest_head(
	struct registry_repo *r, const char *ref, struct registry_manifest *ret, struct err *e);
/*
 * One GET, nothing before it. expect (may be NULL): the digest that a tag had when it was looked
 * at: another one now is -ERR_DIGEST, and the text shows both. With a digest as ref, no endpoint is
 * asked twice and the first that has it ends the search.
 */
int registry_manifest_get(struct registry_repo *r, const char *ref, const char *expect,
	struct registry_manifest *ret, struct err *e);
/* ret_digest may be NULL. A registry that stores other bytes (another digest) is -ERR_DIGEST. For a
 * manifest with a subject, whose registry has no referrers API, the index under the tag
 * "sha256-HEX" of the subject is brought up to date, too. */
int registry_manifest_put(struct registry_repo *r, const char *ref, const char *media_type,
	const void *bytes, size_t len, char ret_digest[OCI_DIGEST_MAX], struct err *e);
/* A tag (distribution-spec 1.1; older registries refuse: -ERR_UNSUPPORTED) or a manifest with all
 * its tags. */
int registry_manifest_delete(struct registry_repo *r, const char *ref, struct err *e);
