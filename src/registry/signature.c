/* Signatures of an image, fetched; see the header. */
#include "registry/signature.h"

#include "base/base64.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/digest.h"
#include "oci/manifest.h"
#include "registry/client/blob.h"
#include "registry/client/manifest.h"
#include "registry/client/public.h"
#include "registry/client/referrers.h"
#include "registry/lookaside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define COSIGN_ARTIFACT "application/vnd.dev.cosign.artifact.sig.v1+json"
#define COSIGN_PAYLOAD  "application/vnd.dev.cosign.simplesigning.v1+json"

/* ---- OpenPGP, beside the registry ---- */

/* 1: there, 0: not. */
static int read_url(
	const struct registry_signatures *s, const char *url, struct buf *b, struct err *e)
{
	int r = str_starts(url, "file://") ? file_read(AT_FDCWD, url + strlen("file://"), b, e)
					   : registry_get_public(s->client, url, b, e);
	if (r != -ENOENT && r != -ERR_NOT_FOUND)
		return r < 0 ? r : 1;
	err_clear(e);
	return 0;
}

static int get_lookaside(const struct registry_signatures *s, const char *digest,
	struct trust_signatures *ret, struct err *e)
{
	char *base cleanup_free =
		s->lookaside ? registry_lookaside_url(s->lookaside, s->ref, digest) : NULL;
	/* numbered from 1; the first that is missing ends them */
	for (size_t i = 1; base; i++) {
		struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
		struct trust_signature *one = NULL;
		char *url cleanup_free = mem_printf("%s%zu", base, i);
		int r = read_url(s, url, &b, e);
		if (r > 0)
			r = trust_signatures_add(ret, &one, e) < 0 ? -ERR_LIMIT : 1;
		if (r <= 0)
			return r;
		one->origin = STEAL(url);
		one->len = b.len;
		one->bytes = buf_take(&b);
	}
	return 0;
}

/* ---- sigstore, in the repository ---- */

static int add_layer(const struct registry_signatures *s, const struct oci_descriptor *d,
	const char *origin, struct trust_signatures *ret, struct err *e)
{
	const char *text = strv_env_get(&d->annotations, TRUST_SIGSTORE_ANNOTATION);
	struct buf payload cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
	struct buf proof cleanup_buf = BUF_INIT_MAX(LIMIT_SIGNATURE);
	struct trust_signature *one = NULL;
	if (!str_eq(d->media_type, COSIGN_PAYLOAD) || !text || d->size > LIMIT_SIGNATURE)
		return 0; /* somebody else's: no signature that could count */
	if (base64_decode(text, strlen(text), &proof) < 0)
		return 0;
	int r = registry_blob_read(s->repo, d->digest, d->size, &payload, e);
	if (r >= 0)
		r = trust_signatures_add(ret, &one, e);
	if (r < 0)
		return err_wrap(e, r, "signature '%s'", origin);
	one->origin = mem_printf("'%s', number %zu", origin, ret->n);
	one->len = payload.len;
	one->bytes = buf_take(&payload);
	one->proof_len = proof.len;
	one->proof = buf_take(&proof);
	return 0;
}

/* The signatures that one manifest carries. -ERR_NOT_FOUND: there is no such manifest. */
static int get_manifest(const struct registry_signatures *s, const char *ref,
	struct trust_signatures *ret, struct err *e)
{
	struct registry_manifest m cleanup_registry_manifest = {0};
	struct oci_manifest doc cleanup_oci_manifest = {0};
	int r = registry_manifest_get(s->repo, ref, NULL, &m, e);
	if (r >= 0)
		r = oci_manifest_parse(buf_str(&m.bytes), m.bytes.len, &doc, e);
	for (size_t i = 0; r >= 0 && i < doc.nlayers; i++)
		r = add_layer(s, &doc.layers[i], ref, ret, e);
	return r;
}

static int get_referrers(const struct registry_signatures *s, const char *digest,
	struct trust_signatures *ret, struct err *e)
{
	struct oci_index x cleanup_oci_index = {0};
	int r = registry_referrers(s->repo, digest, COSIGN_ARTIFACT, &x, e);
	for (size_t i = 0; r >= 0 && i < x.nmanifests && i < LIMIT_SIGNATURES; i++)
		r = get_manifest(s, x.manifests[i].digest, ret, e);
	return r;
}

static int get_attached(const struct registry_signatures *s, const char *digest,
	struct trust_signatures *ret, struct err *e)
{
	char *tag cleanup_free = mem_printf("sha256-%s.sig", oci_digest_hex(digest));
	int r = get_manifest(s, tag, ret, e);
	if (r == -ERR_NOT_FOUND) {
		err_clear(e);
		r = get_referrers(s, digest, ret, e);
	}
	return r;
}

int registry_signatures_get(void *arg, enum trust_signature_kind kind, const char *digest,
	struct trust_signatures *ret, struct err *e)
{
	const struct registry_signatures *s = arg;
	return kind == TRUST_SIMPLE ? get_lookaside(s, digest, ret, e)
				    : get_attached(s, digest, ret, e);
}
