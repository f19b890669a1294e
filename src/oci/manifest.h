/*
 * Manifests and indexes (image-spec manifest.md, image-index.md) and Docker's
 * schema 2 manifests and lists, which have the same shape. Bytes are not trusted.
 */
#pragma once

#include "base/defs.h"
#include "oci/descriptor.h"
#include "oci/media_type.h"

struct buf;
struct err;

struct oci_manifest {
	char *media_type; /* as written, or what the shape says when absent */
	char *artifact_type;
	struct oci_descriptor config;
	struct oci_descriptor *layers; /* lowest first */
	size_t nlayers;
	bool has_subject;
	struct oci_descriptor subject;
	struct strv annotations;
};
void oci_manifest_release(struct oci_manifest *m);
#define cleanup_oci_manifest cleanup(oci_manifest_release)

struct oci_index {
	char *media_type;
	char *artifact_type;
	struct oci_descriptor *manifests;
	size_t nmanifests;
	struct strv annotations;
};
void oci_index_release(struct oci_index *i);
#define cleanup_oci_index cleanup(oci_index_release)

/* Of a document whose media type nobody stated: MANIFEST, INDEX, or -ERR_FORMAT. */
int oci_manifest_kind(const char *bytes, size_t len, enum oci_kind *ret, struct err *e);
/* ret is overwritten; on failure it is left empty. Checks: schemaVersion 2, a config, at most
 * LIMIT_LAYERS layers, digests and sizes. */
int oci_manifest_parse(
	const char *bytes, size_t len, struct oci_manifest *ret, struct err *e) must_check;
void oci_manifest_format(const struct oci_manifest *m, struct buf *out);
int oci_index_parse(const char *bytes, size_t len, struct oci_index *ret, struct err *e) must_check;
void oci_index_format(const struct oci_index *i, struct buf *out);
/* Appends a copy. */
void oci_manifest_add_layer(struct oci_manifest *m, const struct oci_descriptor *d);
void oci_index_add(struct oci_index *i, const struct oci_descriptor *d);
/* The entry of an index that runs on this machine: an exact variant before none; attestations
 * ("unknown/unknown") never. -ERR_NOT_FOUND lists what there is. */
int oci_index_select(const struct oci_index *i, const struct oci_descriptor **ret, struct err *e);
/* The same for another platform; NULL: this machine. */
int oci_index_select_for(const struct oci_index *i, const struct oci_platform *want,
	const struct oci_descriptor **ret, struct err *e);
/* An entry that is no image but says something about one (BuildKit's "unknown/unknown"). */
bool oci_index_is_attestation(const struct oci_descriptor *d);
