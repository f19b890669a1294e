/*
 * A container's file system without mounting it: the layers of its image and its
 * writable directory, merged as overlayfs shows them. The container should not
 * write meanwhile: pause it, or live with an error that names the file.
 */
#pragma once

#include "base/strv.h"
#include "oci/image_config.h"
#include "store/store.h"
#include "transport/diff.h"

struct transport_container {
	struct strv layers;      /* diffIDs of its image, lowest first */
	char *upper;             /* its writable directory; NULL, or absent: no changes yet */
	struct strv mountpoints; /* absolute paths: empty files and directories that were only made
				  * to be mounted over are no changes */
};
void transport_container_release(struct transport_container *c);
#define cleanup_transport_container cleanup(transport_container_release)

/* Changes against the image, by path; directories that only hold changes count as changed. */
int transport_container_diff(struct store *s, const struct transport_container *c,
	transport_diff_fn fn, void *ctx, struct err *e);
/* The whole file system as one tar, without whiteouts. */
int transport_container_export(
	struct store *s, const struct transport_container *c, int fd, struct err *e);

struct transport_commit_options {
	const char *base;                          /* id of the container's image */
	const struct oci_container_config *config; /* becomes the new image's */
	const char *created;                       /* RFC 3339 */
	const char *created_by;                    /* what ran */
	const char *author, *comment;              /* NULL: none */
	const char *tag;                           /* normal reference; NULL: none */
};
/* The changes become one more layer over the image's; none, when there are none. */
int transport_container_commit(struct store *s, const struct transport_container *c,
	const struct transport_commit_options *o, char ret_id[STORE_DIGEST_MAX], struct err *e);
