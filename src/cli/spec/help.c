/* kist help: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"format", 0, "text|man", "plain text, or a man page in roff", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(help) = {
	.name = "help",
	.program = CLI_KIST,
	.operands = "[COMMAND]",
	.max_operands = 1,
	.summary = "Explain kist, or one of its commands",
	.opts = opts,
	.examples = "kist help run\nkist help --format man build > kist-build.1",
	.flags = CLI_NO_STORE,
};
