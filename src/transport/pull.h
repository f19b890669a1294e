/*
 * Images from registries into the store. A name is visible when every byte of its
 * image has its digest and is on the disk; until then there are partial blobs, complete
 * layers that nothing names, and a lease. A pull that is cut goes on in the next command.
 */
#pragma once

#include "base/strv.h"
#include "oci/reference.h"
#include "transport/fetch.h"

struct oci_platform;
struct registry_client;
struct registry_config;
struct registry_open_options;
struct transport_trust;

enum transport_pull_when {
	TRANSPORT_PULL_ALWAYS,  /* the registry is asked what the name is now */
	TRANSPORT_PULL_MISSING, /* only when the store has nothing of that name */
	TRANSPORT_PULL_NEWER,   /* as always; when nobody answers, what the store has will do */
	TRANSPORT_PULL_NEVER,
};
/* "always", "missing" (or "ifnotpresent"), "newer", "never". -EINVAL. */
int transport_pull_when_parse(const char *text, enum transport_pull_when *ret);

struct transport_pull_options {
	struct registry_client *client;
	const struct registry_config *config;       /* NULL: an empty one */
	const struct registry_open_options *remote; /* registry/open.h; NULL: the defaults */
	enum transport_pull_when when;
	const struct oci_platform *platform; /* NULL: this machine's */
	bool all_platforms; /* every image of an index; the name is this machine's */
	unsigned jobs;      /* transport/fetch.h, all of these */
	struct layer_limits limits;
	uint64_t max_blob;
	const volatile sig_atomic_t *stop;
	const struct transport_progress *progress;
	const struct transport_trust *trust; /* transport/trust.h; NULL: everything is accepted */
	/* The image that the name stands for is known, and its config is a blob of the store; its layers
	 * may still come. May be NULL. */
	void (*resolved)(void *ctx, const char *id);
	void *resolved_ctx;
};

struct transport_pulled {
	char id[STORE_DIGEST_MAX];     /* of the image that the name is now */
	char name[OCI_REFERENCE_MAX];  /* normal form: with tag, or with a digest */
	char digest[STORE_DIGEST_MAX]; /* of the manifest or index that the name is; "" when nobody
					  was asked and the store does not know */
	bool changed;                  /* the name is another image than before, or new */
	size_t images;
	struct transport_fetched sum;
};

/*
 * text: as a person writes it; short names by the configuration's list only. -ERR_NOT_FOUND: no
 * registry has it, the message shows who was asked. -ERR_DIGEST: what came is not what was named.
 * ret may be NULL.
 */
int transport_pull(struct store *s, const char *text, const struct transport_pull_options *o,
	struct transport_pulled *ret, struct err *e);
/* All tags of a repository (text without tag and digest), one after the other; each is called for
 * every one that has come. */
int transport_pull_tags(struct store *s, const char *text, const struct transport_pull_options *o,
	int (*each)(void *ctx, const struct transport_pulled *p), void *ctx, struct err *e);
