/* kist rmi: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"force", 'f', NULL,
		"remove all names of an image given by id, and names that containers use", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(rmi) = {
	.name = "rmi",
	.program = CLI_KIST,
	.operands = "IMAGE...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Remove images",
	.text = "Removes names, and with its last name the image and every layer that nothing else "
		"needs. What a container or the build cache needs stays.\n\n"
		"An image that a container uses is not removed; with --force its names go, and the "
		"image "
		"itself goes with the next prune after the container.",
	.opts = opts,
	.examples = "kist rmi echo:old\nkist rmi -f 3f2a9c",
	.statuses = "1  an image was not removed",
	.flags = CLI_MAKES_ROOM,
};
