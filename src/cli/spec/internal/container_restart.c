/* kist container_restart: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"dir-fd", 0, "FD", "the locked directory of the container", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(container_restart) = {
	.name = "container_restart",
	.program = CLI_KIST,
	.operands = "ID",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Internal",
	.text = "A container again by its restart policy: the monitor becomes this.",
	.opts = opts,
	.flags = CLI_INTERNAL,
};
