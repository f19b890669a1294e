/*
 * How a build is shown: plain lines, a live display on a terminal, or nothing.
 * Goes to standard error; --explain, whose answer it is, to standard output.
 */
#pragma once

#include "build/event.h"

#include <stdio.h>

struct build_graph;

enum progress_mode {
	PROGRESS_PLAIN,
	PROGRESS_TTY,
	PROGRESS_QUIET,
};

struct progress;

/* every_reason: all of them, not only the first few (--explain) */
struct progress *progress_new(FILE *out, enum progress_mode mode, bool every_reason);
void progress_free(struct progress *p);
void progress_event(void *p, const struct build_event *ev); /* a build_event_fn */
/* Takes the live part off the terminal, for whoever writes next. */
void progress_pause(struct progress *p);
