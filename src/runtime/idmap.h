/*
 * The id mappings of a user namespace (user_namespaces(7)): which ones a process
 * of ours may give to a namespace it made, and writing them. Root writes them
 * itself; everybody else through newuidmap(1) and newgidmap(1), which know from
 * /etc/subuid and /etc/subgid (subuid(5)) what belongs to whom.
 */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct err;

/* More lines no map has: the kernel's own limit since Linux 4.15. */
enum { RUNTIME_ID_MAPS_MAX = 340 };

struct runtime_id_maps {
	struct runtime_id_map *uid, *gid;
	size_t nuid, ngid;
};

/* The ranges that the text of /etc/subuid or /etc/subgid gives to a user, by name (may be NULL) or
 * by number, in the order of the file; `container` of each is 0. At most max; the count. Lines that
 * make no sense are passed over, as newuidmap does. Pure. */
size_t runtime_subids_parse(const char *text, size_t len, const char *name, uint32_t id,
	struct runtime_id_map *ret, size_t max);

/* The mappings for a namespace whose owner named none: as root the ranges of the user "containers"
 * or of root; inside another user namespace all that is mapped there; for everybody else the user
 * is root inside, followed by his subordinate ranges (a warning when he has none). Heap; released
 * by runtime_id_maps_release. */
int runtime_id_maps_auto(struct runtime_id_maps *ret, struct err *e) must_check;
void runtime_id_maps_release(struct runtime_id_maps *m);
#define cleanup_runtime_id_maps cleanup(runtime_id_maps_release)

/* Writes both maps of the new user namespace of process pid, a child of this process that must be
 * dumpable when this process is not root. -ERR_UNSUPPORTED with what to install or to set when an
 * unprivileged process may not map what it asks for. */
int runtime_id_maps_write(pid_t pid, const struct runtime_id_maps *m, struct err *e) must_check;
