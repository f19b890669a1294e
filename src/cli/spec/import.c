/* kist import: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"change", 'c', "INSTRUCTION",
		"apply CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, SHELL, "
		"STOPSIGNAL, USER, VOLUME or WORKDIR to the image",
		0},
	{"message", 'm', "TEXT", "comment in the image's history", 0},
	{"platform", 0, "PLATFORM", "the image is one for this machine", CLI_REFUSED},
	REMOTE_TRUST_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(import) = {
	.name = "import",
	.program = CLI_TRANSPORT,
	.operands = "FILE|- [NAME[:TAG]]",
	.min_operands = 1,
	.max_operands = 2,
	.summary = "Make an image from the tar of a root file system",
	.text = "The tar, plain or compressed with gzip, zstd, bzip2 or xz, becomes the image's "
		"only layer, byte for byte. Prints the id of the image.\n\n"
		"The image has no command of its own: say with --change what it runs. "
		"SOURCE_DATE_EPOCH sets its date.\n\n"
		"policy.json is asked for the transport tarball, which has no scopes.",
	.opts = opts,
	.examples = "debootstrap stable rootfs && tar -C rootfs -c . | kist import - debian\n"
		    "kist import -c 'CMD [\"/bin/sh\"]' -c 'ENV PATH=/bin' rootfs.tar.zst tiny:1",
};
