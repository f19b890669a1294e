/*
 * Where OpenPGP signatures lie beside a registry: registries.d of the containers
 * ecosystem (containers-registries.d(5)), read as its other readers do. Only what is
 * read is used: places to write signatures to are known keys and nothing more.
 *
 * Life cycle: registry_lookaside_new, _load or _parse, _free.
 */
#pragma once

#include "base/defs.h"

struct err;
struct oci_reference;
struct registry_lookaside;

struct registry_lookaside *registry_lookaside_new(void);
void registry_lookaside_free(struct registry_lookaside *l);
DEFINE_CLEANUP(struct registry_lookaside *, registry_lookaside_free)
#define cleanup_registry_lookaside cleanup(registry_lookaside_free_cleanup)

/* Every *.yaml of a directory, by name; a directory that is not there is fine. Errors begin with
 * "FILE:LINE: "; the same scope in two files is one. */
int registry_lookaside_load(struct registry_lookaside *l, const char *dir, struct err *e);
int registry_lookaside_parse(struct registry_lookaside *l, const char *bytes, size_t len,
	const char *name, struct err *e);
/* For what no file names: "file:///var/lib/containers/sigstore". Copied; NULL: none. */
void registry_lookaside_fallback(struct registry_lookaside *l, const char *base);

/* URL of an image's first signature but for its number ("BASE/PATH@sha256=HEX/signature-"), file:
 * or http(s):. NULL: its signatures lie nowhere. The caller frees. */
char *registry_lookaside_url(
	const struct registry_lookaside *l, const struct oci_reference *ref, const char *digest);
