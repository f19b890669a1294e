/*
 * The upper directory of an overlay mount (kernel: Documentation/filesystems/
 * overlayfs.rst) as the entries of a layer, in sorted order: 0:0 character
 * devices become ".wh." entries, opaque directories ".wh..wh..opq"; hard links
 * stay links, sockets are left out, trusted.overlay.* and user.overlay.* are
 * dropped, security.capability, user.* and other attributes kept. The mount must
 * have been made with redirect_dir=off,metacopy=off; a redirect is refused.
 * Links are never followed. The upper directory must not change meanwhile.
 */
#pragma once

#include "base/defs.h"

struct err;
struct layer_writer;
struct strv;

struct layer_upper_options {
	/* normalised paths left out, with all below them: mount points that we made */
	const struct strv *exclude;
	bool skip_root; /* no entry for the root directory itself */
};

/* opt may be NULL. Returns how many entries (whiteouts too) were written: 0 is an empty layer,
 * whose root entry is not written either. */
int64_t layer_upper_write(
	int upper_fd, struct layer_writer *w, const struct layer_upper_options *opt, struct err *e);
