/*
 * Credentials for registries: the files of docker (config.json) and of the
 * containers tools (auth.json), and credential helpers (docker-credential-NAME
 * get, store, erase: docker's protocol on standard input and output).
 *
 * A file's `auths` and `credHelpers` are looked up by repository, longest prefix
 * first, then by host; `credsStore` for what is left. Keys of docker
 * ("https://index.docker.io/v1/", "https://host/v2/") and bare hosts both count.
 *
 * Files and the answers of helpers are not trusted: sizes are bounded, a helper
 * is ended after some seconds. No secret is ever part of a message.
 *
 * A key, here: "host[:port]" or "host/repository", or one of docker's URLs.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"
#include "registry/client/client.h"

struct err;

/* Which files: decided by the command line and the environment. */
struct registry_auth {
	struct strv files; /* searched in this order; absent ones are fine */
	char *write;       /* where login writes: one of files, or one that is not there yet */
};
void registry_auth_release(struct registry_auth *a);
#define cleanup_registry_auth cleanup(registry_auth_release)

/* 1: found, 0: none. ret_source (may be NULL; the caller frees): the file, or the helper's name.
 * Nothing is cached. */
int registry_auth_find(const struct registry_auth *a, const char *key,
	struct registry_credentials *ret, char **ret_source, struct err *e);
/*
 * Remembers, in a->write or in the helper that this file names for the key. The file is replaced
 * atomically, mode 0600, under a lock on its directory: several at once lose no entry. Members that
 * we do not know are kept. ret_source as above.
 */
int registry_auth_store(const struct registry_auth *a, const char *key,
	const struct registry_credentials *c, char **ret_source, struct err *e);
/* Forgets it in all files and their helpers. The number of places where there was something. */
int registry_auth_erase(const struct registry_auth *a, const char *key, struct err *e);
/* The keys of all files in the short form, sorted, without duplicates. */
int registry_auth_list(const struct registry_auth *a, struct strv *ret, struct err *e);
/* The short form: "docker.io" for docker's URLs of its hub, no scheme, no "/v1/". The caller frees
 * it. */
char *registry_auth_key(const char *key) must_check;
