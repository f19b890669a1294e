/* What the bridge asks of the host besides links and rules: a free subnet, free ports, sysctls. */
#pragma once

#include "base/defs.h"
#include "network/link_priv.h"
#include "network/port.h"
#include "network/table_priv.h"

struct err;

/* "10.87.0.0/16"; host bits must be 0, prefix 8 to 28. ERR_USAGE */
int host_subnet_parse(const char *s, struct in_addr *ret, unsigned *ret_prefix, struct err *e);
/* Whether a subnet and some route (the default route aside) share addresses. */
bool host_subnet_is_used(const struct link_routes *r, struct in_addr net, unsigned prefix);

/* Reads or sets a 0/1 file below /proc/sys/net/ipv4. Setting what is already set writes nothing. */
int host_sysctl_get(const char *name, struct err *e);
int host_sysctl_set(const char *name, bool on, struct err *e);

/*
 * Turns a wish into ports: chooses where host_port is 0 or a range, and asks the kernel whether
 * anything listens there. t: for the ports of other containers. ERR_IN_USE with the holder.
 */
int host_ports_resolve(const struct table *t, const struct network_port *ports, size_t n,
	struct network_ports *ret, struct err *e);

/* "nginx (process 12)": who has a port that is in use. False when it cannot be told. */
bool host_port_owner(const struct network_port *p, char *out, size_t size);

/* Runs fn inside another network namespace and comes back. The process must have one thread. */
int host_in_netns(int netns_fd, int (*fn)(void *arg, struct err *e), void *arg, struct err *e);
