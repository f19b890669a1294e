/*
 * Manifests and indexes with changed parts: other media types (OCI's or docker's
 * schema 2), other blobs. Everything that is not asked for stays as it is, unknown
 * members too; a document for which nothing changes gives the same bytes.
 */
#pragma once

#include "base/defs.h"
#include "oci/digest.h"
#include "oci/media_type.h"

struct buf;
struct err;

enum oci_format {
	OCI_FORMAT_KEEP,
	OCI_FORMAT_OCI,
	OCI_FORMAT_DOCKER,
};
/* Of a manifest's or an index's media type; KEEP: neither. */
enum oci_format oci_format_of(const char *media_type);
/* "oci"; "docker" or "v2s2". -EINVAL */
int oci_format_parse(const char *name, enum oci_format *ret);

/* Layers that registries do not pass on: their bytes lie at their urls. */
bool oci_media_type_foreign(const char *type);

/* What takes the place of a layer, or of an index's entry. */
struct oci_replacement {
	bool changed;
	char digest[OCI_DIGEST_MAX];
	uint64_t size;
	enum oci_compression compression; /* of a layer */
};

/* One replacement for each layer (n of them), or NULL. Appends the document and gives its media
 * type (static). -ERR_UNSUPPORTED: the format cannot say it (an artifact, zstd for docker). */
int oci_manifest_rewrite(const char *bytes, size_t len, enum oci_format format,
	const struct oci_replacement *layers, size_t n, struct buf *out, const char **ret_type,
	struct err *e);
/* The same for the entries of an index; their media types follow the format. */
int oci_index_rewrite(const char *bytes, size_t len, enum oci_format format,
	const struct oci_replacement *entries, size_t n, struct buf *out, const char **ret_type,
	struct err *e);
