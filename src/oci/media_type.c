/* One table of media types; everything else asks it. */
#include "oci/media_type.h"

#include "base/str.h"

#include <errno.h>
#include <string.h>

static const struct {
	const char *name;
	enum oci_kind kind;
	enum oci_compression compression;
} types[] = {
	{OCI_TYPE_MANIFEST, OCI_KIND_MANIFEST, OCI_COMPRESSION_NONE},
	{OCI_TYPE_DOCKER_MANIFEST, OCI_KIND_MANIFEST, OCI_COMPRESSION_NONE},
	{OCI_TYPE_INDEX, OCI_KIND_INDEX, OCI_COMPRESSION_NONE},
	{OCI_TYPE_DOCKER_LIST, OCI_KIND_INDEX, OCI_COMPRESSION_NONE},
	{OCI_TYPE_CONFIG, OCI_KIND_CONFIG, OCI_COMPRESSION_NONE},
	{OCI_TYPE_DOCKER_CONFIG, OCI_KIND_CONFIG, OCI_COMPRESSION_NONE},
	{OCI_TYPE_LAYER, OCI_KIND_LAYER, OCI_COMPRESSION_NONE},
	{OCI_TYPE_LAYER_GZIP, OCI_KIND_LAYER, OCI_COMPRESSION_GZIP},
	{OCI_TYPE_LAYER_ZSTD, OCI_KIND_LAYER, OCI_COMPRESSION_ZSTD},
	{OCI_TYPE_DOCKER_LAYER, OCI_KIND_LAYER, OCI_COMPRESSION_NONE},
	{OCI_TYPE_DOCKER_LAYER_GZIP, OCI_KIND_LAYER, OCI_COMPRESSION_GZIP},
	{OCI_TYPE_DOCKER_LAYER_ZSTD, OCI_KIND_LAYER, OCI_COMPRESSION_ZSTD},
	{"application/vnd.docker.image.rootfs.diff.tar.xz", OCI_KIND_OTHER, OCI_COMPRESSION_NONE},
	/* Layers that registries were not to pass on: read like the others. */
	{"application/vnd.oci.image.layer.nondistributable.v1.tar", OCI_KIND_LAYER,
		OCI_COMPRESSION_NONE},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", OCI_KIND_LAYER,
		OCI_COMPRESSION_GZIP},
	{"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", OCI_KIND_LAYER,
		OCI_COMPRESSION_ZSTD},
	{"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", OCI_KIND_LAYER,
		OCI_COMPRESSION_GZIP},
};

static ssize_t media_type_find(const char *type)
{
	if (!type)
		return -1;
	size_t len = strcspn(type, "; \t");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (strlen(types[i].name) == len && !strncasecmp(types[i].name, type, len))
			return (ssize_t)i;
	return -1;
}

enum oci_kind oci_media_type_kind(const char *type)
{
	ssize_t i = media_type_find(type);
	return i < 0 ? OCI_KIND_OTHER : types[i].kind;
}

enum oci_compression oci_media_type_compression(const char *type)
{
	ssize_t i = media_type_find(type);
	return i < 0 ? OCI_COMPRESSION_NONE : types[i].compression;
}

const char *oci_media_type_layer(enum oci_compression c)
{
	switch (c) {
	case OCI_COMPRESSION_GZIP:
		return OCI_TYPE_LAYER_GZIP;
	case OCI_COMPRESSION_ZSTD:
		return OCI_TYPE_LAYER_ZSTD;
	case OCI_COMPRESSION_NONE:
		break;
	}
	return OCI_TYPE_LAYER;
}

static const char *const compressions[] = {
	[OCI_COMPRESSION_NONE] = "none",
	[OCI_COMPRESSION_GZIP] = "gzip",
	[OCI_COMPRESSION_ZSTD] = "zstd",
};

const char *oci_compression_name(enum oci_compression c)
{
	return compressions[c];
}

int oci_compression_parse(const char *name, enum oci_compression *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(compressions); i++) {
		if (str_eq(name, compressions[i])) {
			*ret = (enum oci_compression)i;
			return 0;
		}
	}
	return -EINVAL;
}
