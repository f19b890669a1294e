/*
 * How layers become file systems on this host: chosen once, when the store is
 * new, and written down in it, since layers are stored in the driver's form.
 *
 *	erofs       Linux 6.12 or newer: index.erofs mounts as a file, data from the tar
 *	erofs-loop  the same files through loop devices, for older kernels
 *	dir         plain unpacked trees: for whatever else
 *
 * erofs and erofs-loop share their layers: a store may move between them.
 */
#pragma once

#include "base/defs.h"

struct err;
struct store;

enum snapshot_driver {
	SNAPSHOT_EROFS,
	SNAPSHOT_EROFS_LOOP,
	SNAPSHOT_DIR,
};

const char *snapshot_driver_name(enum snapshot_driver d);
int snapshot_driver_parse(const char *name, enum snapshot_driver *ret, struct err *e);
/* The driver of this store. want: --storage-driver, or NULL. A new store is probed (a mount in a
 * private namespace) or takes want; -ERR_STATE when want and the layers that are there disagree. */
int snapshot_driver_get(
	struct store *s, const char *want, enum snapshot_driver *ret, struct err *e);
/* The best driver of this host, tried for real below dir (a directory on the store's disk). */
int snapshot_driver_probe(const char *dir, enum snapshot_driver *ret, struct err *e);
