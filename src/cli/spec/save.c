/* kist save: its words. */
#include "cli/cli.h"

static const struct cli_opt opts[] = {
	{"output", 'o', "FILE", "write to this file or directory instead of standard output", 0},
	{"format", 0, "FORMAT", "docker-archive (the default), oci-archive or oci-dir", 0},
	{"compression", 0, "NAME",
		"of OCI layers: gzip, zstd or none (default: as they came, else gzip)", 0},
	{"platform", 0, "PLATFORM", "an image of the store has one platform", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(save) = {
	.name = "save",
	.program = CLI_TRANSPORT,
	.operands = "IMAGE [IMAGE...]",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Save images to an archive or a directory",
	.text = "Writes images with all their layers, for `kist load`, docker, podman, skopeo and "
		"umoci. An image that is given by a name keeps that name; one that is given by "
		"its id has none.\n\n"
		"A docker-archive holds plain layers. In the OCI formats a layer that came "
		"compressed leaves with the same bytes, so that the image keeps its digest; "
		"--compression asks for one form for all layers. The same image gives the same "
		"bytes each time.\n\n"
		"A file appears under its name when it is complete.",
	.opts = opts,
	.examples = "kist save -o app.tar app:1.0\n"
		    "kist save app | ssh host docker load\n"
		    "kist save --format oci-dir --compression zstd -o layout app",
};
