/* kist kill: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"signal", 's', "SIGNAL", "name or number (KILL)", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(kill) = {
	.name = "kill",
	.program = CLI_KIST,
	.operands = "CONTAINER...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Send a signal to running containers",
	.text = "Sends SIGKILL, or the given signal, to the program of each container and "
		"prints the names.",
	.opts = opts,
	.examples = "kist kill -s HUP web",
};
