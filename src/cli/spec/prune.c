/* kist prune: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"all", 'a', NULL, "also images with a name that no container uses", 0},
	{"dry-run", 'n', NULL, "print what would go, remove nothing", 0},
	{"filter", 0, "until=TIME",
		"only what is older: a duration (24h) or a date (2024-05-01T00:00:00Z)", 0},
	{"force", 'f', NULL, "do not ask", 0},
	{"images", 0, NULL, "images only", 0},
	{"build-cache", 0, NULL, "build cache only", 0},
	{"containers", 0, NULL, "containers only", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(prune) = {
	.name = "prune",
	.program = CLI_KIST,
	.operands = "",
	.summary = "Remove what is not needed",
	.text = "Removes containers that do not run, images without a name that no container uses, "
		"the "
		"build cache, files that a crash left behind, and what a pull that was cut more "
		"than "
		"a week ago had fetched; with --all, named images that no container uses and the "
		"partial layers of later pulls too. Each thing is listed with its size and the "
		"reason before "
		"anything "
		"is removed, and --dry-run prints the same list.\n\n"
		"What a build, a pull or another command is working with stays. --images, "
		"--build-cache and --containers, one or several, narrow it.",
	.opts = opts,
	.examples = "kist prune --dry-run\nkist prune --all --force\n"
		    "kist prune --build-cache --filter until=168h --force",
	.flags = CLI_MAKES_ROOM,
};
