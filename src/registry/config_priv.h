/* The configuration as it was read: config_read.c fills it, config.c answers from it. */
#pragma once

#include "base/strv.h"
#include "registry/config.h"

struct registry_mirror {
	char *location; /* host[/path]: replaces the prefix */
	bool insecure, no_tags, no_digests;
	char *ca, *cert_dir;
};

struct registry_entry {
	char *prefix;   /* "docker.io", "host:5000/team", "*.example.org", "*" */
	char *origin;   /* "FILE:LINE", where it stands */
	char *location; /* NULL: the prefix itself */
	bool insecure, blocked, offline;
	char *ca, *cert_dir;
	struct registry_mirror *mirrors;
	size_t nmirrors;
};
void registry_entry_release(struct registry_entry *n);
#define cleanup_registry_entry cleanup(registry_entry_release)

struct registry_config {
	struct registry_entry *v;
	size_t n;
	struct strv aliases; /* NAME=REFERENCE */
	struct strv search;  /* registries (or prefixes) that short names are tried at */
	struct strv files;   /* read so far */
};
