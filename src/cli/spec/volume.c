/* kist volume: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"force", 'f', NULL, "rm: no error for one that does not exist; prune: do not ask", 0},
	{"quiet", 'q', NULL, "ls: names only", 0},
	{"all", 'a', NULL, "prune: named ones too, not only anonymous ones", 0},
	{"dry-run", 0, NULL, "prune: only print what would go", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(volume) = {
	.name = "volume",
	.program = CLI_KIST,
	.operands = "ls|create|rm|inspect|prune [NAME...]",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "List, make and remove volumes",
	.text = "A volume is a directory that outlives containers; `kist run -v NAME:PATH` "
		"makes it too. prune removes the volumes that no container uses: those without "
		"a name, with -a all of them.",
	.opts = opts,
	.examples = "kist volume ls\n"
		    "kist volume rm data",
};
