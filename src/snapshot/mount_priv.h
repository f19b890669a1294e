/* Inside the mounting: detached mounts of single layers, and loop devices. */
#pragma once

#include "snapshot/mount.h"

/* Mounts that are attached nowhere, topmost layer last. */
struct mount_set {
	int *v;
	size_t n;
};
void mount_set_release(struct mount_set *m);
#define cleanup_mount_set cleanup(mount_set_release)

/* mounts.c: the mount of a layer directory, borrowed; -1: not there */
int mounts_get(const struct snapshot_mounts *m, const char *dir);

/* One detached, read-only mount for each lower directory of spec, copies of spec->mounts where it
 * has them and shared is set. attrs: more MOUNT_ATTR_ bits. */
int mount_lower_open(const struct snapshot_spec *spec, bool shared, unsigned attrs,
	struct mount_set *ret, struct err *e);
/* A detached mount of one layer directory (tar, index.erofs, or tree/). */
int mount_layer_open(enum snapshot_driver driver, const char *dir, unsigned attrs, struct err *e);

/* Binds file, read-only, to a loop device that frees itself with its last user. Returns its
 * descriptor and its path. */
int loop_attach(const char *file, char path[32], struct err *e);

/* As err_sys, with what the kernel said on a file system context. */
int mount_fs_error(int fs, struct err *e, const char *fmt, ...) printf_like(3, 4);
