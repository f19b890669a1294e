/*
 * Talks to registries: OCI distribution-spec 1.1 and docker's v2 API. This
 * header has the client, the places where an image may be had, and
 * repositories; manifest.h, blob.h, upload.h, list.h and referrers.h have what
 * can be done with one.
 *
 * Everything may be called from several threads at once (eight blobs in
 * parallel are eight threads); each call runs in its caller's thread. No thread
 * of ours exists between calls.
 *
 * What every call does by itself: asks for tokens when a registry wants them
 * and again when they expire, tries again what is temporary (429 and 5xx with
 * Retry-After, cut connections) with growing pauses, goes through the endpoints
 * of a pull in their order.
 *
 * Errors of every function: -ERR_NOT_FOUND (the registry says that it is not there), -EACCES
 * (not logged in, or not allowed: the hint says what to do), -ERR_UNSUPPORTED (the registry
 * cannot), -ERR_LIMIT, -ERR_DIGEST, -ERR_FORMAT (an answer that breaks the specification),
 * -EBUSY (429 or 5xx to the end), -ERR_INTERRUPTED, and those of http/client.h. The text names
 * registry and repository. No secret is ever in a text or in a trace.
 */
#pragma once

#include "base/defs.h"
#include "oci/digest.h"

#include <signal.h>

struct err;
struct strv;

/* What logs us in. All strings belong to the struct; NULL: not given. */
struct registry_credentials {
	char *username;
	char *password;
	char *identity_token; /* an OAuth2 refresh token, instead of a password */
	char *registry_token; /* a bearer token that is sent as it is */
};
void registry_credentials_release(struct registry_credentials *c);
#define cleanup_registry_credentials cleanup(registry_credentials_release)

/* zero is the default everywhere; strings are copied, callbacks' arguments must outlive the client */
struct registry_client_options {
	const char *user_agent;                          /* NULL: "kist/VERSION" */
	const char *http_proxy, *https_proxy, *no_proxy; /* http/client.h */
	unsigned connect_ms, stall_ms;                   /* http/client.h */
	unsigned retries;  /* of one request after the first attempt; 0: 5; REGISTRY_NO_RETRY */
	unsigned retry_ms; /* the first pause; 0: 500 */
	bool offline;      /* refuse whatever is not on loopback, before anything is sent */
	const volatile sig_atomic_t *stop; /* not 0: -ERR_INTERRUPTED within about 0.1 s */

	/* Credentials for an endpoint's auth_key. 1: found, 0: none (anonymous), negative: an error,
	 * which ends the request. Asked once per key and only when a registry wants to know who we
	 * are; one call at a time, from whichever thread met the question. NULL: none. */
	int (*credentials)(
		void *arg, const char *auth_key, struct registry_credentials *ret, struct err *e);
	void *credentials_arg;
	/* A line per request and answer, for --debug. Any thread. NULL: none. */
	void (*trace)(void *arg, const char *line);
	void *trace_arg;
	/* Something is tried again: "127.0.0.1:5000: connection cut, again in 0.7 s". Any thread. */
	void (*notice)(void *arg, const char *line);
	void *notice_arg;
};
#define REGISTRY_NO_RETRY 0xffffffffU

struct registry_client;
/* No network, no library is loaded until the first request. */
struct registry_client *registry_client_new(const struct registry_client_options *o);
void registry_client_free(struct registry_client *c); /* no call may be running */
DEFINE_CLEANUP(struct registry_client *, registry_client_free)
#define cleanup_registry_client cleanup(registry_client_free_cleanup)

/*
 * One place that has a repository: the registry itself or a mirror. Made by the code that
 * knows the configuration; strings are borrowed for the call that takes it.
 *
 * Scheme: https, checked. On a loopback host http is tried first, then https. insecure (the
 * user asked: --tls-verify=false, "insecure" in the configuration): https unchecked, then http.
 */
enum registry_endpoint_flags {
	REGISTRY_INSECURE = 1 << 0,    /* as above */
	REGISTRY_MIRROR = 1 << 1,      /* only pulled from, never pushed to, deleted from */
	REGISTRY_DIGEST_ONLY = 1 << 2, /* a mirror that is not asked for tags */
	REGISTRY_TAG_ONLY = 1 << 3,    /* a mirror that is not asked for digests */
};
struct registry_endpoint {
	const char *host;     /* "registry-1.docker.io", "127.0.0.1:5000", "[::1]:5000" */
	const char *path;     /* the repository there, prefix rewritten: "library/alpine" */
	const char *auth_key; /* whose credentials: "docker.io", "host:5000"; NULL: host */
	const struct strv *
		cert_dirs; /* certs.d directories, or PEM files of authorities (http/tls.h), all added; or NULL */
	enum registry_endpoint_flags flags;
};

/*
 * A repository as a person names it ("docker.io/library/alpine", for messages) and its
 * endpoints in the order in which they are asked. Pushing, deleting and listing use the
 * first that is no mirror. An endpoint that answered is asked first from then on.
 */
struct registry_repo;
int registry_repo_new(struct registry_client *c, const char *name,
	const struct registry_endpoint *endpoints, size_t n, struct registry_repo **ret,
	struct err *e);
void registry_repo_free(struct registry_repo *r);
DEFINE_CLEANUP(struct registry_repo *, registry_repo_free)
#define cleanup_registry_repo cleanup(registry_repo_free_cleanup)
const char *registry_repo_name(const struct registry_repo *r); /* borrowed */
/* The host that answered last: "mirror.example:5000"; NULL before the first answer. Borrowed until
 * the next call with r. */
const char *registry_repo_host(const struct registry_repo *r);

/* A place as the wire has it: "mirror.example:5000" and "proxied/library/alpine". Borrowed from r. */
struct registry_where {
	const char *host, *path;
};
/* The place that answered last, and the one that is pushed to. false: none has, there is none. */
bool registry_repo_answered(struct registry_repo *r, struct registry_where *ret);
bool registry_repo_pushed(struct registry_repo *r, struct registry_where *ret);

/* The endpoint of domain/path where no configuration says otherwise: docker.io is
 * registry-1.docker.io with the key "https://index.docker.io/v1/", else the domain itself. ret
 * borrows domain and path. */
void registry_endpoint_default(const char *domain, const char *path, struct registry_endpoint *ret);

/* Asks the registry (path is not used) whether these credentials are good (docker login): 0, or
 * -EACCES. ret_identity (the caller frees; may be NULL): the refresh token that a token server
 * gave, to be kept instead of the password; else NULL. */
int registry_login(struct registry_client *c, const struct registry_endpoint *at,
	const struct registry_credentials *with, char **ret_identity, struct err *e);
