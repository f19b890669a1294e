/*
 * Control groups that systemd makes: a transient scope for each container, in
 * the slice that the config's cgroupsPath names ("SLICE:PREFIX:NAME", as runc,
 * crun and the engines have it). It is asked over D-Bus, through its private
 * socket, else through the bus (the user's own for a user).
 *
 * The limits are given to systemd as properties, so that it does not undo them,
 * and are written into the files as well: not all of them have a property.
 */
#pragma once

#include "base/buf.h"
#include "base/defs.h"

struct err;
struct cgroup_aim;
struct cgroup_writes;
struct runtime_cgroup;
struct runtime_pairs;
struct runtime_resources;

/* Annotations of a config that name properties of the scope */
#define SYSTEMD_ANNOTATION "org.systemd.property."

struct systemd_unit {
	char *slice;           /* "machine.slice" */
	char *name;            /* "libpod-ID.scope" */
	struct buf properties; /* of annotations, as systemd_annotations writes them */
};
void systemd_unit_release(struct systemd_unit *u);

/* Pure: the unit of a cgroupsPath (NULL or "": the default slice, "kist" and the id).
 * -ERR_FORMAT: it is not of that form. */
int systemd_unit_parse(const char *cgroups_path, const char *id, bool user,
	struct systemd_unit *ret, struct err *e);
/* Pure: "/a.slice/a-b.slice" of "a-b.slice" ("" of "-.slice"); the caller frees. */
int systemd_slice_path(const char *slice, char **ret, struct err *e);

/* -ERR_UNSUPPORTED where systemd does not run; else the socket to it: given, or the usual one of
 * the system's or the user's manager. The caller frees. */
int systemd_find(const char *given, char **ret, struct err *e);
bool systemd_is_user(void); /* a user's manager is asked, not the system's */

/* The manager's own group ("" of the system's): what it makes is below. The caller frees. */
int systemd_root(const char *socket, char **ret, struct err *e);
/* Makes the scope with process pid in it; waits until it is there. */
int systemd_scope_start(const char *socket, const struct systemd_unit *u, const char *id, pid_t pid,
	const struct cgroup_aim *aim, const struct runtime_resources *r, struct err *e);
/* Gives an existing scope other limits. */
int systemd_scope_update(const char *socket, const char *unit, const struct cgroup_aim *aim,
	const struct runtime_resources *r, struct err *e);
/* Stops the scope: systemd kills what is in it. A scope that is gone is fine. */
int systemd_scope_stop(const char *socket, const char *unit, struct err *e);

/* Pure: appends the properties (elements of an array of type a(sv)) that say the same as writes
 * into files of cgroups; v2: of which kind. */
void systemd_limits(const struct cgroup_writes *w, bool v2, struct buf *out);
/* Pure: the same for the annotations of a config; out is empty. -ERR_FORMAT with the annotation */
int systemd_annotations(const struct runtime_pairs *annotations, struct buf *out, struct err *e);
/* Pure: DevicePolicy and DeviceAllow for the rules of a config */
int systemd_devices(const struct runtime_resources *r, struct buf *out, struct err *e);
