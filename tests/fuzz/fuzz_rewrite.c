/* Manifests and indexes that are to change their format or a layer. */
#include "base/buf.h"
#include "oci/manifest.h"
#include "oci/rewrite.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	const char *p = (const char *)data + 1;
	enum oci_format format = data[0] % 3;
	struct oci_manifest m cleanup_oci_manifest = {0};
	struct oci_index x cleanup_oci_index = {0};
	struct buf out cleanup_buf = BUF_INIT;
	struct oci_replacement v[8] = {{.changed = data[0] & 4, .digest = "sha256:", .size = 1}};
	const char *type;
	/* as copy.c does it: only what was parsed is rewritten, and it is parsed by others again */
	if (oci_manifest_parse(p, size - 1, &m, NULL) >= 0 && m.nlayers <= 8)
		oci_manifest_rewrite(p, size - 1, format, v, m.nlayers, &out, &type, NULL);
	if (oci_index_parse(p, size - 1, &x, NULL) >= 0 && x.nmanifests <= 8)
		oci_index_rewrite(p, size - 1, format, v, x.nmanifests, &out, &type, NULL);
	/* and what was not */
	oci_manifest_rewrite(p, size - 1, format, NULL, 0, &out, &type, NULL);
	oci_index_rewrite(p, size - 1, format, NULL, 0, &out, &type, NULL);
	return 0;
}
