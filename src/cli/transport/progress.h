/*
 * How a pull, push or copy looks: on a terminal one line a layer, redrawn in place, and a
 * total; elsewhere a line at each change of a layer's state. Everything goes to
 * standard error, so that standard output holds the result alone.
 */
#pragma once

#include "transport/progress.h"

enum progress_way {
	PROGRESS_PULL,
	PROGRESS_PUSH,
	PROGRESS_COPY,
};

struct progress;
struct progress *progress_new(enum progress_way way, bool quiet);
/* Ends the live part, prints the total of what flowed. NULL is fine. */
void progress_free(struct progress *p);
DEFINE_CLEANUP(struct progress *, progress_free)
#define cleanup_progress cleanup(progress_free_cleanup)

/* For the options of transport/pull.h and push.h; borrowed from p. Quiet: still notes. */
const struct transport_progress *progress_listener(struct progress *p);
/* A line that does not disturb the live part; from any thread. */
void progress_note(void *p, const char *line);
