/* kist exec: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"detach", 'd', NULL, "do not wait for it", 0},
	{"interactive", 'i', NULL, "attach our standard input", 0},
	{"tty", 't', NULL, "give it a terminal", 0},
	{"env", 'e', "NAME[=VALUE]", "set a variable", 0},
	{"env-file", 0, "FILE", "read variables from a file", 0},
	{"workdir", 'w', "DIR", "working directory inside", 0},
	{"user", 'u', "USER[:GROUP]", "name or number", 0},
	{"privileged", 0, NULL, "all capabilities", 0},
	{"detach-keys", 0, "KEYS", "accepted, without effect", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(exec) = {
	.name = "exec",
	.program = CLI_KIST,
	.operands = "CONTAINER COMMAND [ARG...]",
	.min_operands = 2,
	.max_operands = -1,
	.summary = "Run one more program in a running container",
	.text = "Starts COMMAND in the namespaces and limits of a running container, with its "
		"environment, user and working directory unless told otherwise.",
	.opts = opts,
	.examples = "kist exec -it web sh\n"
		    "kist exec -u root web apt-get update",
	.statuses = "126  the program was found but cannot be executed\n"
		    "127  the program was not found\n"
		    "128+n  it was ended by signal n\n"
		    "otherwise its exit status",
	.flags = CLI_STOP_AT_OPERAND,
};
