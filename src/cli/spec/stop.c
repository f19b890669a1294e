/* kist stop: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"time", 't', "SECONDS", "how long to wait before SIGKILL (10, or --stop-timeout)", 0},
	{"timeout", 0, "SECONDS", "the same", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(stop) = {
	.name = "stop",
	.program = CLI_KIST,
	.operands = "CONTAINER...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Stop running containers",
	.text = "Sends SIGTERM (or the container's stop signal) to the program, waits, and "
		"sends SIGKILL when it has not ended in time; then it says so. Prints the names "
		"of the containers.",
	.opts = opts,
	.examples = "kist stop web\n"
		    "kist stop -t 1 $(kist ps -q)",
};
