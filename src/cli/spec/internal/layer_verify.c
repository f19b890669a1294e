/* kist layer_verify: its words. */
#include "cli/cli.h"

CLI_SPEC(layer_verify) = {
	.name = "layer_verify",
	.program = CLI_TRANSPORT,
	.operands = "DIFFID...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Read layers again that a crash may have torn",
	.text = "Reads the tar of each layer that was stored before the last boot and is not known "
		"to have reached the disk, and makes its index anew. A layer whose bytes do not "
		"fit its digest is removed. Other commands run this when they meet such a layer.",
	.flags = CLI_INTERNAL,
};
