/* kist login: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"username", 'u', "NAME", "who we are; without it the terminal is asked", 0},
	{"password", 'p', "PASSWORD", "the password: others can see it in the process list", 0},
	{"password-stdin", 0, NULL, "read the password from standard input", 0},
	{"get-login", 0, NULL, "only print the name that is logged in", 0},
	{"authfile", 0, "FILE", "where credentials are kept (text below)", 0},
	{"tls-verify", 0, NULL, "check certificates (the default; =false: also plain HTTP)", 0},
	{"cert-dir", 0, "DIR", "*.crt, *.cert and *.key for the registry", 0},
	{"retry", 0, "N", "try a request again N times (5)", 0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	REMOTE_NO_IMAGE_OPTS("a login moves no image"),
	{"platform", 0, NULL, "a login counts for all platforms", CLI_REFUSED},
	{"all", 'a', NULL, "one registry at a time", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(login) = {
	.name = "login",
	.program = CLI_TRANSPORT,
	.operands = "REGISTRY[/REPOSITORY]",
	.min_operands = 1,
	.max_operands = 1,
	.summary = "Log in to a registry",
	.text = "Asks the registry whether the credentials are good, and remembers them for pull, "
		"push and all others. With a repository behind the registry, the credentials count "
		"for that repository and all below it.\n\n"
		"They are kept in --authfile or $REGISTRY_AUTH_FILE, else in the first of these "
		"that is there: $XDG_RUNTIME_DIR/containers/auth.json, "
		"~/.config/containers/auth.json, ~/.docker/config.json; when none is, the second "
		"is made, mode 0600. When that file names a credential helper (credsStore, "
		"credHelpers), the helper keeps them. podman, skopeo, buildah and docker read the "
		"same files.",
	.opts = opts,
	.examples = "kist login registry.example.org\n"
		    "pass show registry | kist login -u ci --password-stdin registry.example.org\n"
		    "kist login --get-login registry.example.org",
	.flags = CLI_NO_STORE,
};
