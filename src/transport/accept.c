/* The gate for manifests; see the header. */
#include "transport/accept.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/digest.h"

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
