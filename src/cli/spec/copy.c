/* kist copy: its words. */
#include "cli/spec/remote_opts.h"

static const struct cli_opt opts[] = {
	{"all", 'a', NULL, "all platforms of an index, and the index", 0},
	{"platform", 0, "OS/ARCH[/VARIANT]", "this platform of an index (default: this machine's)",
		0},
	{"preserve-digests", 0, NULL, "fail where a manifest would have to change", 0},
	{"format", 'f', "oci|docker", "of the manifest (v2s2 is docker)", 0},
	{"compression", 0, "gzip|zstd[:LEVEL]|none", "bring all layers to this form", 0},
	{"foreign", 0, NULL, "copy foreign layers, too, from their URLs", 0},
	{"jobs", 'j', "N", "blobs at a time (4)", 0},
	{"quiet", 'q', NULL, "print nothing but errors", 0},
	{"digestfile", 0, "FILE", "write the digest of what was copied to this file", 0},
	REMOTE_OPTS,
	REMOTE_TRUST_OPTS,
	REMOTE_SIDES_OPTS,
	{NULL, 0, NULL, NULL, 0},
};

CLI_SPEC(copy) = {
	.name = "copy",
	.program = CLI_TRANSPORT,
	.operands = "SOURCE DESTINATION",
	.min_operands = 2,
	.max_operands = 2,
	.summary = "Copy an image between registries, layouts, archives and the store",
	.text = "SOURCE and DESTINATION are:\n\n"
		"docker://NAME[:TAG][@DIGEST]: an image of a registry.\n\n"
		"oci:DIR[:NAME], oci-archive:FILE[:NAME]: an OCI layout, as a directory or a tar. "
		"A source may name its image by :@INDEX (from 0) or :@DIGEST.\n\n"
		"docker-archive:FILE[:NAME]: what `docker save` writes; layers are plain.\n\n"
		"dir:DIR: one image as loose files, with every byte as it is in a registry.\n\n"
		"store:NAME: an image of our own store.\n\n"
		"What need not change keeps its bytes and digest. An OCI layout takes OCI's media "
		"types only, so an image in docker's format is converted for it; docker-archive: "
		"unpacks layers; an image of the store that never was in a registry gets gzip "
		"layers. Blobs that the destination has are skipped; one that another repository "
		"of the same registry has is mounted. Every digest is checked, whatever the source "
		"promises.\n\n"
		"The name appears at the destination when everything else is there.\n\n"
		"policy.json decides which sources are trusted, as for kist pull; store: always "
		"is.",
	.opts = opts,
	.examples = "kist copy docker://docker.io/library/alpine:3 oci:layout:alpine\n"
		    "kist copy --all docker://a.example.org/app:1 docker://b.example.org/app:1\n"
		    "kist copy --compression zstd:9 store:app docker://registry.example.org/app",
};
