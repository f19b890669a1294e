/* Names in signatures against the name that was asked for (containers-policy.json(5),
 * signedIdentity). */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "oci/reference.h"
#include "trust/policy_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool same_repository(const struct oci_reference *a, const struct oci_reference *b)
{
	return str_eq(a->domain, b->domain) && str_eq(a->path, b->path);
}

static bool same_reference(const struct oci_reference *a, const struct oci_reference *b)
{
	return same_repository(a, b) && str_eq(a->tag, b->tag) && str_eq(a->digest, b->digest) &&
	       (*a->tag || *a->digest);
}

/* A name without tag and digest stays so: a signature for "app" is not one for "app:latest". */
static int parse_name(const char *text, struct oci_reference *ret, struct err *e)
{
	int r = oci_reference_parse(text, ret, e);
	if (r < 0)
		return r;
	bool bare = !*ret->tag && !*ret->digest;
	oci_reference_normalise_docker(ret);
	if (bare)
		*ret->tag = 0;
	return 0;
}

/* Asked for by tag: the same tag was signed. By digest, which the signature proves: the tag does
 * not matter. */
static bool repo_digest_or_exact(
	const struct oci_reference *wanted, const struct oci_reference *claimed)
{
	return *wanted->digest ? same_repository(wanted, claimed) : same_reference(wanted, claimed);
}

/* The name asked for with the prefix replaced; unchanged when it has another one. */
static int remap(const struct trust_identity *id, const struct oci_reference *wanted,
	struct oci_reference *ret, struct err *e)
{
	char whole[OCI_REFERENCE_MAX];
	oci_reference_format(wanted, whole);
	size_t len = strlen(id->value);
	char next = strlen(whole) >= len && !memcmp(whole, id->value, len) ? whole[len] : 'x';
	/* the end of a component: of the host, a namespace or the whole repository */
	bool fits = next == '/' || next == 0 || (strchr(id->value, '/') && strchr(":@", next));
	if (!fits) {
		*ret = *wanted;
		return 0;
	}
	cleanup_free char *name = mem_printf("%s%s", id->signed_prefix, whole + len);
	int r = parse_name(name, ret, e);
	return r < 0 ? err_wrap(e, r, "signedIdentity.signedPrefix '%s'", id->signed_prefix) : 0;
}

static int no_match(const char *claimed, const char *wanted, const struct trust_identity *id,
	bool same_repo, struct err *e)
{
	err_set(e, EPERM, "it is for '%s', not for '%s'", claimed, wanted);
	if (same_repo && id->kind == TRUST_MATCH_REPO_DIGEST_OR_EXACT)
		err_hint(e, "for signatures that name no tag (cosign's) write "
			    "\"signedIdentity\": {\"type\": \"matchRepository\"} in the policy");
	return -EPERM;
}

int trust_identity_match(const struct trust_identity *id, const struct oci_reference *wanted,
	const char *claimed, struct err *e)
{
	struct oci_reference have, want;
	int r = parse_name(claimed, &have, e);
	if (r < 0)
		return err_wrap(e, r, "docker-reference '%s'", claimed);
	bool exact_value = id->kind == TRUST_EXACT_REFERENCE || id->kind == TRUST_EXACT_REPOSITORY;
	if (exact_value) {
		r = parse_name(id->value, &want, e);
	} else if (!wanted) {
		return err_set(e, EPERM,
			"this transport knows no name that the signature's '%s' "
			"could be compared with; exactReference or exactRepository can name one",
			claimed);
	} else if (id->kind == TRUST_REMAP_IDENTITY) {
		r = remap(id, wanted, &want, e);
	} else {
		want = *wanted;
	}
	if (r < 0)
		return r;
	bool ok = false;
	switch (id->kind) {
	case TRUST_MATCH_EXACT:
	case TRUST_EXACT_REFERENCE:
		ok = same_reference(&want, &have);
		break;
	case TRUST_MATCH_REPOSITORY:
	case TRUST_EXACT_REPOSITORY:
		ok = same_repository(&want, &have);
		break;
	case TRUST_MATCH_REPO_DIGEST_OR_EXACT:
	case TRUST_REMAP_IDENTITY:
		ok = repo_digest_or_exact(&want, &have);
		break;
	}
	if (ok)
		return 0;
	char text[OCI_REFERENCE_MAX];
	oci_reference_format(&want, text);
	return no_match(claimed, text, id, same_repository(&want, &have), e);
}
