/* kist export: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"output", 'o', "FILE", "write to this file instead of standard output", 0},
	{"pause", 'p', NULL, "stop the container while its changes are read (default true)", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(export) = {
	.name = "export",
	.program = CLI_TRANSPORT,
	.operands = "CONTAINER",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Write a container's file system as a tar",
	.text = "The layers of the container's image and its own changes, merged into one tar. "
		"What is mounted in the container (volumes, /proc, /dev) is not part of it. "
		"Nothing "
		"is mounted or unpacked for it.\n\n"
		"A running container is paused while its changes are copied aside, so that they "
		"belong together.",
	.opts = opts,
	.examples = "kist export -o web.tar web\nkist export web | tar t",
};
