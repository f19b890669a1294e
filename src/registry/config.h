/*
 * What kist's configuration says about registries: mirrors, rewriting, what is
 * insecure, blocked or offline, certificates; and how short names are resolved.
 * The format is described in docs/config.md. Data only: files are read by
 * registry_config_load, the network is never asked.
 *
 * Life cycle: registry_config_new, any number of _load or _parse (a later file's
 * entry replaces an earlier file's entry of the same prefix), _free. Without a
 * file an empty configuration answers for every registry: itself, nothing else.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct err;
struct oci_reference;
struct registry_config;

struct registry_config *registry_config_new(void);
void registry_config_free(struct registry_config *c);
DEFINE_CLEANUP(struct registry_config *, registry_config_free)
#define cleanup_registry_config cleanup(registry_config_free_cleanup)

/* A file; errors begin with "FILE:LINE: ". missing_ok: a file that is not there is fine. */
int registry_config_load(
	struct registry_config *c, const char *path, bool missing_ok, struct err *e);
int registry_config_parse(
	struct registry_config *c, const char *bytes, size_t len, const char *name, struct err *e);

/* Where a repository is to be asked for. */
struct registry_place {
	char *host;       /* as a reference's domain: "docker.io", "mirror:5000" */
	char *repository; /* path there, after rewriting */
	bool mirror;      /* not the registry itself: its failure is no failure yet */
	bool insecure;    /* certificates are not checked, plain HTTP is tried */
	bool tags;        /* may answer for tags; false: only what is named by digest */
	char *ca;         /* PEM file of certificate authorities beside the system's; NULL: none */
	char *cert_dir;   /* *.crt, *.cert and *.key as in docker's certs.d; NULL: none given */
};
struct registry_places {
	struct registry_place *v;
	size_t n;
};
void registry_places_release(struct registry_places *p);
#define cleanup_registry_places cleanup(registry_places_release)

enum registry_use {
	REGISTRY_FETCH, /* mirrors first, in their order, then the registry itself unless offline */
	REGISTRY_PUSH,  /* only the registry itself, at its rewritten place */
};
/*
 * ref: domain and path are used, and whether there is a digest (tag-less mirrors are left out for
 * a tag). The longest prefix of the configuration that fits decides. At least one place.
 * -ERR_UNSUPPORTED: blocked, or offline and without a mirror that may answer; the message names
 * the line of the file.
 */
int registry_config_places(const struct registry_config *c, const struct oci_reference *ref,
	enum registry_use use, struct registry_places *ret, struct err *e);

/* Whether the configuration names a host (a reference's domain, or a longer key) as a mirror only:
 * credentials that were given for a registry are not for it. c may be NULL. */
bool registry_config_is_mirror(const struct registry_config *c, const char *key);

/*
 * Names to ask registries for when a person wrote text, best first, in normal form with domain and
 * tag (or digest). With a domain: itself. A short name: its alias, else one name for each registry
 * of the list. Nothing is ever added by guess: with neither -ERR_NOT_FOUND, whose hint says what to
 * write. -ERR_SYNTAX: text is no reference.
 */
int registry_config_names(
	const struct registry_config *c, const char *text, struct strv *ret, struct err *e);
