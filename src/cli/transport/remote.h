/* What a command needs to talk to registries, from its options (spec/remote_opts.h) and the
 * environment: configuration, credentials, proxies, certificates; and Ctrl-C. */
#pragma once

#include "base/strv.h"
#include "cli/registry.h"
#include "registry/client/client.h"
#include "transport/trust.h"

#include <signal.h>

struct remote {
	const struct cli *cli;
	struct registry_config *config;
	struct registry_auth auth;
	struct registry_credentials given; /* --creds */
	struct strv cert_roots;
	struct registry_client *client;
	struct registry_open_options open; /* all but `use` */
	const volatile sig_atomic_t *stop; /* the signal that asked us to end; 0: none */
	unsigned jobs;                     /* --jobs; 0: not given */
	/* what the client tells while it works; set before the first request; NULL: standard error */
	void (*notice)(void *ctx, const char *line);
	void *notice_ctx;
	/* remote_trust */
	struct trust_policy *policy;
	struct registry_lookaside *lookaside;
	struct transport_trust trust;
};

/* r must stay where it is. From now on SIGINT, SIGTERM and SIGHUP set *stop; a second one ends the
 * process. */
int remote_open(struct cli *c, struct remote *r);
/* For commands that take images in: --signature-policy FILE, else the user's policy.json of the
 * containers tools, else the system's; without one everything is accepted. And registries.d. */
int remote_trust(struct cli *c, struct remote *r);
/* Takes the credentials of another option than "creds" ("src-creds"), when it is given. */
int remote_creds(struct cli *c, struct remote *r, const char *option);
void remote_release(struct remote *r);
#define cleanup_remote cleanup(remote_release)
