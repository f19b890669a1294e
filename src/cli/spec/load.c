/* kist load: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"input", 'i', "FILE", "read from this file or directory instead of standard input", 0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	{"platform", 0, "PLATFORM", "only the platform of this machine is loaded", CLI_REFUSED},
	REMOTE_TRUST_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(load) = {
	.name = "load",
	.program = CLI_TRANSPORT,
	.operands = "",
	.max_operands = 0,
	.summary = "Load images from an archive or a directory",
	.text = "Reads images that `kist save`, docker, podman, skopeo or umoci have written: a "
		"docker-archive, an OCI layout as a tar, each plain or compressed with gzip, "
		"zstd, bzip2 or xz, or a directory with an OCI layout. What it is shows in its "
		"content.\n\n"
		"Names without a registry in a docker-archive are docker.io's, as docker reads "
		"them. An OCI layout that only names a tag gets the name localhost/FILE:TAG.\n\n"
		"Every digest is checked before an image is visible; after a failure nothing of "
		"it remains. The names appear when every byte is on the disk.\n\n"
		"policy.json is asked as for kist pull: for docker-archive, oci-archive (a tar) or "
		"oci "
		"(a directory), by path.",
	.opts = opts,
	.examples = "kist load -i image.tar\n"
		    "podman save alpine | kist load\n"
		    "kist load -i ./layout",
};
