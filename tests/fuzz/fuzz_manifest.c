/* Manifests, indexes, layouts and archive documents from the same bytes. */
#include "base/buf.h"
#include "oci/layout.h"
#include "oci/manifest.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *p = (const char *)data;
	struct oci_manifest m cleanup_oci_manifest = {0}, m2 cleanup_oci_manifest = {0};
	struct oci_index x cleanup_oci_index = {0};
	struct oci_archive a cleanup_oci_archive = {0};
	struct buf out cleanup_buf = BUF_INIT;
	enum oci_kind kind;
	if (oci_manifest_parse(p, size, &m, NULL) >= 0) {
		oci_manifest_format(&m, &out);
		if (oci_manifest_parse(out.data, out.len, &m2, NULL) < 0)
			abort();
	}
	if (oci_index_parse(p, size, &x, NULL) >= 0) {
		const struct oci_descriptor *d;
		oci_index_select(&x, &d, NULL);
		buf_clear(&out);
		oci_index_format(&x, &out);
	}
	if (oci_archive_parse(p, size, &a, NULL) >= 0) {
		buf_clear(&out);
		oci_archive_format(&a, &out);
	}
	if (oci_layout_parse(p, size, NULL) < 0 && oci_manifest_kind(p, size, &kind, NULL) < 0)
		return 0;
	return 0;
}
