/* kist rm: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"force", 'f', NULL, "kill it first if it runs; no error if it does not exist", 0},
	{"volumes", 'v', NULL, "remove its anonymous volumes too", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(rm) = {
	.name = "rm",
	.program = CLI_KIST,
	.operands = "CONTAINER...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Remove containers",
	.text = "Removes stopped containers with their files and logs, and prints their names. "
		"Named volumes stay.",
	.opts = opts,
	.examples = "kist rm web\n"
		    "kist rm -f $(kist ps -aq)",
	.flags = CLI_MAKES_ROOM,
};
