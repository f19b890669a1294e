/*
 * Images from the store to a registry. An image that came from outside leaves with the
 * manifest with which it came, whenever its layers can be had in that form: kept
 * compressed bytes, or a registry that has them. Layers made here are compressed
 * on all cores while they are sent; nothing of that is stored.
 */
#pragma once

#include "oci/media_type.h"
#include "oci/reference.h"
#include "store/store.h"

#include <signal.h>

struct err;
struct registry_client;
struct registry_config;
struct registry_open_options;
struct transport_progress;

enum transport_manifest_format {
	TRANSPORT_MANIFEST_AS_IT_CAME, /* OCI for what was made here */
	TRANSPORT_MANIFEST_OCI,
	TRANSPORT_MANIFEST_DOCKER, /* schema 2; has no zstd layers */
};
int transport_manifest_format_parse(/* "oci", "v2s2" (also "docker"). -EINVAL */
	const char *name, enum transport_manifest_format *ret);

struct transport_push_options {
	struct registry_client *client;
	const struct registry_config *config;       /* NULL: an empty one */
	const struct registry_open_options *remote; /* NULL: the defaults */
	/* The image's name here: when it came in several forms, the one of this repository goes. NULL:
	 * the newest. */
	const char *name;
	bool any_compression; /* of layers: as they came, gzip for the others; else: */
	enum oci_compression compression;
	int level; /* of zstd; 0: the default */
	enum transport_manifest_format format;
	bool preserve_digest; /* fail rather than make another manifest than the one it came with */
	bool all_platforms;   /* the index that the image came with, and all its images */
	unsigned jobs;        /* layers at a time; 0: a few */
	const volatile sig_atomic_t *stop;
	const struct transport_progress *progress;
};

struct transport_pushed {
	char name[OCI_REFERENCE_MAX];  /* where it is now */
	char digest[STORE_DIGEST_MAX]; /* of the manifest or index there */
	uint64_t size;                 /* of that document */
	uint64_t sent;                 /* bytes of layers and configs */
	size_t blobs_sent, blobs_there, blobs_mounted;
};

/*
 * id: of the image. destination: a reference with a domain; a digest instead of a tag must be that
 * of the manifest. The registry has everything when it returns 0; after a failure no manifest, and
 * the layers that were complete.
 */
int transport_push(struct store *s, const char *id, const struct oci_reference *destination,
	const struct transport_push_options *o, struct transport_pushed *ret, struct err *e);
