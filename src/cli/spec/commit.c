/* kist commit: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"author", 'a', "TEXT", "who made the image", 0},
	{"change", 'c', "INSTRUCTION",
		"apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, "
		"STOPSIGNAL, USER, VOLUME or WORKDIR to the image",
		0},
	{"message", 'm', "TEXT", "comment in the image's history", 0},
	{"pause", 'p', NULL, "stop the container while its changes are read (default true)", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(commit) = {
	.name = "commit",
	.program = CLI_TRANSPORT,
	.operands = "CONTAINER [NAME[:TAG]]",
	.min_operands = 1,
	.max_operands = 2,
	.summary = "Make an image from a container's changes",
	.text = "The container's changes become one more layer over its image; its settings "
		"(command, environment, user, ...) become the new image's. What is in volumes is "
		"not part of it. Prints the id of the image.",
	.opts = opts,
	.examples = "kist commit web web:fixed\n"
		    "kist commit -c 'CMD [\"serve\"]' -m 'with certificates' web web:2",
};
