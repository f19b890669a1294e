/* Texts of lines that the runtime takes from files of the host: subordinate ids, schemata. What comes
 * out must keep what the header promises. */
#include "base/defs.h"
#include "base/mem.h"
#include "runtime/idmap.h"
#include "runtime/rdt_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void subids(const char *text, size_t len)
{
	struct runtime_id_map v[4];
	size_t n = runtime_subids_parse(text, len, "user", 1000, v, ARRAY_SIZE(v));
	if (n > ARRAY_SIZE(v))
		abort();
	for (size_t i = 0; i < n; i++)
		if (!v[i].size || v[i].container || v[i].host > UINT32_MAX - v[i].size)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_free char *text = mem_strndup((const char *)data, size);
	subids((const char *)data, size);
	/* the first line against the rest */
	char *rest = strchr(text, '\n');
	if (rest)
		*rest++ = 0;
	rdt_schema_matches(rest ? rest : "", text);
	return 0;
}
