/* kist inspect: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"type", 0, "container|image", "look among these only", 0},
	{"format", 'f', "TEMPLATE", "json, or {{.Field}} {{.Outer.Inner}} {{json .Field}}", 0},
	{"size", 's', NULL, "with what a container has written", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(inspect) = {
	.name = "inspect",
	.program = CLI_KIST,
	.operands = "NAME...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Show all about containers and images",
	.text = "Prints what is known about each container or image as JSON, in docker's words. "
		"A name is looked up among the containers first. --format prints fields of it, one "
		"line for each name.",
	.opts = opts,
	.examples = "kist inspect web\n"
		    "kist inspect -f '{{.State.Pid}} {{.NetworkSettings.IPAddress}}' web\n"
		    "kist inspect --type image -f '{{json .Config.Env}}' debian:12",
};
