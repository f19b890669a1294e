/* What a push of a manifest with a subject has to do for registries without the referrers API. */
#pragma once

#include "base/defs.h"

struct err;
struct registry_repo;

/* The manifest of digest was put, and the registry did not say that it knows about subjects: adds it
 * to the index under the tag of its subject. Nothing to do without a subject. */
int registry_referrers_note(struct registry_repo *r, const char *media_type, const void *bytes,
	size_t len, const char *digest, struct err *e);
