/*
 * Registries as commands reach them: one client, what the configuration says
 * about a registry (mirrors, certificates, short names), whose credentials.
 * Once per process; may be used from several threads after it was made.
 */
#pragma once

#include "base/strv.h"
#include "registry/client/client.h"
#include "registry/config.h"

struct oci_reference;
struct registry_config;

enum transport_tls {
	TRANSPORT_TLS_DEFAULT, /* as the configuration says; checked when it says nothing */
	TRANSPORT_TLS_VERIFY,
	TRANSPORT_TLS_INSECURE, /* unchecked, and plain HTTP where there is no TLS */
};

struct transport_remote_options {
	struct registry_client_options client; /* callbacks' arguments must outlive the remote */
	const struct registry_config *config;  /* borrowed; NULL: an empty one */
	enum transport_tls tls;
	const char *cert_dir; /* --cert-dir, beside the configuration's; copied; NULL: none */
};

struct transport_remote;
int transport_remote_new(
	const struct transport_remote_options *o, struct transport_remote **ret, struct err *e);
void transport_remote_free(struct transport_remote *m);
DEFINE_CLEANUP(struct transport_remote *, transport_remote_free)
#define cleanup_transport_remote cleanup(transport_remote_free_cleanup)

struct registry_client *transport_remote_client(struct transport_remote *m); /* borrowed */

/* The normal names that text may mean, best first: one with a domain is itself; a short name
 * comes from the explicit list only. -ERR_NOT_FOUND, with what to write as the hint. */
int transport_remote_names(
	struct transport_remote *m, const char *text, struct strv *ret, struct err *e);

/* The repository of a reference with a domain, with its mirrors for REGISTRY_FETCH. */
int transport_remote_repo(struct transport_remote *m, const struct oci_reference *ref,
	enum registry_use use, struct registry_repo **ret, struct err *e);
