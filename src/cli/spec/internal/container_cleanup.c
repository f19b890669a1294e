/* kist container_cleanup: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"dir-fd", 0, "FD", "the locked directory of the container", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(container_cleanup) = {
	.name = "container_cleanup",
	.program = CLI_KIST,
	.operands = "ID",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Internal",
	.text = "What is left of a container after its end: the monitor becomes this.",
	.opts = opts,
	.flags = CLI_INTERNAL | CLI_MAKES_ROOM,
};
