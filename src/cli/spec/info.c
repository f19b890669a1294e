/* kist info: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"format", 'f', "json|TEMPLATE", "JSON, or a template", 0},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(info) = {
	.name = "info",
	.program = CLI_KIST,
	.operands = "",
	.summary = "Show the store, its storage driver and the host",
	.text = "Fields of a template: .ServerVersion .Driver .DockerRootDir .RunRoot .Images "
		".Tags "
		".Containers .Layers .LayerBytes .Blobs .BlobBytes .CacheEntries .CacheBytes "
		".DiskFree "
		".DiskSize .CgroupVersion .KernelVersion .OperatingSystem .Architecture .NCPU "
		".MemTotal .Rootless; without root also .UidMap .GidMap .NetworkHelper "
		".CgroupDelegated .CgroupParent .NoLimits",
	.opts = opts,
	.examples = "kist info\nkist info -f '{{.Driver}}'",
};
