/* The payload of a signature: which image, under which name (containers-signature(5);
 * cosign's specs/SIGNATURE_SPEC.md). Read only after it was verified. */
#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/json.h"
#include "trust/policy_priv.h"

#include <stdlib.h>
#include <string.h>

void trust_claim_release(struct trust_claim *c)
{
	free(c->reference);
	c->reference = NULL;
}

static int need(json_t *o, const char *where, const char *key, const char **ret, struct err *e)
{
	*ret = NULL;
	int r = oci_json_string(o, where, key, ret, e);
	return r == 0 ? err_set(e, ERR_FORMAT, "%s.%s: is missing", where, key) : r;
}

static int claim_read(
	json_t *critical, enum trust_signature_kind kind, struct trust_claim *ret, struct err *e)
{
	/* a key that we do not know could restrict the claim: all must be known */
	if (json_object_size(critical) != 3)
		return err_set(e, ERR_FORMAT, "critical: expected type, image and identity");
	const char *type, *digest, *reference;
	int r = need(critical, "critical", "type", &type, e);
	if (r < 0)
		return r;
	const char *want = kind == TRUST_SIMPLE ? "atomic container signature"
						: "cosign container image signature";
	if (!str_eq(type, want))
		return err_set(e, ERR_FORMAT, "critical.type: '%s' is not '%s'", type, want);
	json_t *image = json_object_get(critical, "image");
	json_t *identity = json_object_get(critical, "identity");
	if (json_object_size(image) != 1 || json_object_size(identity) != 1)
		return err_set(e, ERR_FORMAT,
			"critical: expected image.docker-manifest-digest and "
			"identity.docker-reference alone");
	r = need(image, "critical.image", "docker-manifest-digest", &digest, e);
	if (r >= 0)
		r = need(identity, "critical.identity", "docker-reference", &reference, e);
	if (r >= 0)
		r = oci_digest_parse(digest, strlen(digest),
			"critical.image.docker-manifest-digest", ret->digest, e);
	if (r < 0)
		return r;
	ret->reference = mem_strdup(reference);
	return 0;
}

int trust_claim_parse(enum trust_signature_kind kind, const char *bytes, size_t len,
	struct trust_claim *ret, struct err *e)
{
	*ret = (struct trust_claim){NULL, ""};
	cleanup_json json_t *doc = NULL;
	int r = oci_json_parse(bytes, len, LIMIT_SIGNATURE, "signed payload", &doc, e);
	if (r < 0)
		return r;
	json_t *critical = json_object_get(doc, "critical");
	if (!json_is_object(critical))
		return err_set(e, ERR_FORMAT, "signed payload: critical: is missing");
	r = claim_read(critical, kind, ret, e);
	return r < 0 ? err_wrap(e, r, "signed payload") : 0;
}
