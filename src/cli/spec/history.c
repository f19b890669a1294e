/* kist history: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"format", 0, "json|TEMPLATE", "one JSON object a line, or a template", 0},
	{"human", 'H', NULL, "sizes and dates for people (default true)", 0},
	{"no-trunc", 0, NULL, "show whole ids and instructions", 0},
	{"quiet", 'q', NULL, "show ids only", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(history) = {
	.name = "history",
	.program = CLI_KIST,
	.operands = "IMAGE",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Show how an image was made",
	.text = "Lists the steps of an image, the last one first, with the size of the layer that "
		"each "
		"made. Layers that the image's history does not mention are listed too.\n\n"
		"Fields of a template: .ID .CreatedAt .CreatedSince .CreatedBy .Size .Comment",
	.opts = opts,
	.examples = "kist history --no-trunc echo",
};
