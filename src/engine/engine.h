/*
 * struct engine: what every operation on containers needs: the store, and where
 * our programs are. Borrowed strings must outlive it.
 *
 * Where a container's things are:
 *
 *	store row (store/container.h)   id, name, image; data = struct engine_config as JSON (config.h)
 *	ROOT/containers/ID/upper, work  its writable directory (overlay), absent before the first use
 *	ROOT/containers/ID/log, log.1…  its output, see log.h
 *	ROOT/containers/ID/state        how it fares, see state.h; absent: created, never started
 *	ROOT/containers/ID/stop         a person asked it to stop: no restart; removed by a start
 *	ROOT/volumes/NAME/_data         volumes, see volume.h
 *	RUNROOT/containers/ID           the runtime's state directory, while it runs
 *	RUNROOT/containers/ID/attach    the monitor's socket, see attach.h
 *	RUNROOT/mnt/root, mnt/etc       where each container mounts its root file system and its
 *	                                hosts, hostname and resolv.conf: in its own mount namespace
 *	                                only, so the places are shared
 *	RUNROOT/network                 the bridge's table (network/bridge.h)
 *
 * The directory ROOT/containers/ID itself is the lock (flock): who holds it owns
 * the container's life: the monitor from before the start until everything of the
 * run has been put away, and rm while it removes.
 */
#pragma once

#include "base/defs.h"

struct store;

struct engine {
	struct store *store;
	const char *storage_driver; /* --storage-driver, or NULL */
	const char *kist;           /* path of `kist`, for clean-up, health and restart */
	const char *monitor;        /* path of `kist-monitor` */
};
