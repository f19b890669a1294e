/*
 * What a build tells while it works. The library prints nothing: a command hands
 * in a function and shows what it likes. Everything in an event is borrowed for
 * the call.
 */
#pragma once

#include "base/defs.h"

struct build_stage;
struct build_step;
struct strv;

enum build_event_kind {
	BUILD_EVENT_CACHED,  /* step: its result was there already */
	BUILD_EVENT_START,   /* step begins; why: the reasons, at least one */
	BUILD_EVENT_OUTPUT,  /* text, len: bytes that the step's command wrote, as they come */
	BUILD_EVENT_DONE,    /* step ended well; ns: how long it took */
	BUILD_EVENT_FAILED,  /* step ended badly */
	BUILD_EVENT_SKIPPED, /* stage: not needed by the target */
	BUILD_EVENT_WOULD,   /* --explain: step would run; why */
	BUILD_EVENT_WARNING, /* text */
	BUILD_EVENT_FETCH,   /* name: an image that is fetched; text: a line about it */
	BUILD_EVENT_TICK,    /* nothing happened for a moment: time for a live display to redraw */
};

struct build_event {
	enum build_event_kind kind;
	const struct build_step *step;
	const struct build_stage *stage; /* the step's too; NULL for WARNING, FETCH and TICK */
	const struct strv *why;
	const char *name;
	const char *text;
	size_t len;
	int64_t ns;
};

typedef void (*build_event_fn)(void *arg, const struct build_event *ev);
