/*
 * What a pull or a push tells about its parts while it works: an item a layer,
 * config or manifest. Plain data: how it looks is decided by who listens.
 */
#pragma once

#include "oci/digest.h"

enum transport_item_state {
	TRANSPORT_WAITING, /* for its turn */
	TRANSPORT_BUSY,    /* another kist fetches the same blob: its result will be used */
	TRANSPORT_RUNNING, /* bytes flow; from > 0: it went on from there */
	TRANSPORT_STORING, /* all bytes are there; the rest of them is unpacked and verified */
	/* the end */
	TRANSPORT_EXISTS,  /* nothing to do: it is where it shall be */
	TRANSPORT_MOUNTED, /* the registry took it from another repository */
	TRANSPORT_DONE,
	TRANSPORT_FAILED,
};

struct transport_item {
	char digest
		[OCI_DIGEST_MAX]; /* as it travels; of a layer that is still to be compressed: its
					diffID */
	const char *what;         /* "layer", "config": static */
	enum transport_item_state state;
	uint64_t size; /* bytes as it travels; 0: not known */
	uint64_t done; /* of them, with those that were there before */
	uint64_t from; /* those that were there before */
};

struct transport_progress {
	/* Called in the caller's thread, at each change of a state and ten times a second in
	 * between. items are borrowed for the call. Never NULL when the struct is given. */
	void (*show)(void *ctx, const struct transport_item *items, size_t n);
	/* One line that is worth telling: "layer sha256:...: 12 bytes were damaged: fetched again". */
	void (*note)(void *ctx, const char *line);
	void *ctx;
};
