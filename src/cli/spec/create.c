/* kist create: its words. */
#include "cli/spec/run_opts.h"

static const struct cli_opt opts[] = {
	RUN_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(create) = {
	.name = "create",
	.program = CLI_KIST,
	.operands = "IMAGE [COMMAND [ARG...]]",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Make a container without starting it",
	.text = "Makes a container as `kist run` does and prints its id; `kist start` starts it.",
	.opts = opts,
	.examples = "kist start -a $(kist create debian:12 date)",
	.statuses = "125  it could not be made",
	.error_status = 125,
	.flags = CLI_STOP_AT_OPERAND,
};
