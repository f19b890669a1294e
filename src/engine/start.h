/*
 * Starting a created or stopped container. The calling process forks the monitor,
 * which sets the container up with the runtime in-process (so that the container's
 * first process is its child), reports, and then either becomes `kist-monitor` or,
 * for a foreground client, does its work in place.
 */
#pragma once

#include "engine/container.h"

struct engine_start_options {
	bool attach;   /* the caller wants the client's end of the socket */
	bool in_place; /* the monitor stays in this program while the client is there */
	bool commit;   /* the container is planned only: its row is written while it is set up */
	uint16_t rows, columns;
};

struct engine_started {
	int client;     /* see attach.h; -1 without attach */
	int pidfd;      /* of the container's first process, for signals */
	pid_t monitor;  /* our child; it ends by itself */
	bool committed; /* also on failure: the container is there */
};
#define ENGINE_STARTED_INIT      \
	{                        \
		-1, -1, 0, false \
	}
void engine_started_release(struct engine_started *s);
#define cleanup_engine_started cleanup(engine_started_release)

/* Returns when the program runs. -ERR_NOPROG, -ERR_NOEXEC: 127, 126. -ERR_STATE when it runs
 * already. On failure nothing of the run is left, the container stays. */
int engine_start(struct engine *g, struct engine_container *c, const struct engine_start_options *o,
	struct engine_started *ret, struct err *e);

/* For the process that a monitor has become (its lock is dir_fd, taken over): after the end,
 * clean up and remove an --rm container; or start it again and become the monitor. */
int engine_after_end(struct engine *g, const char *id, int dir_fd, struct err *e);
int engine_restart(struct engine *g, const char *id, int dir_fd, struct err *e);

/* Connects to the monitor of a running container; client and pidfd are filled. -ERR_STATE. */
int engine_attach_open(struct engine *g, const struct engine_container *c,
	struct engine_started *ret, struct err *e);
