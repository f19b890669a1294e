/* kist completion: its words. */
#include "cli/cli.h"

CLI_SPEC(completion) = {
	.name = "completion",
	.program = CLI_KIST,
	.operands = "bash|zsh|fish",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Print the completion script of a shell",
	.text = "Prints a script that completes kist's commands and options in bash, zsh or fish. "
		"An installation puts it where the shells look for it.",
	.examples = "source <(kist completion bash)\nkist completion fish | source",
	.flags = CLI_NO_STORE,
};
