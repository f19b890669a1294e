/* What a transfer takes from a struct http_tls. */
#pragma once

#include "base/buf.h"
#include "http/tls.h"

struct http_tls {
	struct buf ca;    /* PEM of the added authorities; empty: the system's alone */
	char *cert, *key; /* paths; NULL: none */
	bool insecure;
};

/* Appends the system's authorities, one file. */
int http_tls_system(const char *path, struct buf *out);
