/* kist healthcheck: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"dir-fd", 0, "FD", "the locked directory of the container", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(healthcheck) = {
	.name = "healthcheck",
	.program = CLI_KIST,
	.operands = "ID",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Internal",
	.text = "The health check of a container once: the monitor runs this.",
	.opts = opts,
	.flags = CLI_INTERNAL,
};
