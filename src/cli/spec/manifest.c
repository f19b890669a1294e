/* kist manifest: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"amend", 'a', NULL, "create: go on with a list that is there", 0},
	{"all", 0, NULL, "create, add: every image of an index, not only one", 0},
	{"platform", 0, "OS/ARCH[/VARIANT]", "create, add: of an index, this one", 0},
	{"os", 0, "OS", "add, annotate: what the entry says", 0},
	{"arch", 0, "ARCH", "the same: its architecture", 0},
	{"variant", 0, "VARIANT", "the same: of the architecture", 0},
	{"os-version", 0, "VERSION", "the same: of the operating system", 0},
	{"os-features", 0, "LIST", "the same: features, commas between them", 0},
	{"features", 0, "LIST", "the same: of the processor", 0},
	{"annotation", 0, "NAME=VALUE", "add, annotate: an annotation of the entry", 0},
	{"format", 'f', "oci|docker", "push: of the list and its manifests (v2s2 is docker)", 0},
	{"preserve-digests", 0, NULL, "push: fail where a manifest would have to change", 0},
	{"compression", 0, "gzip|zstd[:LEVEL]|none", "push: bring all layers to this form", 0},
	{"purge", 'p', NULL, "push: forget the list afterwards (as --rm)", 0},
	{"rm", 0, NULL, "push: forget the list afterwards", 0},
	{"digestfile", 0, "FILE", "push: write the list's digest to this file", 0},
	{"jobs", 'j', "N", "push: blobs at a time (4)", 0},
	{"insecure", 0, NULL, "as --tls-verify=false", 0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	REMOTE_OPTS,
	REMOTE_TRUST_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(manifest) = {
	.name = "manifest",
	.program = CLI_TRANSPORT,
	.operands = "create|add|annotate|inspect|push|remove|rm|exists LIST [IMAGE|DIGEST...]",
	.min_operands = 2,
	.max_operands = -1,
	.summary = "Put together and push an index of several platforms",
	.text = "create LIST [IMAGE...] makes a list, add LIST IMAGE... puts images into it, "
		"annotate LIST IMAGE|DIGEST changes what an entry says, remove LIST DIGEST takes "
		"one out, inspect LIST prints the index, push LIST [DESTINATION] sends all images "
		"that the registry has not, and the index under the list's name or DESTINATION, rm "
		"LIST... forgets lists, exists LIST answers by its status.\n\n"
		"IMAGE is an image of the store, else a name in a registry; docker://NAME and "
		"store:NAME say which. The platform is taken from the image's configuration.\n\n"
		"A list is kept in the store under its name, apart from the images' names; it does "
		"not keep its images. DESTINATION may be any that `kist copy` knows. inspect of a "
		"name that is no list shows the manifest or index in the registry.",
	.opts = opts,
	.examples = "kist manifest create registry.example.org/app:1 app:amd64 app:arm64\n"
		    "kist manifest annotate --variant v8 registry.example.org/app:1 app:arm64\n"
		    "kist manifest push registry.example.org/app:1\n"
		    "kist manifest push list:1 oci:layout:1",
};
