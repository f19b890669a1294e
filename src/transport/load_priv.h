/* One load: where from, into what, what has been found. */
#pragma once

#include "transport/load.h"
#include "transport/source_priv.h"

struct transport_load {
	struct store *store;
	const struct transport_load_options *o;
	struct transport_source *src;
	const char *path; /* absolute; NULL: it has none */
	size_t images;    /* stored so far */
};

/* The policy, for one image of what is loaded: its name there (NULL: none), its reference (NULL:
 * unknown), and the digests of its manifest and of the index above it (NULL: none). */
struct transport_load_asked {
	const char *transport, *name;
	const struct oci_reference *ref;
	const char *digest, *index_digest;
};
int transport_load_ask(
	struct transport_load *l, const struct transport_load_asked *a, struct err *e);

/* docker's manifest.json is there */
int transport_load_docker(struct transport_load *l, struct err *e);
/* index.json of a layout is there */
int transport_load_layout(struct transport_load *l, struct err *e);

/* Tells the caller of an image that is stored now. */
int transport_load_tell(
	struct transport_load *l, const struct strv *tags, const char *id, struct err *e);
