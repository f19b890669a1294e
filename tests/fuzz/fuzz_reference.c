/* References: what is taken is a fixed point of parse and format, and normal forms parse again. */
#include "base/mem.h"
#include "base/strv.h"
#include "oci/reference.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text cleanup_free = mem_strndup((const char *)data, size);
	struct oci_reference r, again;
	char out[OCI_REFERENCE_MAX], tag[OCI_TAG_MAX + 1], repo[OCI_REFERENCE_MAX];
	struct strv list cleanup_strv = STRV_INIT;
	oci_reference_candidates(text, &list, NULL);
	oci_reference_split(text, repo, tag);
	oci_reference_familiar(text, out);
	if (oci_reference_parse(text, &r, NULL) < 0)
		return 0;
	oci_reference_format(&r, out);
	if (strcmp(out, text) != 0)
		abort();
	oci_reference_normalise_local(&r);
	oci_reference_format(&r, out);
	if (strlen(out) < OCI_REFERENCE_MAX - 1 &&
		strlen(r.path) + strlen(r.domain) < OCI_NAME_MAX &&
		oci_reference_parse(out, &again, NULL) < 0)
		abort();
	return 0;
}
