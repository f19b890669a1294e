/*
 * What refers to a manifest: signatures, SBOMs, attestations (distribution-spec,
 * "Listing Referrers"). A registry without the API keeps an index under
 * the tag "sha256-HEX" ("Referrers Tag Schema"), which is read instead.
 */
#pragma once

#include "oci/manifest.h"
#include "registry/client/client.h"

/* All pages in one index; empty when nothing refers to digest. artifact_type (may be NULL): only
 * these, filtered here when the registry does not. ret is overwritten. */
int registry_referrers(struct registry_repo *r, const char *digest, const char *artifact_type,
	struct oci_index *ret, struct err *e);
