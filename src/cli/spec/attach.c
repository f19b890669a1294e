/* kist attach: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"no-stdin", 0, NULL, "do not attach our standard input", 0},
	{"sig-proxy", 0, NULL, "pass signals on to the program (true, without a terminal)", 0},
	{"detach-keys", 0, "KEYS", "keys that leave it running (ctrl-p,ctrl-q)", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(attach) = {
	.name = "attach",
	.program = CLI_KIST,
	.operands = "CONTAINER",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Attach to a running container",
	.text = "Shows the output of a running container from now on and gives it our input. "
		"ctrl-p ctrl-q leaves it running.",
	.opts = opts,
	.examples = "kist attach web",
};
