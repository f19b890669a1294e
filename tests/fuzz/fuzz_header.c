/* Values of other headers that a registry sends: Link, Content-Range, Retry-After. */
#include "base/mem.h"
#include "http/header.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text cleanup_free = mem_strndup((const char *)data, size);
	char *link cleanup_free = http_link_find(text, "next");
	if (link && (strchr(link, '>') || strlen(link) >= strlen(text)))
		abort();
	uint64_t first, last, total;
	if (http_range_parse(text, &first, &last, &total) >= 0 && (first > last || last >= total))
		abort();
	if (http_retry_after(text, 1700000000) < -1000)
		abort();
	return 0;
}
