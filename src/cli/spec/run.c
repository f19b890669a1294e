/* kist run: its words. */
#include "cli/spec/run_opts.h"

static const struct cli_opt opts[] = {
	{"detach", 'd', NULL, "leave it running in the background, print its id", 0},
	{"sig-proxy", 0, NULL, "pass signals on to the program (true, without -t)", 0},
	{"detach-keys", 0, "KEYS", "keys that leave it running (ctrl-p,ctrl-q)", 0},
	RUN_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(run) = {
	.name = "run",
	.program = CLI_KIST,
	.operands = "IMAGE [COMMAND [ARG...]]",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Run a program in a new container",
	.text = "Makes a container from an image, which is fetched from its registry when it is "
		"not here, and starts the image's program in it, or "
		"COMMAND. In the foreground its output comes here and its exit status becomes "
		"kist's; with -d it runs in the background under a small monitor, and its id is "
		"printed.\n\n"
		"The container stays after its end, with its files and its log, until `kist rm`, "
		"unless --rm was given.\n\n"
		"A program that runs as process 1 gets no signal that it does not handle: Ctrl-C "
		"and `kist stop` may seem to do nothing. --init puts a small init before it.",
	.opts = opts,
	.examples = "kist run --rm -it debian:12 bash\n"
		    "kist run -d --name web -p 8080:80 -v data:/srv web:1.2\n"
		    "kist run --rm -v \"$PWD:/src\" -w /src gcc make",
	.statuses = RUN_STATUSES,
	.error_status = 125,
	.flags = CLI_STOP_AT_OPERAND,
};
