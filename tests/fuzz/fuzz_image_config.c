/* Image configs: what is taken is written in a form that is taken again with the same bytes. */
#include "base/buf.h"
#include "oci/image_config.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_image_config c cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	if (oci_image_config_parse((const char *)data, size, &c, NULL) < 0)
		return 0;
	struct buf a cleanup_buf = BUF_INIT, b cleanup_buf = BUF_INIT;
	oci_image_config_format(&c, &a);
	struct oci_image_config d cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	if (oci_image_config_parse(a.data, a.len, &d, NULL) < 0)
		abort();
	oci_image_config_format(&d, &b);
	if (a.len != b.len || memcmp(a.data, b.data, a.len) != 0)
		abort();
	return 0;
}
