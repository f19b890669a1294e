/*
 * Builds the index of a layer: an EROFS image (kernel: fs/erofs, Documentation/
 * filesystems/erofs.rst) with 512-byte blocks that holds the layer's metadata;
 * each regular file is one chunk that points into the layer's tar, the extra
 * device. Mounted with `-t erofs -o device=TAR INDEX`.
 *
 * Entries come in any order. The last of several with one path wins, except that
 * a directory keeps its children when it comes again. Parents that never come
 * are made (0755, root, time 0). A parent that is a symbolic link inside this
 * layer is followed as long as it stays inside. A hard link needs its target in
 * this layer, before it. ".wh.x" becomes a 0:0 character device, ".wh..wh..opq"
 * the attribute trusted.overlay.opaque; any *.overlay.* attribute that comes
 * from outside is dropped, and so are namespaces that EROFS has no number for.
 *
 * Memory: about 60 bytes and the name per entry; beyond a few megabytes it is
 * kept in the (later cut off) upper part of the index file and leaves the
 * resident set. index_fd: an empty regular file, open for reading and writing.
 */
#pragma once

#include "layer/entry.h"

struct err;
struct layer_index;

struct layer_index *layer_index_new(int index_fd); /* borrows index_fd until it is freed */
void layer_index_free(struct layer_index *x);
DEFINE_CLEANUP(struct layer_index *, layer_index_free)
#define cleanup_layer_index cleanup(layer_index_free_cleanup)

/* entry->offset: of the data in the tar, a multiple of 512. Also the form of a layer_tar_ops entry
 * callback, with x as ctx. */
int layer_index_add(void *x, const struct layer_entry *entry, struct err *e);
/* path gone from the layers below; the directory path shows nothing of the layers below */
int layer_index_whiteout(struct layer_index *x, const char *path, struct err *e);
int layer_index_opaque(struct layer_index *x, const char *path, struct err *e);
/* Whether an entry with this path has come so far (links are not followed; whiteouts and implied
 * parents do not count) and what it is. */
bool layer_index_has(const struct layer_index *x, const char *path, enum layer_type *ret_type);
/* Writes the image; nothing may be added afterwards. tar_size: of the whole tar. */
int layer_index_finish(
	struct layer_index *x, uint64_t tar_size, uint64_t *ret_index_size, struct err *e);
