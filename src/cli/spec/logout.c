/* kist logout: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"all", 'a', NULL, "of all registries", 0},
	{"authfile", 0, "FILE", "where credentials are kept (see `kist login`)", 0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	REMOTE_NO_IMAGE_OPTS("a logout moves no image"),
	{"platform", 0, NULL, "a login counts for all platforms", CLI_REFUSED},
	{"tls-verify", 0, NULL, "no registry is asked", CLI_REFUSED},
	{"cert-dir", 0, NULL, "no registry is asked", CLI_REFUSED},
	{"retry", 0, NULL, "no registry is asked", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(logout) = {
	.name = "logout",
	.program = CLI_TRANSPORT,
	.operands = "[REGISTRY[/REPOSITORY]]",
	.max_operands = 1,
	.summary = "Log out of a registry",
	.text = "Forgets the credentials of a registry in all files where `kist login`, podman and "
		"docker keep them, and in the credential helpers that those name.",
	.opts = opts,
	.examples = "kist logout registry.example.org\n"
		    "kist logout --all",
	.flags = CLI_NO_STORE,
};
