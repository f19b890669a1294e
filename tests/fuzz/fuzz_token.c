/* A token server's answer: a token that is taken may stand in a header line. And scopes. */
#include "base/mem.h"
#include "registry/client/client_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct registry_token_answer a;
	char *text cleanup_free = mem_strndup((const char *)data, size);
	if (registry_token_parse((const char *)data, size, &a, NULL) >= 0) {
		if (!*a.token || strpbrk(a.token, " \r\n\t\x7f") || a.expires_in < 0)
			abort();
		registry_token_answer_release(&a);
	}
	registry_scopes_cover(text, text);
	registry_scopes_cover("repository:a:pull,push", text);
	registry_scopes_cover(text, "repository:a:pull,push");
	return 0;
}
