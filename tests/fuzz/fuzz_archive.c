/* Archives of images: the list of entries, links between them, reading their documents. */
#include "base/buf.h"
#include "oci/layout.h"
#include "transport/source_priv.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("archive", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	struct transport_source src cleanup_transport_source = {.dir = -1, .fd = -1};
	if (transport_source_scan(&src, fd, NULL) >= 0) {
		for (size_t i = 0; i < src.n; i++) {
			struct buf b cleanup_buf = BUF_INIT_MAX(65536);
			(void)transport_source_read(&src, src.v[i].name, &b, NULL);
		}
		struct buf b cleanup_buf = BUF_INIT_MAX(65536);
		struct oci_archive a cleanup_oci_archive = {0};
		if (transport_source_read(&src, "manifest.json", &b, NULL) >= 0 &&
			oci_archive_parse(buf_str(&b), b.len, &a, NULL) >= 0)
			for (size_t i = 0; i < a.n; i++)
				(void)transport_source_has(&src, a.v[i].config);
	}
	close(fd);
	return 0;
}
