/* kist inspect: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"format", 'f', "json|TEMPLATE", "JSON on one line, or a template", 0},
	{"type", 0, "container|image", "look for one kind only", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(inspect) = {
	.name = "inspect",
	.program = CLI_KIST,
	.operands = "NAME...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Show all that is known of containers and images",
	.text = "Prints a JSON array in docker's form. A NAME is looked for as a container, then "
		"as an "
		"image. In a template, {{.Field}} and {{.Outer.Inner}} name the members that the "
		"JSON "
		"shows, {{json .Field}} prints one as JSON.\n\n"
		"Fields of an image: .Id .RepoTags .RepoDigests .Created .Author .Architecture "
		".Variant .Os .Size .Comment .Config (.User .Env .Cmd .Entrypoint .WorkingDir "
		".ExposedPorts .Volumes .Labels .StopSignal .Healthcheck .OnBuild .Shell) "
		".GraphDriver.Name .RootFS.Layers .Metadata\n\n"
		"Fields of a container: .Id .Name .Created .Path .Args .State (.Status .Running "
		".Paused .Restarting .OOMKilled .Dead .Pid .ExitCode .Error .StartedAt .FinishedAt "
		".Health) .Image .RestartCount .Mounts .Config .HostConfig .NetworkSettings "
		"(.IPAddress .Gateway .MacAddress .Ports) .LogPath",
	.opts = opts,
	.examples = "kist inspect echo\nkist inspect -f '{{json .Config.Env}}' echo",
};
