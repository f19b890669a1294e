/*
 * The network of containers without root: pasta(1), or slirp4netns(1) where that
 * is missing, carries the traffic of one network namespace as connections of an
 * ordinary process on the host. One process a namespace; no bridge, no rules.
 *
 * The caller is root of its user namespace and has a mount namespace of its own:
 * the helper gets the network namespace as a file that is mounted there. `dir`
 * is made, holds that file and the helper's process id, and goes with the detach;
 * keep its path short, as it holds a socket.
 */
#pragma once

#include "base/defs.h"
#include "network/bridge.h"

struct err;

enum network_helper {
	NETWORK_HELPER_NONE,
	NETWORK_HELPER_PASTA,
	NETWORK_HELPER_SLIRP,
};
/* What PATH has; pasta is the faster one. */
enum network_helper network_helper_find(void);
const char *network_helper_name(enum network_helper h); /* "pasta", "slirp4netns", "none" */

struct network_usermode {
	const char *dir;
	int netns_fd; /* borrowed */
	const struct network_port *ports;
	size_t nports;
	enum network_helper helper; /* NETWORK_HELPER_NONE: what is found */
};

/* The interface eth0 (tap0 with slirp4netns) with its address, the way out and the published ports
 * are there on return. ERR_UNSUPPORTED says what to install or to set; ERR_IN_USE names a port.
 * On failure nothing is left. */
int network_usermode_attach(
	const struct network_usermode *o, struct network_result *ret, struct err *e);
/* Ends the helper and removes dir. No such directory: 0. */
int network_usermode_detach(const char *dir, struct err *e);
/* The same for each directory below parent that is_alive denies, by name. */
void network_usermode_sweep(const char *parent, bool (*is_alive)(const char *name));
