/* Where a save goes: named files in a tar or in a directory. A name that is there already is not
 * written again: names are digests, or written once. */
#pragma once

#include "base/strv.h"

struct err;

struct transport_sink {
	int fd;
	bool is_dir;
	struct strv names; /* written so far */
};

void transport_sink_release(struct transport_sink *k);
#define cleanup_transport_sink cleanup(transport_sink_release)

bool transport_sink_has(const struct transport_sink *k, const char *name);
int transport_sink_dir(struct transport_sink *k, const char *name, struct err *e);
int transport_sink_bytes(
	struct transport_sink *k, const char *name, const void *p, size_t len, struct err *e);
/* size bytes of from, from its beginning */
int transport_sink_file(
	struct transport_sink *k, const char *name, int from, uint64_t size, struct err *e);
/* A tar only: a blob (transport/blob.h) as a file */
struct transport_blob;
int transport_sink_blob(
	struct transport_sink *k, const char *name, struct transport_blob *b, struct err *e);
/* A tar only: a blob that is made while it is written, as PREFIX HEX SUFFIX of its digest. tmp_dir: for
 * a tar that goes into a pipe. */
struct squeeze;
struct transport_made_name {
	const char *prefix, *suffix, *tmp_dir;
};
int transport_sink_made(struct transport_sink *k, const struct transport_made_name *name,
	struct squeeze *q, struct err *e);
/* Ends a tar. */
int transport_sink_finish(struct transport_sink *k, struct err *e);
