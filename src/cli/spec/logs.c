/* kist logs: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"follow", 'f', NULL, "go on until the container ends", 0},
	{"tail", 'n', "NUMBER", "only the last lines (all)", 0},
	{"since", 0, "TIME", "from this time on: RFC 3339, seconds since 1970, or 10m ago", 0},
	{"until", 0, "TIME", "up to this time", 0},
	{"timestamps", 't', NULL, "put the time before each line", 0},
	{"details", 0, NULL, "accepted, without effect", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(logs) = {
	.name = "logs",
	.program = CLI_KIST,
	.operands = "CONTAINER",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Show what a container has printed",
	.text = "Prints the kept output of a container: standard output to ours, standard error "
		"to ours. By default the last 30 MB are kept (--log-opt of `kist run`).",
	.opts = opts,
	.examples = "kist logs -f --tail 20 web",
};
