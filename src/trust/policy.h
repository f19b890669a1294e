/*
 * Which images may be accepted: policy.json of the containers ecosystem
 * (containers-policy.json(5)). The policy is read strictly, as its other readers do:
 * a key that is not known is an error, since a misspelt rule would trust too much.
 *
 * Nothing here asks a registry or a file for signatures: the caller hands them
 * over when a requirement wants them. GnuPG's signatures (signedBy) are verified by
 * gpg, which must be installed; keys of sigstoreSigned by libcrypto.
 *
 * Life cycle: trust_policy_load or _parse, any number of _check (from several threads,
 * if need be), _free.
 */
#pragma once

#include "base/defs.h"
#include "oci/digest.h"

struct buf;
struct err;
struct oci_reference;
struct trust_policy;

/* -ENOENT sets e, too: without a policy the caller decides. Errors name file and JSON path. */
int trust_policy_load(const char *path, struct trust_policy **ret, struct err *e);
/* name: of the file, for messages and errors. */
int trust_policy_parse(const char *bytes, size_t len, const char *name, struct trust_policy **ret,
	struct err *e) must_check;
void trust_policy_free(struct trust_policy *p);
DEFINE_CLEANUP(struct trust_policy *, trust_policy_free)
#define cleanup_trust_policy cleanup(trust_policy_free_cleanup)

enum trust_signature_kind {
	TRUST_SIMPLE,   /* an OpenPGP message around a payload (containers-signature(5)) */
	TRUST_SIGSTORE, /* a payload and a signature over it, as cosign attaches them */
};

/* Where cosign's manifests have the signature over a layer, which is the payload. Base64. */
#define TRUST_SIGSTORE_ANNOTATION "dev.cosignproject.cosign/signature"

/* As it was found: nothing of it is trusted. */
struct trust_signature {
	char *origin; /* where it was found, for messages */
	void *bytes;  /* TRUST_SIMPLE: the message; TRUST_SIGSTORE: the payload */
	size_t len;
	void *proof; /* TRUST_SIGSTORE: the raw signature over the payload */
	size_t proof_len;
};
struct trust_signatures {
	struct trust_signature *v;
	size_t n;
};
void trust_signatures_release(struct trust_signatures *s);
#define cleanup_trust_signatures cleanup(trust_signatures_release)
/* A new, zeroed one at the end; borrowed until the next. -ERR_LIMIT beyond LIMIT_SIGNATURES. */
int trust_signatures_add(struct trust_signatures *s, struct trust_signature **ret, struct err *e);

/* What is about to be accepted. All strings are borrowed. */
struct trust_image {
	const char *transport; /* "docker", "oci", "oci-archive", "docker-archive", "dir" */
	/* Of a transport other than docker: the absolute path (and ":name" behind it). */
	const char *path;
	/* What the person asked for, in normal form: decides scope and signed identity. NULL where the
	 * transport knows no names: then only a requirement that needs no name can be met. */
	const struct oci_reference *ref;
	/* Of the manifest itself, and of the index that led to it (NULL: none). A signature may
	 * be for either: the index names the manifest by digest. */
	const char *digest;
	const char *index_digest;
	/* Appends the signatures of one of the two digests. Asked only when a requirement needs
	 * them. NULL: this transport carries none. */
	int (*signatures)(void *arg, enum trust_signature_kind kind, const char *digest,
		struct trust_signatures *ret, struct err *e);
	void *arg;
	const char *tmp_dir; /* gpg's key ring is made in it, and removed */
};

/* 0: the policy accepts the image. -EPERM: it does not; the text says which clause and why each
 * signature did not count. Other errors: it could not be found out, which accepts nothing either. */
int trust_policy_check(
	const struct trust_policy *p, const struct trust_image *image, struct err *e);
/* The clause that decides for an image ("transports.docker.\"quay.io/team\"", "default"), and
 * whether it accepts all ("" then tells nothing to verify); for `info` and --debug. Borrowed. */
const char *trust_policy_clause(const struct trust_policy *p, const struct trust_image *image);
