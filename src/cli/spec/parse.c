/* kist parse: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"format", 0, "sexp|json", "An s-expression a line (default), or JSON with positions", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(parse) = {
	.name = "parse",
	.program = CLI_BUILD,
	.operands = "FILE|-",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Print the syntax tree of a Dockerfile",
	.text = "Reads a Dockerfile, or standard input for '-', and prints its syntax tree: with "
		"--format sexp an instruction a line, flags in brackets, arguments quoted; with "
		"--format json every token with its line, column and byte offset, comments, "
		"directives and heredocs too.\n\n"
		"Only the syntax is judged. What an instruction allows - its flags, the number of "
		"its arguments, whether it exists - is judged when the file is built.",
	.opts = opts,
	.examples = "kist parse Dockerfile\n"
		    "kist parse --format json Dockerfile | jq '.instructions[].kind'",
	.flags = CLI_NO_STORE,
};
