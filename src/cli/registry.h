/* What the command line and the environment say about registries: configuration files, credentials'
 * files, certificates. Options that count, where a command's specification has them: authfile,
 * tls-verify, cert-dir. */
#pragma once

#include "cli/cli.h"
#include "registry/auth.h"
#include "registry/config.h"
#include "registry/lookaside.h"
#include "registry/open.h"
#include "trust/policy.h"

/*
 * --config FILE, else $KIST_CONFIG, else /etc/kist/config.yaml and then
 * $XDG_CONFIG_HOME/kist/config.yaml (~/.config) over it, those that are there.
 */
int cli_config_load(const struct cli *c, struct registry_config **ret, struct err *e);

/*
 * --authfile FILE, else $REGISTRY_AUTH_FILE; else, as podman and docker read them,
 * $XDG_RUNTIME_DIR/containers/auth.json (root without it: /run/containers/0/auth.json),
 * $XDG_CONFIG_HOME/containers/auth.json, $DOCKER_CONFIG/config.json (~/.docker). Written is the
 * first that is there, else the second of these.
 */
int cli_auth_files(const struct cli *c, struct registry_auth *ret, struct err *e);

/*
 * --signature-policy FILE, else $XDG_CONFIG_HOME/containers/policy.json (~/.config), else
 * /etc/containers/policy.json. *ret is NULL when there is none of them.
 */
int cli_policy_load(const struct cli *c, struct trust_policy **ret, struct err *e);
/* registries.d of the user, else of the system; and where the containers tools keep signatures. */
int cli_lookaside_load(struct registry_lookaside **ret, struct err *e);

/* Directories with certificates by host, added to ret: the user's and the system's certs.d of the
 * containers tools, docker's. */
void cli_cert_roots(struct strv *ret);

/* The value of an option "tls-verify" (or another name of this meaning). */
enum registry_tls cli_tls(const struct cli *c, const char *option);
