/* kist delete: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"remote", 0, NULL, "in the registry: required, `kist rmi` removes what is here", 0},
	{"all-tags", 0, NULL, "the image itself, under whatever tags it has", 0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	REMOTE_OPTS,
	REMOTE_NO_IMAGE_OPTS("what is removed moves no image"),
	{"platform", 0, NULL, "the image of one platform is named by its digest, NAME@DIGEST",
		CLI_REFUSED},
	{"all", 'a', NULL, "an index is removed as a whole; --all-tags is all names of the image",
		CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(delete) = {
	.name = "delete",
	.program = CLI_TRANSPORT,
	.operands = "NAME[:TAG][@DIGEST]...",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Remove tags and images from a registry",
	.text = "A name with a tag removes that tag. Registries from before OCI's "
		"distribution-spec "
		"1.1 cannot do that, they only remove an image with all its tags: --all-tags asks "
		"for it, and so does a name with a digest. The registry frees the space when it "
		"next collects garbage.",
	.opts = opts,
	.examples = "kist delete --remote registry.example.org/app:old\n"
		    "kist delete --remote --all-tags registry.example.org/app:broken",
	.flags = CLI_NO_STORE,
};
