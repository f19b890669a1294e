/*
 * A repository's endpoints from the configuration: what everything that talks to
 * a registry begins with.
 */
#pragma once

#include "registry/client/client.h"
#include "registry/config.h"

struct err;
struct oci_reference;

enum registry_tls {
	REGISTRY_TLS_CONFIGURED, /* as the configuration says; checked without one */
	REGISTRY_TLS_CHECKED,    /* --tls-verify: overrides `insecure` of the configuration */
	REGISTRY_TLS_UNCHECKED,  /* --tls-verify=false */
};

struct registry_open_options {
	enum registry_use use;
	enum registry_tls tls;
	const char *cert_dir;          /* --cert-dir: instead of all others; NULL: none */
	const struct strv *cert_roots; /* directories with one directory HOST[:PORT] each, as
					  /etc/containers/certs.d; NULL: none */
};

/* config may be NULL. ref: domain and path, and whether there is a digest, count. o may be NULL. */
int registry_open(struct registry_client *c, const struct registry_config *config,
	const struct oci_reference *ref, const struct registry_open_options *o,
	struct registry_repo **ret, struct err *e);

/* The same for what is no repository (login, catalog): fn is called with the endpoint of host that
 * is pushed to, its path empty. Its result is returned. */
int registry_with_host(const struct registry_config *config, const char *host,
	const struct registry_open_options *o,
	int (*fn)(void *arg, const struct registry_endpoint *at, struct err *e), void *arg,
	struct err *e);
