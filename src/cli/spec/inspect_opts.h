/* The options of inspect, for the two programs that do it. Part of their specifications. */
#pragma once

#include "cli/spec/remote_opts.h"

#define INSPECT_OPTS                                                                              \
	{"type", 0, "container|image", "look among these only", 0},                               \
		{"format", 'f', "TEMPLATE",                                                       \
			"json, or {{.Field}} {{.Outer.Inner}} {{json .Field}}", 0},               \
		{"size", 's', NULL, "with what a container has written", 0},                      \
		{"remote", 0, NULL, "look in the registry, or in what TRANSPORT:PLACE names", 0}, \
		{"raw", 0, NULL, "remote: the manifest as it lies there", 0},                     \
		{"config", 0, NULL, "remote: the image's configuration", 0},                      \
		{"no-tags", 0, NULL, "remote: do not list the repository's tags", 0},             \
		{"platform", 0, "OS/ARCH[/VARIANT]", "remote: of an index, this one", 0},         \
		REMOTE_OPTS,                                                                      \
		REMOTE_NO_IMAGE_OPTS("nothing is moved; -f '{{.Digest}}' prints the digest"),     \
		{"all", 'a', NULL, "--raw prints the whole index, --platform chooses of it",      \
			CLI_REFUSED},                                                             \
	{                                                                                         \
		"quiet", 'q', NULL, "nothing but the answer is printed", CLI_REFUSED              \
	}
