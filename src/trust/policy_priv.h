/* The policy as it was read: policy_read.c fills it, policy_scope.c finds what counts for an
 * image, policy_check.c decides. */
#pragma once

#include "base/strv.h"
#include "trust/policy.h"

enum trust_requirement_kind {
	TRUST_ACCEPT_ANYTHING,
	TRUST_REJECT,
	TRUST_SIGNED_BY,
	TRUST_SIGSTORE_SIGNED,
};

/* signedIdentity: how the name in a signature must agree with the name asked for */
enum trust_identity_kind {
	TRUST_MATCH_REPO_DIGEST_OR_EXACT, /* the default */
	TRUST_MATCH_EXACT,
	TRUST_MATCH_REPOSITORY,
	TRUST_EXACT_REFERENCE,
	TRUST_EXACT_REPOSITORY,
	TRUST_REMAP_IDENTITY,
};

struct trust_identity {
	enum trust_identity_kind kind;
	char *value;         /* the reference, the repository, or the prefix to be replaced */
	char *signed_prefix; /* TRUST_REMAP_IDENTITY: by this */
};

/* A public key, or a ring of them: in a file that is read when it is needed, or in the policy. */
struct trust_key {
	char *path; /* NULL: data */
	void *data;
	size_t len;
};

struct trust_requirement {
	enum trust_requirement_kind kind;
	struct trust_key *keys; /* any of them will do */
	size_t nkeys;
	struct trust_identity identity;
	char *unsupported; /* a key of the policy that we cannot honour: nothing is accepted */
};

struct trust_scope {
	char *transport; /* NULL: the policy's default */
	char *name;      /* "": the transport's default */
	char *clause;    /* where it stands, for messages */
	struct trust_requirement *v;
	size_t n;
};

struct trust_policy {
	char *name;
	struct trust_scope *v; /* [0] is the default */
	size_t n;
};

/* Never NULL: the default is always there. */
const struct trust_scope *trust_scope_find(
	const struct trust_policy *p, const struct trust_image *image);

/* What a signature claims (containers-signature(5), cosign's signature specification). */
struct trust_claim {
	char *reference; /* critical.identity.docker-reference */
	char digest[OCI_DIGEST_MAX];
};
void trust_claim_release(struct trust_claim *c);
#define cleanup_trust_claim cleanup(trust_claim_release)
int trust_claim_parse(enum trust_signature_kind kind, const char *bytes, size_t len,
	struct trust_claim *ret, struct err *e) must_check;

/* Whether the name in a signature is the one wanted; -EPERM says what it is instead. */
int trust_identity_match(const struct trust_identity *id, const struct oci_reference *wanted,
	const char *claimed, struct err *e);

/* The bytes of a key, read if it lies in a file. */
int trust_key_read(const struct trust_key *key, struct buf *ret, struct err *e);
/* Verifies a signature over bytes with one PEM public key: ECDSA and RSA (PKCS #1 v1.5) over
 * SHA-256, Ed25519. 0, -EPERM (it is not by this key), or the key is unusable. */
int trust_key_verify(const struct buf *pem, const struct trust_signature *s, struct err *e);

/* Verifies an OpenPGP message against the keys with gpg; its content, the payload, goes to ret. */
int trust_gpg_verify(const char *tmp_dir, const struct trust_key *keys, size_t nkeys,
	const struct trust_signature *s, struct buf *ret, struct err *e);
