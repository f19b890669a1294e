/* The decision: does the policy accept an image, and if not, why not. */
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void trust_signatures_release(struct trust_signatures *s)
{
	for (size_t i = 0; i < s->n; i++) {
		free(s->v[i].origin);
		free(s->v[i].bytes);
		free(s->v[i].proof);
	}
	free(s->v);
	*s = (struct trust_signatures){NULL, 0};
}

int trust_signatures_add(struct trust_signatures *s, struct trust_signature **ret, struct err *e)
{
	if (s->n >= LIMIT_SIGNATURES)
		return err_set(
			e, ERR_LIMIT, "more than %d signatures for one image", LIMIT_SIGNATURES);
	s->v = mem_realloc(s->v, s->n + 1, sizeof(s->v[0]));
	*ret = &s->v[s->n++];
	memset(*ret, 0, sizeof(**ret));
	return 0;
}

const char *trust_policy_clause(const struct trust_policy *p, const struct trust_image *image)
{
	return trust_scope_find(p, image)->clause;
}

/* By any of the keys. -EPERM: by none; other errors: a key cannot be used. */
static int verify_sigstore(
	const struct trust_requirement *q, const struct trust_signature *s, struct err *e)
{
	int r = 0;
	for (size_t i = 0; i < q->nkeys; i++) {
		struct buf pem cleanup_buf = BUF_INIT_MAX(LIMIT_POLICY);
		const char *name = q->keys[i].path ? q->keys[i].path : "keyData";
		err_clear(e);
		r = trust_key_read(&q->keys[i], &pem, e);
		if (r == 0)
			r = trust_key_verify(&pem, s, e);
		if (r == 0)
			return 0;
		if (r != -EPERM)
			return err_wrap(e, r, "'%s'", name);
	}
	if (q->nkeys > 1) {
		err_clear(e);
		return err_set(e, EPERM, "it was made with none of the %zu keys", q->nkeys);
	}
	return r;
}

/* One signature, for the digest by which it was found. */
static int check_signature(const struct trust_requirement *q, const struct trust_image *image,
	const char *digest, const struct trust_signature *s, struct err *e)
{
	struct buf payload cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
	enum trust_signature_kind kind = q->kind == TRUST_SIGNED_BY ? TRUST_SIMPLE : TRUST_SIGSTORE;
	int r = kind == TRUST_SIGSTORE
			? verify_sigstore(q, s, e)
			: trust_gpg_verify(image->tmp_dir, q->keys, q->nkeys, s, &payload, e);
	if (r < 0)
		return r;
	const char *bytes = kind == TRUST_SIGSTORE ? s->bytes : buf_str(&payload);
	size_t len = kind == TRUST_SIGSTORE ? s->len : payload.len;
	cleanup(trust_claim_release) struct trust_claim claim = {NULL, ""};
	r = trust_claim_parse(kind, bytes, len, &claim, e);
	if (r < 0)
		return r;
	if (!oci_digest_equal(claim.digest, digest))
		return err_set(e, EPERM, "it is for the manifest %s", claim.digest);
	return trust_identity_match(&q->identity, image->ref, claim.reference, e);
}

/* Why signatures did not count, one clause each; the first few, the number of the others. */
struct reasons {
	struct buf text;
	size_t n;
	char hint[1024];
};

static void reasons_release(struct reasons *w)
{
	buf_release(&w->text);
}

static void add_reason(struct reasons *w, const struct trust_signature *s, const struct err *why)
{
	if (w->n++ < 4)
		buf_printf(&w->text, "; %s: %s", s->origin ? s->origin : "a signature", why->msg);
	if (!*w->hint)
		memcpy(w->hint, why->hint, sizeof(w->hint));
}

/* 1: a signature for this digest meets the requirement, 0: none does. */
static int check_digest(const struct trust_requirement *q, const struct trust_image *image,
	const char *digest, struct reasons *w, struct err *e)
{
	cleanup_trust_signatures struct trust_signatures list = {NULL, 0};
	int r = image->signatures(image->arg,
		q->kind == TRUST_SIGNED_BY ? TRUST_SIMPLE : TRUST_SIGSTORE, digest, &list, e);
	if (r < 0)
		return err_wrap(e, r, "fetch the signatures");
	for (size_t i = 0; i < list.n; i++) {
		struct err why = ERR_INIT;
		r = check_signature(q, image, digest, &list.v[i], &why);
		if (r == 0)
			return 1;
		/* our own failure (a missing key, no gpg) is no fault of the signature */
		if (r != -EPERM && r != -ERR_FORMAT && r != -ERR_SYNTAX && r != -ERR_LIMIT && e) {
			*e = why;
			return r;
		}
		add_reason(w, &list.v[i], &why);
	}
	return 0;
}

static int check_signed(
	const struct trust_requirement *q, const struct trust_image *image, struct err *e)
{
	const char *what = q->kind == TRUST_SIGNED_BY ? "an OpenPGP signature (signedBy)"
						      : "a sigstore signature (sigstoreSigned)";
	if (q->unsupported)
		return err_set(e, ERR_UNSUPPORTED, "%s: '%s' is not supported, only keys are", what,
			q->unsupported);
	if (!image->signatures)
		return err_set(e, EPERM, "%s is wanted, and '%s:' has no place for one", what,
			image->transport);
	struct reasons w cleanup(reasons_release) = {BUF_INIT, 0, ""};
	const char *const digests[] = {image->digest, image->index_digest};
	for (size_t i = 0; i < ARRAY_SIZE(digests) && digests[i]; i++) {
		int r = check_digest(q, image, digests[i], &w, e);
		if (r != 0)
			return r < 0 ? r : 0;
	}
	if (!w.n)
		return err_set(e, EPERM, "%s is wanted, and there is none", what);
	err_set(e, EPERM, "%s is wanted, and none of %zu counts%s%s", what, w.n, buf_str(&w.text),
		w.n > 4 ? "; and so on" : "");
	if (*w.hint)
		err_hint(e, "%s", w.hint);
	return -EPERM;
}

static int check_requirement(
	const struct trust_requirement *q, const struct trust_image *image, struct err *e)
{
	switch (q->kind) {
	case TRUST_ACCEPT_ANYTHING:
		return 0;
	case TRUST_REJECT:
		return err_set(e, EPERM, "all of its images are rejected");
	case TRUST_SIGNED_BY:
	case TRUST_SIGSTORE_SIGNED:
		break;
	}
	return check_signed(q, image, e);
}

int trust_policy_check(const struct trust_policy *p, const struct trust_image *image, struct err *e)
{
	const struct trust_scope *s = trust_scope_find(p, image);
	char name[OCI_REFERENCE_MAX] = "";
	if (image->ref)
		oci_reference_format(image->ref, name);
	for (size_t i = 0; i < s->n; i++) {
		/* every requirement of the list must be met */
		int r = check_requirement(&s->v[i], image, e);
		if (r < 0)
			return err_wrap(e, r, "'%s%s%s' is not accepted by the policy '%s', %s",
				image->ref ? "" : image->transport, image->ref ? "" : ":",
				image->ref ? name : (image->path ? image->path : ""), p->name,
				s->clause);
	}
	return 0;
}
