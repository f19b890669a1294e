/*
 * The policy (trust/policy.h) for images that arrive: asked once for each image
 * manifest, before its config and layers are fetched.
 */
#pragma once

#include "base/defs.h"

struct err;
struct oci_reference;
struct registry_client;
struct registry_lookaside;
struct registry_repo;
struct transport_from;
struct trust_policy;

struct transport_trust {
	const struct trust_policy *policy;          /* NULL: everything is accepted */
	const struct registry_lookaside *lookaside; /* NULL: there are no OpenPGP signatures */
	const char *tmp_dir;                        /* for gpg's key ring */
};

/* A manifest at the gate, and where it came from. */
struct transport_trust_image {
	struct registry_client *client;
	struct registry_repo *repo;
	const struct oci_reference *ref; /* that was asked for, in normal form */
	const char *digest;              /* of the manifest */
	const char *index_digest;        /* of the index above it; NULL: none */
};
struct trust_image;
/* What comes from a file that is named (trust/policy.h; tmp_dir is filled in). t may be NULL. */
int transport_trust_ask(
	const struct transport_trust *t, const struct trust_image *image, struct err *e);
/* t may be NULL. -EPERM: refused, see trust_policy_check. */
int transport_trust_check(
	const struct transport_trust *t, const struct transport_trust_image *i, struct err *e);
/* The same for what a place gives, with the policy that it was opened with. Our own store is always
 * trusted: what is in it passed here, or was made here. */
int transport_trust_from(
	struct transport_from *f, const char *digest, const char *index_digest, struct err *e);
