/*
 * The layers of an image from the store to a registry, several at a time. For each, in
 * this order: is a form of it there; can the registry take it from another of its
 * repositories; have we its compressed bytes; else it is compressed while it goes.
 */
#pragma once

#include "oci/media_type.h"
#include "store/layer.h"
#include "transport/progress.h"
#include "transport/push.h"

struct err;
struct oci_image_config;
struct oci_manifest;
struct registry_repo;

struct transport_send {
	struct store *store;
	struct registry_repo *repo;
	const struct transport_push_options *o;
	const struct oci_manifest *came; /* the manifest that the image came with; NULL: none */
};

/* What a layer is in the registry now */
struct transport_sent {
	char digest[STORE_DIGEST_MAX];
	uint64_t size;
	enum oci_compression compression;
};

/* ret: one for each diffID of c, in their order. sum is added to. */
int transport_send_layers(const struct transport_send *x, const struct oci_image_config *c,
	struct transport_sent *ret, struct transport_pushed *sum, struct err *e);
