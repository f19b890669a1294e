/* linux.netDevices: interfaces of the host that go into the container's network namespace. */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct err;

/* A name that an interface can have: dev_valid_name() of the kernel. template: "%d" stands for a
 * number that the kernel chooses. */
bool netdev_name_valid(const char *name, bool template);

/* Moves each interface (key: its name here, value: its name there) into the namespace, with its
 * permanent global addresses, and sets it up (config-linux.md, "Network Devices"). When one cannot
 * be moved, those before it come back. Only for a process with one thread. */
int netdev_move_all(const struct runtime_pairs *devices, int netns, struct err *e);
