/* Extended attributes of files on disk, for upper directories and unpacking. */
#pragma once

#include "base/buf.h"
#include "layer/entry.h"

struct err;

struct xattr_list {
	struct layer_xattr *v; /* sorted by name; into `names` and `values` */
	size_t n;
	size_t cap;
	struct buf names;
	struct buf values;
};

void xattr_list_release(struct xattr_list *l);
/* All attributes of name in dirfd (a link's own), in place of what the list held. A file system
 * without attributes has none. */
int xattr_list_read(struct xattr_list *l, int dirfd, const char *name, struct err *e);
/* "opaque" for "trusted.overlay.opaque" and "user.overlay.opaque"; NULL for what is not
 * overlayfs's. */
const char *xattr_overlay_name(const char *name);
