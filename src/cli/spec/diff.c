/* kist diff: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"layers", 0, NULL, "what each layer of an image adds, changes and deletes", 0},
	{"format", 0, "text|json", "how to print it (default: text)", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(diff) = {
	.name = "diff",
	.program = CLI_TRANSPORT,
	.operands = "CONTAINER | IMAGE --layers | IMAGE IMAGE",
	.min_operands = 1,
	.max_operands = 2,
	.summary = "Show what a container changed, or how images differ",
	.text = "For a container: the files that it added (A), changed (C) and deleted (D) "
		"against its image.\n\n"
		"For two images: the same from the first to the second, with sizes; content is "
		"compared where owner, mode, size and time leave a doubt. For one image with "
		"--layers (or a name that is no container's): each layer against those below "
		"it.\n\n"
		"With --format json a list of objects with change, path, mode (octal), old_size "
		"and "
		"new_size (bytes), and, for layers, the layer's digest.",
	.opts = opts,
	.examples =
		"kist diff web\n"
		"kist diff app:1 app:2\n"
		"kist diff --layers --format json app:2 | jq '.[] | select(.new_size > 1000000)'",
};
