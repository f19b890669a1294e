/*
 * The one gate for what arrives: every manifest and index that a registry gave
 * passes here, with the name under which it was asked for, before a layer of it is
 * fetched and before anything of it becomes visible.
 */
#pragma once

#include "base/defs.h"

struct err;
struct oci_image_config;
struct oci_platform;

struct transport_arrival {
	const char *reference; /* normal form: "docker.io/library/alpine:3.18", or with a digest */
	const char *digest;    /* that the bytes must have */
	const void *bytes;     /* the document, exactly as it came */
	size_t len;
};

/* -ERR_DIGEST, -ERR_LIMIT: refused; nothing of it may be used. */
int transport_accept(const struct transport_arrival *a, struct err *e);

/* An image that no index has chosen says itself what it is for. want: what a person asked for;
 * NULL: anything. -ERR_NOT_FOUND. */
int transport_accept_platform(
	const struct oci_image_config *c, const struct oci_platform *want, struct err *e);
