/* Variables and words. The first byte chooses flags and escape character. */
#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "dockerfile/expand.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *look(void *arg, const char *name)
{
	static const char *const values[] = {NULL, "", "a", "aXbXc \"q\" \\*$x"};
	return values[(unsigned char)*name % 4];
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	char *text cleanup_free = mem_strndup((const char *)data + 1, size - 1);
	struct buf out cleanup_buf = BUF_INIT;
	struct strv words cleanup_strv = STRV_INIT, used cleanup_strv = STRV_INIT,
			  unset cleanup_strv = STRV_INIT, undefined cleanup_strv = STRV_INIT;
	struct err e = ERR_INIT, e2 = ERR_INIT;
	struct dockerfile_expander x = {
		.escape = *data & 16 ? '`' : '\\',
		.flags = *data & 15,
		.lookup = look,
		.used = &used,
		.unset = &unset,
		.undefined = &undefined,
	};
	int r = dockerfile_expand_word(&x, text, &out, &e);
	int r2 = dockerfile_expand_words(&x, text, &words, &e2);
	if (r != r2 || (r < 0) != (e.msg[0] != 0))
		abort();
	for (size_t i = 1; i < used.n; i++)
		if (strcmp(used.v[i - 1], used.v[i]) >= 0)
			abort();
	return 0;
}
