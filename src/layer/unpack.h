/*
 * A layer's entries as a directory tree, for the `dir` snapshot driver: the
 * callbacks of a tar reader. Every path is opened inside dirfd (base/root.h);
 * an entry never writes through a link that it did not find there. Owners and
 * device nodes need root; times of directories are set at the end. In a user
 * namespace device nodes are left out, files of ids that are not mapped belong to
 * its root and lose their set-id bits, and opaque directories are marked by the
 * attribute that overlayfs takes there (user.overlay.opaque); a warning tells how
 * many of which.
 */
#pragma once

#include "layer/tar_read.h"

enum layer_unpack_flags {
	/* ".wh." entries delete what is there, as onto a complete root file system; without it
	 * they become overlayfs whiteouts (0:0 devices, trusted.overlay.opaque). */
	LAYER_UNPACK_APPLY = 1 << 0,
	LAYER_UNPACK_NO_OWNER = 1 << 1, /* leave owners alone and device nodes out */
};

struct layer_unpack;

struct layer_unpack *layer_unpack_new(int dirfd, enum layer_unpack_flags flags); /* borrows */
void layer_unpack_free(struct layer_unpack *u);
DEFINE_CLEANUP(struct layer_unpack *, layer_unpack_free)
#define cleanup_layer_unpack cleanup(layer_unpack_free_cleanup)

extern const struct layer_tar_ops layer_unpack_ops; /* ctx: a struct layer_unpack */
int layer_unpack_finish(struct layer_unpack *u, struct err *e);
