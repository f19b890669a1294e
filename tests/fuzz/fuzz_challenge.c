/* WWW-Authenticate: whatever it says, the list is whole, bounded and free of control of ours. */
#include "base/limits.h"
#include "base/mem.h"
#include "http/challenge.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text cleanup_free = mem_strndup((const char *)data, size);
	struct http_challenges list cleanup_http_challenges = HTTP_CHALLENGES_INIT;
	int r = http_challenges_parse(text, &list, NULL);
	if (r < 0 ? list.n != 0 : list.n > LIMIT_CHALLENGES)
		abort();
	for (size_t i = 0; i < list.n; i++) {
		const struct http_challenge *c = &list.v[i];
		if (!c->scheme || !*c->scheme || c->params.n > LIMIT_CHALLENGE_PARAMS)
			abort();
		if (c->token68 && c->params.n && i + 1 == list.n && !strchr(text, ','))
			abort();
		http_challenge_param(c, "realm");
	}
	return 0;
}
