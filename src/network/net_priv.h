/* The shared part of the network while its lock is held: bridge, rules, sysctls, lingering. */
#pragma once

#include "base/defs.h"
#include "network/table_priv.h"

struct err;
struct network_options;

struct net {
	const char *state_dir; /* borrowed */
	int lock;
	int route; /* netlink sockets, opened when first needed */
	int nft;
	struct table t;
};

#define NET_INIT                  \
	{                         \
		NULL, -1, -1, -1, \
		{                 \
			{         \
				0 \
			}         \
		}                 \
	}

/* Takes the lock and reads the table. state_dir must exist. */
int net_open(struct net *n, const char *state_dir, struct err *e);
void net_release(struct net *n);
#define cleanup_net cleanup(net_release)
int net_route(struct net *n, struct err *e);
int net_nft(struct net *n, struct err *e);

/* The bridge's index: made, with its rules, when it is not there. The table is filled, not saved. */
int net_ensure(
	struct net *n, const struct network_options *o, char *warning, size_t size, struct err *e);
/* Forwarding and route_localnet, after the table that says how to take them back is saved. */
int net_sysctls_set(const struct table *t, struct err *e);
/* Removes rules, bridge and state file, puts the sysctl back. */
int net_remove(struct net *n, struct err *e);

/* Leaves a child that removes everything later, unless somebody came; see NETWORK_LINGER. Does
 * nothing when there is nothing to wait for: other containers, and no rules deleted. */
int net_linger(struct net *n, struct err *e);
bool net_is_lingering(const struct net *n);
