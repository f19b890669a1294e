/*
 * Signatures of an image, from where its registry keeps them, for trust/policy.h.
 * OpenPGP's lie at a lookaside (registry/lookaside.h); sigstore's are manifests of the
 * same repository, under the tag "sha256-HEX.sig" (cosign's signature specification), or
 * refer to the image (distribution-spec, referrers).
 */
#pragma once

#include "registry/client/client.h"
#include "trust/policy.h"

struct oci_reference;
struct registry_lookaside;

struct registry_signatures {
	struct registry_client *client;
	struct registry_repo *repo;
	const struct oci_reference *ref;
	const struct registry_lookaside *lookaside; /* NULL: no OpenPGP signatures */
};

/* trust_image's callback; arg: a struct registry_signatures. None at all is fine; what is there and
 * cannot be read is an error. */
int registry_signatures_get(void *arg, enum trust_signature_kind kind, const char *digest,
	struct trust_signatures *ret, struct err *e);
