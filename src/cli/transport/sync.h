/* One run of kist sync. */
#pragma once

#include "base/buf.h"
#include "cli/transport/copy.h"
#include "cli/transport/remote.h"

struct sync {
	struct cli *c;
	struct remote remote, dest_remote;
	struct copy_request q;
	const char *src, *dest;
	size_t done, failed;
	struct buf digests; /* what --digestfile gets */
};

struct sync_item {
	char *source;          /* "docker://...", as kist copy reads it */
	char *name;            /* "registry/path/app", or what stands for it */
	char *tag;             /* or a digest */
	struct remote *remote; /* of the source; NULL: the command's */
};
void sync_item_release(struct sync_item *i);
#define cleanup_sync_item cleanup(sync_item_release)

/* Copies one. Negative only when the whole is to end. */
int sync_item(struct sync *x, const struct sync_item *i);
/* Counts a failure, or ends the whole: as --keep-going says. e is used up. */
int sync_failed(struct sync *x, const char *what, int r, struct err *e);
/* sync_source.c: everything that SOURCE has, one after the other */
int sync_walk(struct sync *x, const char *source);
