/* kist port: its words. */
#include "cli/cli.h"

CLI_SPEC(port) = {
	.name = "port",
	.program = CLI_KIST,
	.operands = "CONTAINER [PORT[/PROTO]]",
	.min_operands = 1,
	.max_operands = 2,
	.summary = "Show the published ports of a container",
	.text = "Prints where the container's ports are published on the host.",
	.examples = "kist port web 80",
};
