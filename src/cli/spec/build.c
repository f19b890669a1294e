/* kist build: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"file", 'f', "FILE",
		"the Dockerfile (default: Dockerfile of the context; -: standard input)", 0},
	{"tag", 't', "NAME[:TAG]", "name of the image; may be repeated", 0},
	{"build-arg", 0, "NAME=VALUE", "value of an ARG; NAME alone takes it from the environment",
		0},
	{"target", 0, "STAGE", "build this stage, by name or number (default: the last one)", 0},
	{"label", 0, "NAME=VALUE", "label of the image; may be repeated", 0},
	{"no-cache", 0, NULL, "run every step", 0},
	{"network", 0, "bridge|none|host", "network of RUN steps (default: bridge)", 0},
	{"add-host", 0, "NAME:IP", "a line in /etc/hosts of RUN steps", 0},
	{"progress", 0, "auto|plain|tty|quiet", "how to show what goes on", 0},
	{"quiet", 'q', NULL, "print the image's id only", 0},
	{"iidfile", 0, "FILE", "write the image's id to this file", 0},
	{"explain", 0, NULL, "say what would run and every reason for it; build nothing", 0},
	{"print-context", 0, NULL, "list what the build sees, and which pattern hides the rest", 0},
	{"on-error", 0, "fail|shell", "when a RUN fails, open a shell in its file system", 0},
	{"platform", 0, "OS/ARCH[/VARIANT]", "of the image (default: this machine's)", 0},
	{"pull", 0, "always|missing|newer|never",
		"when to fetch base images (missing; --pull alone: always)", CLI_OPTIONAL},
	REMOTE_OPTS,
	REMOTE_TRUST_OPTS,
	{"secret", 0, "id=ID,src=FILE", "RUN --mount is not known yet", CLI_REFUSED},
	{"ssh", 0, "ID", "RUN --mount is not known yet", CLI_REFUSED},
	{"output", 'o', "DEST", "use kist save or kist export", CLI_REFUSED},
	{"cache-from", 0, "IMAGE", "the cache is this store's own", CLI_REFUSED},
	{"cache-to", 0, "DEST", "the cache is this store's own", CLI_REFUSED},
	{"build-context", 0, "NAME=PATH", "there is one context", CLI_REFUSED},
	{"squash", 0, NULL, "layers are written once", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(build) = {
	.name = "build",
	.program = CLI_BUILD,
	.operands = "PATH|-",
	.max_operands = 1,
	.summary = "Build an image from a Dockerfile",
	.text = "Builds the image that the Dockerfile describes, with the files of the context, "
		"the "
		"directory PATH. With - the context is a tar archive, plain or compressed, on "
		"standard input, or a Dockerfile alone. Only stages that the target needs are "
		"built; those that do not need each other at the same time.\n\n"
		"Base images that are not here are fetched from their registries, while everything "
		"goes on that does not stand on them; --pull asks for newer ones.\n\n"
		"Files that .dockerignore names (or FILE.dockerignore beside the Dockerfile) are "
		"no "
		"part of the context; --print-context shows the verdict on each.\n\n"
		"Every step is shown with one of these words: CACHED, its result was there; RUN, "
		"with the reason why it was not; SKIPPED, the target does not need its stage. "
		"--explain prints all reasons and builds nothing.\n\n"
		"The complete output of every RUN is kept below logs/ of the store for the last 20 "
		"builds. With SOURCE_DATE_EPOCH, in the environment or as a build argument, the "
		"same "
		"inputs give the same image on every machine: created times are that time, files "
		"copied from the context get it as their time, and no file that is written has a "
		"later one.",
	.opts = opts,
	.examples = "kist build -t app .\n"
		    "kist build -t app:test --target test --build-arg VERSION=2 .\n"
		    "kist build --explain -t app .\n"
		    "kist build --on-error=shell .\n"
		    "git archive HEAD | kist build -t app -",
	.statuses = "1    the build failed\n130  it was interrupted",
};
