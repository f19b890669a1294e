/* kist sync: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"src", 's', "yaml|docker|dir|oci", "what SOURCE is (yaml)", 0},
	{"dest", 'd', "docker|dir|oci", "what DESTINATION is (docker)", 0},
	{"scoped", 0, NULL, "keep the source's whole name below DESTINATION", 0},
	{"all", 'a', NULL, "all platforms of an index, and the index", 0},
	{"platform", 0, "OS/ARCH[/VARIANT]", "this platform of an index (default: this machine's)",
		0},
	{"preserve-digests", 0, NULL, "fail where a manifest would have to change", 0},
	{"format", 'f', "oci|docker", "of the manifest (v2s2 is docker)", 0},
	{"compression", 0, "gzip|zstd[:LEVEL]|none", "bring all layers to this form", 0},
	{"foreign", 0, NULL, "copy foreign layers, too, from their URLs", 0},
	{"dry-run", 0, NULL, "only print what would be copied", 0},
	{"keep-going", 0, NULL, "go on after an image that failed; the exit status says so", 0},
	{"jobs", 'j', "N", "blobs at a time (4)", 0},
	{"digestfile", 0, "FILE", "write a line an image to this file: its digest and name there",
		0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	REMOTE_OPTS,
	REMOTE_TRUST_OPTS,
	REMOTE_SIDES_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(sync) = {
	.name = "sync",
	.program = CLI_TRANSPORT,
	.operands = "SOURCE DESTINATION",
	.min_operands = 2,
	.max_operands = 2,
	.summary = "Copy many images, by a list with tag patterns",
	.text = "SOURCE is a YAML list as skopeo's: registries, below each `images` (repositories "
		"with tags or digests, all tags where none is given), `images-by-tag-regex` "
		"(POSIX extended regular expressions), `images-by-semver` (\">= 1.2, < 2\", "
		"\"~1.2\", "
		"\"^1 || 3.0\"), and `credentials`, `tls-verify`, `cert-dir`. docs/transport.md "
		"has "
		"an example. With --src docker it is a repository, all of its tags or one; with "
		"--src dir a tree of directories that --dest dir has made; with --src oci one OCI "
		"layout, or a directory of layouts.\n\n"
		"DESTINATION is a registry with a prefix, to which the last part of each "
		"repository's name is added, or with --dest dir or oci a directory: below it "
		"NAME:TAG is one image (dir), or NAME a layout with the tags (oci). --scoped keeps "
		"the whole name, registry included.\n\n"
		"What the destination has is not copied again.",
	.opts = opts,
	.examples = "kist sync images.yaml registry.example.org/mirror\n"
		    "kist sync --src docker --dest dir quay.io/team/app /media/usb\n"
		    "kist sync --src dir --scoped /media/usb registry.inside.example.org",
	.flags = CLI_NO_STORE,
};
