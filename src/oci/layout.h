/*
 * The documents around images in files: `oci-layout` (image-spec
 * image-layout.md; its index.json is oci/manifest.h's index), and docker-archive's
 * manifest.json.
 */
#pragma once

#include "base/defs.h"
#include "base/strv.h"

struct buf;
struct err;

#define OCI_LAYOUT_VERSION "1.0.0"

int oci_layout_parse(const char *bytes, size_t len, struct err *e) must_check;
void oci_layout_format(struct buf *out);

/* One image of a docker-archive. Paths are names of the archive's entries, checked: relative,
 * without "..". */
struct oci_archive_image {
	char *config;
	struct strv repo_tags; /* as written: "alpine:3.18" */
	struct strv layers;    /* lowest first */
};
struct oci_archive {
	struct oci_archive_image *v;
	size_t n;
};
void oci_archive_release(struct oci_archive *a);
#define cleanup_oci_archive cleanup(oci_archive_release)

int oci_archive_parse(
	const char *bytes, size_t len, struct oci_archive *ret, struct err *e) must_check;
void oci_archive_format(const struct oci_archive *a, struct buf *out);
