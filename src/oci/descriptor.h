/* Content descriptors and platforms (image-spec, descriptor.md and image-index.md). */
#pragma once

#include "base/defs.h"
#include "base/strv.h"
#include "oci/digest.h"

struct err;
struct json_t;

#define OCI_ANNOTATION_REF_NAME "org.opencontainers.image.ref.name"
/* The whole reference, as containerd and BuildKit write it beside the tag. */
#define OCI_ANNOTATION_IMAGE_NAME "io.containerd.image.name"

struct oci_platform {
	char *os, *architecture, *variant; /* NULL: not given */
};
void oci_platform_release(struct oci_platform *p);

struct oci_descriptor {
	char *media_type; /* "" when absent */
	char digest[OCI_DIGEST_MAX];
	uint64_t size;
	bool has_platform;
	struct oci_platform platform;
	struct strv annotations; /* NAME=VALUE; strv_env_get reads one */
	char *artifact_type;     /* in an index, of the manifest; NULL when absent */
	struct strv urls;        /* a foreign layer: where else it can be had */
};
void oci_descriptor_release(struct oci_descriptor *d);
#define cleanup_oci_descriptor cleanup(oci_descriptor_release)

/* From an object of a parsed document; where is its JSON path for errors ("layers[2]"). */
int oci_descriptor_parse(
	struct json_t *o, const char *where, struct oci_descriptor *ret, struct err *e);
/* A new JSON object, the caller's. */
struct json_t *oci_descriptor_format(const struct oci_descriptor *d) must_check;
void oci_descriptor_copy(struct oci_descriptor *dst, const struct oci_descriptor *src);

/* "linux/arm64/v8", "linux/arm64", "arm64" (then linux is meant), as docker's --platform. ret is
 * written on success only. -EINVAL; -ERR_UNSUPPORTED for another system than linux. */
int oci_platform_parse(const char *text, struct oci_platform *ret, struct err *e);
/* "linux/arm64/v8"; the caller frees it. */
char *oci_platform_format(const struct oci_platform *p) must_check;

/* This machine in OCI's words: "amd64", "arm64" and variant ("v8", "v7", or ""). Static. */
const char *oci_platform_arch(void);
const char *oci_platform_variant(void);
/* Whether an image for p (NULL members fit everything) can run here. */
bool oci_platform_fits(const struct oci_platform *p);
/* Whether an image for p is what `want` asks for (NULL: this machine): 2: exactly, 1: it runs there
 * (an older ARM variant), 0: no. */
int oci_platform_match(const struct oci_platform *p, const struct oci_platform *want);
