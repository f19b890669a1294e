/* The backends of transport/endpoint.h. */
#pragma once

#include "transport/endpoint.h"

int transport_from_registry(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e);
int transport_to_registry(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e);
/* oci: and oci-archive: */
int transport_from_layout(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e);
int transport_to_layout(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e);
int transport_from_docker(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e);
int transport_to_docker(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e);
int transport_from_dir(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e);
int transport_to_dir(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e);
int transport_from_store(const struct transport_place *p, const struct transport_world *w,
	struct transport_from **ret, struct err *e);
int transport_to_store(const struct transport_place *p, const struct transport_world *w,
	struct transport_to **ret, struct err *e);

/* An unnamed file for bytes that are put aside. */
int transport_spool_file(const struct transport_world *w, struct err *e);
/* An archive to read from: a file as it is when it can seek and is plain, else unpacked to a file
 * without a name. */
int transport_open_archive(
	const char *path, const struct transport_world *w, int *ret_fd, struct err *e);

/* Writes a blob as a file of a directory; it has its name when it is whole. One that is there with
 * the same size stays. */
int transport_put_file(int dir, const char *name, struct transport_blob *b, struct err *e);

/* The same for a blob that is made while it is written: its name is its hexadecimal digest. */
int transport_put_made(int dir, struct squeeze *q, struct err *e);
