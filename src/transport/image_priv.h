/* Making an image known, from its config: what load, import and commit share. */
#pragma once

#include "base/strv.h"
#include "store/store.h"

struct err;
struct oci_image_config;

struct transport_image {
	const char *config; /* bytes of the config document */
	size_t len;
	const char *expected;    /* the digest they must have, or NULL */
	const struct strv *tags; /* normal references; may be empty */
};

/* Layers must be in the store. Stores the config, the image and its tags; ret_id gets the id. */
int transport_image_put(struct store *s, const struct transport_image *img,
	char ret_id[STORE_DIGEST_MAX], struct err *e);
