/* kist inspect_remote: `kist inspect --remote` in the program that reaches registries. */
#include "cli/spec/inspect_opts.h"

static const struct cli_opt opts[] = {INSPECT_OPTS, {NULL, 0, NULL, NULL, 0}};

CLI_SPEC(inspect_remote) = {
	.name = "inspect_remote",
	.program = CLI_TRANSPORT,
	.operands = "NAME...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Show an image of a registry",
	.opts = opts,
	.flags = CLI_INTERNAL,
};
