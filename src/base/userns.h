/*
 * The user namespace of this process (user_namespaces(7)).
 */
#pragma once

#include "base/defs.h"

/* Not in the initial one: root here is somebody else on the host, and the kernel refuses device
 * nodes, trusted.* attributes, most file systems. One system call the first time. */
bool userns_inside(void);
/* Whose id outside is root's of our namespace (user), 0 in the initial one. */
uint32_t userns_outer_root(void);
/* The highest id that is mapped, of users (uid true) or groups. UINT32_MAX - 1 when all are. */
uint32_t userns_last_id(bool uid);
/* How many ids are mapped. */
uint64_t userns_count(bool uid);
struct err;
/* Whether a process can run as this user and group here: else -ERR_UNSUPPORTED, with what gives more
 * ids. */
int userns_check_user(uint32_t uid, uint32_t gid, struct err *e);
/* Whether our network namespace is our user namespace's, so that bridges and rules can be made in it,
 * and one can come back to it from another. True in the initial one. */
bool userns_owns_network(void);
