/*
 * Where a process without root may make control groups: in a subtree of cgroup v2
 * that the host has handed to its user (systemd's Delegate=yes, or a chown), as
 * cgroups(7), "Delegation", describes. Trees of v1 cannot be handed over safely.
 */
#pragma once

#include "base/defs.h"

/* 1: *ret_base is the group below which groups with limits can be made, relative to the hierarchy
 * ("" for its root), the caller frees it; the calling process has left it for a group of its own
 * when it was alone there. 0: *ret_why says why there is none and what to set; the caller frees it. */
int runtime_cgroup_delegated(char **ret_base, char **ret_why);

/* The same with a tree and a /proc/self/cgroup of somebody's choice, for tests. */
int runtime_cgroup_delegated_at(
	const char *top, const char *proc_cgroup, char **ret_base, char **ret_why);
