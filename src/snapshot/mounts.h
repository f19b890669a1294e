/*
 * Layers that one process keeps mounted, attached nowhere, over many snapshots: a
 * build of thirty steps mounts each layer once instead of once for each step above
 * it, and its files stay in the page cache between the steps. Shared with the
 * children that are forked after snapshot_mounts_add.
 *
 *	m = snapshot_mounts_new();
 *	snapshot_prepare(..., &spec);
 *	snapshot_mounts_add(m, &spec, e);	sets spec.mounts
 *	fork; snapshot_mount(&spec, ...) in the child
 */
#pragma once

#include "snapshot/mount.h"

struct snapshot_mounts;

struct snapshot_mounts *snapshot_mounts_new(void);
void snapshot_mounts_free(struct snapshot_mounts *m);
DEFINE_CLEANUP(struct snapshot_mounts *, snapshot_mounts_free)
#define cleanup_snapshot_mounts cleanup(snapshot_mounts_free_cleanup)

#define SNAPSHOT_MOUNTS_MAX 256 /* descriptors; layers beyond it are mounted as without this */

/* Mounts the layers of spec that are not there yet, and lets spec borrow m. Where this kernel takes
 * no detached mounts, spec works as before. */
int snapshot_mounts_add(struct snapshot_mounts *m, struct snapshot_spec *spec, struct err *e);
