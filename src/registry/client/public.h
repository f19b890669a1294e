/*
 * What lies anywhere on the web, for everybody: no credentials, no repository, no endpoint.
 */
#pragma once

#include "registry/client/client.h"

struct buf;

/* GET of an http or https URL with the client's proxies, retries and stop flag; plain http to
 * loopback only. b->max bounds the answer (set it). -ERR_NOT_FOUND: 404 or 410. */
int registry_get_public(struct registry_client *c, const char *url, struct buf *b, struct err *e);
