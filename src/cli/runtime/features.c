/* features: the document about what this build can do on this kernel (runtime-spec, features.md). */
#include "runtime/features.h"
#include "base/err.h"
#include "base/mem.h"
#include "cli/runtime/runtime.h"

#include <stdio.h>

static int features(const struct call *c, struct err *e)
{
	cleanup_free char *text = runtime_features();
	fputs(text, stdout);
	return 0;
}

const struct command cmd_features = {
	.name = "features",
	.operands = "",
	.text = "print what this runtime can do",
	.run = features,
};
