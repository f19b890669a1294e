/* kist start: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"attach", 'a', NULL, "show its output here and wait for its end", 0},
	{"interactive", 'i', NULL, "attach our standard input", 0},
	{"detach-keys", 0, "KEYS", "keys that leave it running (ctrl-p,ctrl-q)", 0},
	{"sig-proxy", 0, NULL, "pass signals on to the program (true, without a terminal)", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(start) = {
	.name = "start",
	.program = CLI_KIST,
	.operands = "CONTAINER...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Start created or stopped containers",
	.text = "Starts containers again with the options that they were made with, and prints "
		"their names. With -a or -i one container is attached as `kist run` does, and "
		"its exit status becomes kist's.",
	.opts = opts,
	.examples = "kist start web db\n"
		    "kist start -ai shell",
};
