/* kist tag: its words. */
#include "cli/cli.h"

CLI_SPEC(tag) = {
	.name = "tag",
	.program = CLI_KIST,
	.operands = "IMAGE NAME[:TAG]",
	.min_operands = 2,
	.max_operands = 2,
	.summary = "Give an image another name",
	.text = "Points NAME:TAG (latest, when no tag is given) at an image. A name without a "
		"registry "
		"becomes localhost/NAME. If the name was in use, it moves.",
	.examples = "kist tag echo registry.example/team/echo:1.0",
};
