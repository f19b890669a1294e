/* Media types of image-spec 1.1 and of Docker's schema 2, and what each says about the bytes. */
#pragma once

#include "base/defs.h"

#define OCI_TYPE_MANIFEST   "application/vnd.oci.image.manifest.v1+json"
#define OCI_TYPE_INDEX      "application/vnd.oci.image.index.v1+json"
#define OCI_TYPE_CONFIG     "application/vnd.oci.image.config.v1+json"
#define OCI_TYPE_LAYER      "application/vnd.oci.image.layer.v1.tar"
#define OCI_TYPE_LAYER_GZIP "application/vnd.oci.image.layer.v1.tar+gzip"
#define OCI_TYPE_LAYER_ZSTD "application/vnd.oci.image.layer.v1.tar+zstd"
#define OCI_TYPE_EMPTY      "application/vnd.oci.empty.v1+json"

#define OCI_TYPE_DOCKER_MANIFEST   "application/vnd.docker.distribution.manifest.v2+json"
#define OCI_TYPE_DOCKER_LIST       "application/vnd.docker.distribution.manifest.list.v2+json"
#define OCI_TYPE_DOCKER_CONFIG     "application/vnd.docker.container.image.v1+json"
#define OCI_TYPE_DOCKER_LAYER      "application/vnd.docker.image.rootfs.diff.tar"
#define OCI_TYPE_DOCKER_LAYER_GZIP "application/vnd.docker.image.rootfs.diff.tar.gzip"
#define OCI_TYPE_DOCKER_LAYER_ZSTD "application/vnd.docker.image.rootfs.diff.tar.zstd"

enum oci_kind {
	OCI_KIND_OTHER,
	OCI_KIND_MANIFEST,
	OCI_KIND_INDEX,
	OCI_KIND_CONFIG,
	OCI_KIND_LAYER,
};

enum oci_compression {
	OCI_COMPRESSION_NONE,
	OCI_COMPRESSION_GZIP,
	OCI_COMPRESSION_ZSTD,
};

/* Parameters after ';' do not count. NULL and "" are OTHER. */
enum oci_kind oci_media_type_kind(const char *type);
/* Of a layer's type; NONE for every other type. */
enum oci_compression oci_media_type_compression(const char *type);
const char *oci_media_type_layer(enum oci_compression c); /* OCI's name; static */
/* "none", "gzip", "zstd" */
const char *oci_compression_name(enum oci_compression c);
int oci_compression_parse(const char *name, enum oci_compression *ret); /* -EINVAL */
