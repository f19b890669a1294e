/* kist push: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"all", 0, NULL, "the index with every platform that `pull --all` brought", 0},
	{"compression", 0, "gzip|zstd[:LEVEL]|none",
		"of layers (default: as they came, gzip for others)", 0},
	{"format", 0, "oci|v2s2", "of the manifest (default: as it came, oci for others)", 0},
	{"platform", 0, "OS/ARCH[/VARIANT]", "the image of this platform, of the same index", 0},
	{"preserve-digests", 0, NULL, "fail where the manifest would be another one", 0},
	{"digestfile", 0, "FILE", "write the digest of what was pushed to this file", 0},
	{"quiet", 'q', NULL, "print the name only", 0},
	REMOTE_TRANSFER_OPTS,
	{"all-tags", 'a', NULL, "name the tags one by one", CLI_REFUSED},
	{"disable-content-trust", 0, NULL, "nothing is signed by a push", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(push) = {
	.name = "push",
	.program = CLI_TRANSPORT,
	.operands = "IMAGE [DESTINATION]",
	.min_operands = 1,
	.max_operands = 2,
	.summary = "Send an image to a registry",
	.text = "Sends an image to the registry of its name, or to DESTINATION. What the registry "
		"has is not sent; what another of its repositories has, as far as kist has seen it "
		"there, is mounted. Other layers are compressed on all cores while they are sent; "
		"the same layer gives the same bytes each time.\n\n"
		"An image that came from a registry or an archive leaves with the digest with "
		"which "
		"it came: its manifest and the compressed bytes of its layers are kept. "
		"--compression "
		"and --format ask for another form.\n\n"
		"The manifest goes last: whoever pulls sees the whole image or none.",
	.opts = opts,
	.examples = "kist push registry.lan:5000/app:1.0\n"
		    "kist push app registry.lan/team/app:1.0\n"
		    "kist push --compression zstd:9 --digestfile digest app registry.lan/team/app",
	.statuses = "1    it could not be sent\n130  it was interrupted",
};
