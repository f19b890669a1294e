/*
 * The list that `kist sync` works off: registries, repositories, and which tags of
 * them; skopeo-sync(1)'s YAML. Data only; which tags there are is asked by others.
 *
 *	registry.example.org:
 *	  images:
 *	    team/app: ["1.0", "sha256:..."]   # [] or nothing: all tags
 *	  images-by-tag-regex:
 *	    library/nginx: ^1\.25\.           # a POSIX extended regular expression
 *	  images-by-semver:
 *	    library/alpine: ">= 3.12, < 4"    # ~1.2, ^1.2, a || b
 *	  credentials: {username: u, password: p}
 *	  tls-verify: true
 *	  cert-dir: /etc/certs
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct err;
struct transport_pattern;

struct transport_sync_repository {
	char *path;
	struct strv tags;                  /* tags and digests; empty and no pattern: all tags */
	struct transport_pattern *pattern; /* NULL: none */
};
struct transport_sync_registry {
	char *host;
	struct transport_sync_repository *v;
	size_t n;
	char *username, *password; /* NULL: from the usual files */
	char *cert_dir;            /* NULL: none */
	int tls_verify;            /* -1: not given */
};
struct transport_sync_list {
	struct transport_sync_registry *v;
	size_t n;
};
void transport_sync_list_release(struct transport_sync_list *l);
#define cleanup_transport_sync_list cleanup(transport_sync_list_release)

/* Errors begin with "FILE:LINE: ". */
int transport_sync_list_load(const char *path, struct transport_sync_list *ret, struct err *e);
int transport_sync_list_parse(const char *bytes, size_t len, const char *name,
	struct transport_sync_list *ret, struct err *e);

/* Patterns of tags. what the text is is said by its function; -ERR_SYNTAX. */
int transport_pattern_regex(const char *text, struct transport_pattern **ret, struct err *e);
int transport_pattern_semver(const char *text, struct transport_pattern **ret, struct err *e);
void transport_pattern_free(struct transport_pattern *p);
bool transport_pattern_fits(const struct transport_pattern *p, const char *tag);
