/* kist tags: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"limit", 0, "N", "at most so many", 0},
	{"last", 0, "TAG", "begin after this tag", 0},
	{"format", 0, "json", "one document with Repository and Tags, as skopeo prints it", 0},
	REMOTE_OPTS,
	REMOTE_NO_IMAGE_OPTS("a list of names moves no image"),
	{"platform", 0, NULL, "a tag names all platforms; `kist inspect --remote` tells them",
		CLI_REFUSED},
	{"all", 'a', NULL, "all tags are listed, unless --limit is given", CLI_REFUSED},
	{"quiet", 'q', NULL, "nothing but the tags is printed", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(tags) = {
	.name = "tags",
	.alias = "list-tags search-tags",
	.program = CLI_TRANSPORT,
	.operands = "REPOSITORY",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "List the tags of a repository in a registry",
	.text = "Prints one tag a line, in the registry's order. A short name is looked for at the "
		"registries of the configuration's list.",
	.opts = opts,
	.examples = "kist tags registry.example.org/team/app\n"
		    "kist tags --limit 10 docker.io/library/debian",
	.flags = CLI_NO_STORE,
};
