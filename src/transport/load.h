/*
 * Images from files into the store. What a file is shows itself: a
 * docker-archive, an OCI layout as a tar, each plain or compressed, or a
 * directory that holds a layout. A file that can seek is read in the order that
 * suits; a pipe is read once, its layers stored as they pass.
 *
 * Everything is untrusted. An image is visible when its config and all its
 * layers have their digests; after a failure no layer of a failed image remains.
 */
#pragma once

#include "base/defs.h"

struct err;
struct store;
struct transport_trust;

struct transport_load_options {
	/* For layouts that only name a tag: localhost/BASE:TAG. NULL: such an image has no name. */
	const char *base;
	/* One call per name; tag is a normal reference, NULL for an image without one. */
	int (*loaded)(void *ctx, const char *tag, const char *id);
	void *ctx;
	/* Asked about each image before its layers are: "docker-archive", "oci-archive" or "oci" with
	 * the absolute path of what is loaded (none from a descriptor). NULL: all is accepted. */
	const struct transport_trust *trust;
};

/* fd: a file or a pipe, borrowed. */
int transport_load_fd(
	struct store *s, int fd, const struct transport_load_options *o, struct err *e);
/* path: a file or a directory. */
int transport_load_path(
	struct store *s, const char *path, const struct transport_load_options *o, struct err *e);
