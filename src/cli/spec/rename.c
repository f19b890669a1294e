/* kist rename: its words. */
#include "cli/cli.h"

CLI_SPEC(rename) = {
	.name = "rename",
	.program = CLI_KIST,
	.operands = "CONTAINER NAME",
	.min_operands = 2,
	.max_operands = 2,
	.summary = "Rename a container",
	.text = "Gives a container another name, on the bridge too.",
	.examples = "kist rename web web-old",
};
