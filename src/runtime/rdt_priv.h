/*
 * linux.intelRdt (config-linux.md, "Intel RDT"; resctrl of the kernel's
 * documentation): a class of service for cache and memory bandwidth, which is a
 * directory of the resctrl file system, and a group that counts what the
 * container uses of them.
 *
 * `top` is where resctrl is mounted (rdt_find_mount).
 */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct err;

/* The mount point; the caller frees. -ERR_UNSUPPORTED with what is missing. */
int rdt_find_mount(char **ret, struct err *e);
/* Makes or checks the groups of container `id` and puts process pid into them. What was made is
 * gone again when it fails. */
int rdt_apply(
	const char *top, const struct runtime_rdt *r, const char *id, pid_t pid, struct err *e);
/* Puts one more process of the container into its groups. */
int rdt_join(
	const char *top, const struct runtime_rdt *r, const char *id, pid_t pid, struct err *e);
/* Removes those groups that end with the container: its monitoring group, and its control group
 * unless the config named one. Absent ones are fine. */
int rdt_remove(const char *top, const struct runtime_rdt *r, const char *id, struct err *e);

/* Whether the schemata that stand in a group ("L3:0=ff;1=ff\nMB:0=100") say what `line` asks for:
 * each domain that it names has that value. Pure. */
bool rdt_schema_matches(const char *schemata, const char *line);
