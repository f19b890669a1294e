/* kist ps: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"all", 'a', NULL, "those too that do not run", 0},
	{"quiet", 'q', NULL, "ids only", 0},
	{"no-trunc", 0, NULL, "whole ids and commands", 0},
	{"last", 'n', "NUMBER", "the newest, whatever their state", 0},
	{"latest", 'l', NULL, "the newest one, whatever its state", 0},
	{"size", 's', NULL, "how much each has written", 0},
	{"filter", 'f', "KEY=VALUE",
		"id, name, label, status, exited, ancestor, volume, network, health, before, "
		"since, publish",
		0},
	{"format", 0, "TEMPLATE", "json, table, or {{.ID}} {{.Names}} ..., see below", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(ps) = {
	.name = "ps",
	.alias = "ls",
	.program = CLI_KIST,
	.summary = "List containers",
	.text = "Lists the running containers. What is shown is looked up in the kernel at this "
		"moment: a container whose machine was restarted, or whose monitor was killed, "
		"is shown as what it is.\n\n"
		"Fields for --format: ID, Names, Image, Command, CreatedAt, RunningFor, Status, "
		"State, Ports, Size, Labels, Mounts, Networks.",
	.opts = opts,
	.examples = "kist ps\n"
		    "kist ps -a --filter status=exited --format '{{.ID}} {{.Names}}'",
};
