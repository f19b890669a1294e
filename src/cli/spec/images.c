/* kist images: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"all", 'a', NULL, "accepted for docker's sake: there are no hidden images", 0},
	{"digests", 0, NULL, "show the digests of manifests", 0},
	{"filter", 'f', "KEY=VALUE",
		"only images that fit: dangling=true|false, reference=PATTERN, label=KEY[=VALUE]",
		0},
	{"format", 0, "json|TEMPLATE", "one JSON object a line, or a template", 0},
	{"no-trunc", 0, NULL, "show whole ids", 0},
	{"quiet", 'q', NULL, "show ids only", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(images) = {
	.name = "images",
	.program = CLI_KIST,
	.operands = "[REPOSITORY[:TAG]]",
	.max_operands = 1,
	.summary = "List images",
	.text = "Lists the images of the store, newest first, one line for each tag. SIZE is what "
		"the "
		"files of all layers hold; layers that images share are counted in each.\n\n"
		"Fields of a template: .ID .Repository .Tag .Reference .Digest .CreatedAt "
		".CreatedSince .Size .Bytes .Layers .Os .Architecture\n\n"
		"A reference PATTERN may hold * and ?; * does not match a slash.",
	.opts = opts,
	.examples = "kist images\nkist images --filter dangling=true -q\n"
		    "kist images --format '{{.Reference}} {{.Size}}'",
};
