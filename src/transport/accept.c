/* The gate for manifests; see the header. */
#include "transport/accept.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/image_config.h"

int transport_accept(const struct transport_arrival *a, struct err *e)
{
	char hex[SHA256_HEX];
	if (a->len > LIMIT_MANIFEST)
		return err_set(e, ERR_LIMIT,
			"'%s': its manifest has %zu bytes, at most %d are accepted", a->reference,
			a->len, LIMIT_MANIFEST);
	sha256_hex(a->bytes, a->len, hex);
	if (!str_eq(hex, oci_digest_hex(a->digest)))
		return err_set(e, ERR_DIGEST, "'%s': the manifest is sha256:%s instead of %s",
			a->reference, hex, a->digest);
	return 0;
}

int transport_accept_platform(
	const struct oci_image_config *c, const struct oci_platform *want, struct err *e)
{
	const struct oci_platform is = {c->os, c->architecture, c->variant};
	if (!want || oci_platform_match(&is, want))
		return 0;
	char *have cleanup_free = oci_platform_format(&is);
	char *asked cleanup_free = oci_platform_format(want);
	return err_set(
		e, ERR_NOT_FOUND, "there is no image for %s: it is for %s only", asked, have);
}
