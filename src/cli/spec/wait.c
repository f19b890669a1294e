/* kist wait: its words. */
#include "cli/cli.h"

CLI_SPEC(wait) = {
	.name = "wait",
	.program = CLI_KIST,
	.operands = "CONTAINER...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Wait for the end of containers",
	.text = "Waits until each container has ended and prints its exit status. One that does "
		"not run gives the status of its last run at once.",
	.examples = "kist wait job",
};
