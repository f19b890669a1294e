/*
 * Images out of the store into files that docker, podman, skopeo, umoci and we
 * read. The same image gives the same bytes each time. A compressed layer that
 * came from outside leaves as it came, and so does a manifest whose layers are
 * all of that kind; other layers are compressed on the way, nothing of that is
 * kept.
 */
#pragma once

#include "base/strv.h"
#include "oci/media_type.h"
#include "store/store.h"

enum transport_format {
	TRANSPORT_DOCKER_ARCHIVE,
	TRANSPORT_OCI_ARCHIVE,
	TRANSPORT_OCI_DIR,
};
int transport_format_parse(const char *name, enum transport_format *ret); /* -EINVAL */

struct transport_save_image {
	char id[STORE_DIGEST_MAX];
	struct strv names; /* normal references that it shall have there; may be empty */
};

struct transport_save_options {
	enum transport_format format;
	/* Of OCI's layers: with any_compression as they came, gzip for the others. */
	bool any_compression;
	enum oci_compression compression;
};

/* fd: where an archive is written, a file or a pipe; for TRANSPORT_OCI_DIR an empty directory. */
int transport_save(struct store *s, const struct transport_save_image *images, size_t n,
	const struct transport_save_options *o, int fd, struct err *e);
