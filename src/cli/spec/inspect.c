/* kist inspect: its words. */
#include "cli/spec/inspect_opts.h"

static const struct cli_opt opts[] = {INSPECT_OPTS, {NULL, 0, NULL, NULL, 0}};

CLI_SPEC(inspect) = {
	.name = "inspect",
	.program = CLI_KIST,
	.operands = "NAME...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Show all about containers and images",
	.text = "Prints what is known about each container or image as JSON, in docker's words. "
		"A name is looked up among the containers first. --format prints fields of it, one "
		"line for each name.\n\n"
		"With --remote the image is looked at where it is, and nothing of its layers is "
		"fetched: NAME is a name in a registry, or TRANSPORT:PLACE as `kist copy` has it.",
	.opts = opts,
	.examples = "kist inspect web\n"
		    "kist inspect -f '{{.State.Pid}} {{.NetworkSettings.IPAddress}}' web\n"
		    "kist inspect --type image -f '{{json .Config.Env}}' debian:12\n"
		    "kist inspect --remote registry.example.org/app:1\n"
		    "kist inspect --remote --raw oci:layout:app",
};
