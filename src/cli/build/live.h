/*
 * The live part of a build on a terminal: a line with the time for each step
 * that runs, and the last lines of its output below it; redrawn in place.
 */
#pragma once

#include "build/event.h"

#include <stdio.h>

struct live;

struct live *live_new(FILE *out);
void live_free(struct live *l);
void live_event(struct live *l, const struct build_event *ev);
void live_erase(struct live *l);

/* "[build 2/5]" of an event; the caller frees it. */
char *progress_place(const struct build_event *ev) must_check;
