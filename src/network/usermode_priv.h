/* Inside the network without root: a helper that runs, and slirp4netns's way to publish ports. */
#pragma once

#include "network/usermode.h"

/* Asks slirp4netns through its socket dir/api to publish one port. */
int slirp_publish(const char *dir, const struct network_port *p, struct err *e);
