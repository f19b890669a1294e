/* kist pull: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"all-tags", 'a', NULL, "all tags of the repository", 0},
	{"all", 0, NULL, "every platform of an index, not only this machine's", 0},
	{"platform", 0, "OS/ARCH[/VARIANT]", "the image for this platform", 0},
	{"policy", 0, "always|missing|newer|never", "when to ask the registry (always)", 0},
	{"digestfile", 0, "FILE", "write the digest of the last image to this file", 0},
	{"quiet", 'q', NULL, "print the image's name only", 0},
	{"max-layer-size", 0, "SIZE", "of a layer, as it comes and unpacked (1t)", 0},
	{"max-ratio", 0, "N",
		"how many times its size a layer may unpack to (2000 once it has 1 GiB)", 0},
	REMOTE_TRANSFER_OPTS,
	REMOTE_TRUST_OPTS,
	{"announce", 0, NULL, "print \"config ID\" before the layers come, nothing else",
		CLI_HIDDEN},
	{"preserve-digests", 0, NULL, "always so: what is pulled keeps its manifest and its digest",
		0},
	{"compression", 0, NULL, "layers are kept as they come; push and copy have --compression",
		CLI_REFUSED},
	{"disable-content-trust", 0, NULL, "policy.json decides what is trusted", CLI_REFUSED},
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(pull) = {
	.name = "pull",
	.program = CLI_TRANSPORT,
	.operands = "IMAGE [IMAGE...]",
	.min_operands = 1,
	.max_operands = -1,
	.summary = "Fetch images from a registry",
	.text = "Fetches images, several layers at a time, each in one pass: while its bytes come "
		"they are hashed, unpacked, hashed again, written and indexed. A name appears when "
		"every byte of its image has its digest and is on the disk.\n\n"
		"A pull that was cut, by the network or by Ctrl-C, keeps what has come; the next "
		"one "
		"asks for the rest only. `kist prune` removes what nobody has gone on with for a "
		"week. Layers that are there are not fetched, and an image that is up to date "
		"costs one request.\n\n"
		"A name with a registry is taken as it is. Short names (alpine) are looked up in "
		"the "
		"list of the configuration file; nothing is guessed. With a digest "
		"(NAME@sha256:...) the image gets no tag.\n\n"
		"--policy missing fetches only what the store has not, newer asks and is content "
		"with what is there when nobody answers, never asks nobody.\n\n"
		"policy.json of the containers tools (~/.config/containers/policy.json, "
		"/etc/containers/policy.json) decides what is trusted: reject, "
		"insecureAcceptAnything, signedBy (OpenPGP, verified by gpg; signatures from the "
		"places that registries.d names) and sigstoreSigned with a key (cosign's "
		"signatures beside the image). What is not trusted is refused before its layers "
		"are fetched. Without the file everything is accepted.",
	.opts = opts,
	.examples = "kist pull docker.io/library/alpine:3.20\n"
		    "kist pull --tls-verify=false registry.lan:5000/app\n"
		    "kist pull --all --jobs 6 registry.lan/tools/app:2",
	.statuses = "1    an image could not be fetched\n130  it was interrupted",
};
