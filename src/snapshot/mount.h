/*
 * Mounting layers, in the mount namespace of the caller: the mounts vanish with
 * it. snapshot_prepare does all that needs the store (paths, checks) and may run
 * before a fork; snapshot_mount and snapshot_open_ro only make system calls and so
 * may run in the child.
 */
#pragma once

#include "base/strv.h"
#include "snapshot/driver.h"

#define SNAPSHOT_LAYERS_MAX 500 /* overlayfs takes no more lower directories */

struct snapshot_mounts;
struct snapshot_spec {
	enum snapshot_driver driver;
	struct strv lower;  /* absolute paths of layer directories, lowest first */
	char *base;         /* a plain directory below all layers (snapshot_base), or NULL */
	char *upper, *work; /* absolute, existing, on one file system; NULL: read-only */
	bool readonly;      /* with upper: mounted read-only all the same */
	/* No syncs for the upper directory, not even when it is unmounted: for what a crash may take
	 * (RUN of a build, run --rm). The kernel refuses a second mount of such a work directory
	 * unless snapshot_volatile_done has been called. */
	bool is_volatile;
	const struct snapshot_mounts *mounts; /* borrowed, see snapshot/mounts.h; may be NULL */
	bool staged; /* mount the way older kernels need (the tests' choice; else found out) */
};
void snapshot_spec_release(struct snapshot_spec *spec);
#define cleanup_snapshot_spec cleanup(snapshot_spec_release)

/* Fills lower and driver; the caller sets upper, work (it owns them: mem_strdup) and the
 * flags. diffids: lowest first; n 0 is an empty root (scratch). -ERR_NOT_FOUND: layer missing;
 * -ERR_STATE: suspect and not to be verified here (store_layer_require); -ERR_LIMIT: too many. */
int snapshot_prepare(struct store *s, const char *const *diffids, size_t n,
	struct snapshot_spec *ret, struct err *e);
/* A directory of the store for spec->base: what a container's mounts need to be there in any image
 * (/dev, /proc, /sys, empty /etc/hosts, /etc/hostname, /etc/resolv.conf), so that mounting over them
 * leaves no trace in upper. The caller frees *ret. */
int snapshot_base(struct store *s, char **ret, struct err *e);
/* Mounts on target, an existing directory. Propagation must be private already. One file system
 * without upper is mounted as it is, without overlay. */
int snapshot_mount(const struct snapshot_spec *spec, const char *target, struct err *e);
/* The same as a mount that is attached nowhere: an O_PATH directory descriptor, read-only unless
 * spec has upper; gone with its last descriptor. Several layers need Linux 6.15 for it
 * (-ERR_UNSUPPORTED before): snapshot_mount in a private namespace always works. Without upper
 * devices cannot be opened and set-id bits have no effect. */
int snapshot_mount_fd(const struct snapshot_spec *spec, struct err *e);
/* As snapshot_mount_fd, on every kernel: where it is not able to, the process gets a mount namespace
 * of its own (it must have one thread), and scratch, an existing directory, is mounted over for a
 * moment. */
int snapshot_mount_open(const struct snapshot_spec *spec, const char *scratch, struct err *e);
/* prepare and mount_fd in one, read-only: for COPY --from and for looking at an image. */
int snapshot_open_ro(struct store *s, const char *const *diffids, size_t n, struct err *e);
/* Removes the mark that a volatile mount left in its work directory. */
int snapshot_volatile_done(const char *work, struct err *e);
