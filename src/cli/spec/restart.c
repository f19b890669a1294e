/* kist restart: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"time", 't', "SECONDS", "how long to wait before SIGKILL (10, or --stop-timeout)", 0},
	{"timeout", 0, "SECONDS", "the same", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(restart) = {
	.name = "restart",
	.program = CLI_KIST,
	.operands = "CONTAINER...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Stop containers and start them again",
	.text = "As `kist stop` and `kist start` in one; a container that does not run is only "
		"started.",
	.opts = opts,
	.examples = "kist restart web",
};
