/* A registry's error document: whatever it holds, one line fit for a terminal comes out. */
#include "base/err.h"
#include "registry/client/client_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 2)
		return 0;
	struct http_response rs = {.status = 100 + data[0] * 2};
	struct registry_host h = {
		.host = (char *)"registry.example",
		.auth_key = (char *)"registry.example",
		.have_credentials = data[1] & 1,
	};
	struct err e = ERR_INIT;
	buf_add(&rs.body, data + 2, size - 2);
	if (registry_refuse(&h, "a manifest", &rs, &e) >= 0 || !e.code)
		abort();
	for (const char *p = e.msg; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 0x7f ||
			((unsigned char)*p == 0xc2 && (unsigned char)p[1] >= 0x80 &&
				(unsigned char)p[1] < 0xa0))
			abort();
	buf_release(&rs.body);
	return 0;
}
