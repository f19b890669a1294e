/* events: what a container uses, every few seconds, and when the kernel kills for want of memory. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "cli/runtime/runtime.h"
#include "runtime/container.h"
#include "runtime/stats.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

enum { LOOK_MS = 250 }; /* how soon the end of a container is seen */

struct events_options {
	bool stats;
	const char *interval;
};

static int print_event(const char *type, const char *id, char *data, struct err *e)
{
	printf("{\"type\":\"%s\",\"id\":\"%s\"", type, id);
	if (data)
		printf(",\"data\":%s", data);
	puts("}");
	return fflush(stdout) == EOF ? err_sys(e, "write the event") : 0;
}

static int print_stats(const char *dir, const char *id, struct err *e)
{
	char *data = NULL;
	int r = runtime_stats(dir, &data, e);
	if (r == 0)
		r = print_event("stats", id, data, e);
	free(data);
	return r;
}

static bool ended(const char *dir)
{
	struct runtime_state *s cleanup_runtime_state = NULL;
	return runtime_state_load(dir, &s, NULL) < 0 || s->status == RUNTIME_STOPPED;
}

/* Until the container ends */
static int follow(const char *dir, const char *id, int64_t interval_ms, struct err *e)
{
	struct runtime_oom_watch w cleanup_runtime_oom = RUNTIME_OOM_WATCH_INIT;
	int r = runtime_oom_watch(dir, &w, e);
	int64_t next = clock_monotonic() / 1000000;
	while (r >= 0) {
		int64_t now = clock_monotonic() / 1000000;
		int64_t kills = runtime_oom_count(&w);
		for (; r >= 0 && kills > 0; kills--)
			r = print_event("oom", id, NULL, e);
		if (r >= 0 && ended(dir))
			return 0;
		if (r >= 0 && now >= next) {
			r = print_stats(dir, id, e);
			if (r == -ERR_STATE)
				return 0;
			next = now + interval_ms;
		}
		struct pollfd p = {w.fd, POLLIN, 0};
		int64_t wait = MIN(MAX(next - now, 1), LOOK_MS);
		if (r >= 0 && poll(&p, 1, (int)wait) < 0 && errno != EINTR)
			r = err_sys(e, "poll");
	}
	return r;
}

static int run(const struct call *c, struct err *e)
{
	const struct events_options *o = c->options;
	const char *id = c->operands[0];
	int64_t interval = 5000000000;
	cleanup_free char *dir = NULL;
	int r = state_path(id, &dir, e);
	if (r == 0 && o->interval &&
		(str_parse_duration(o->interval, &interval) < 0 || interval < 1000000))
		return err_set(e, ERR_USAGE, "--interval '%s': expected a time as 500ms or 5s",
			o->interval);
	if (r == 0)
		r = o->stats ? print_stats(dir, id, e) : follow(dir, id, interval / 1000000, e);
	/* these have the id already */
	if (r >= 0 || r == -ERR_NOT_FOUND || r == -ERR_STATE || r == -ERR_UNSUPPORTED)
		return MIN(r, 0);
	return err_wrap(e, r, "events of '%s'", id);
}

static const struct option_spec options[] = {
	OPT_FLAG(events_options, stats, "stats", 0, "print what it uses once, and end"),
	OPT_TEXT(events_options, interval, "interval", 0, "TIME", "between two (default 5s)"),
	{NULL},
};

const struct command cmd_events = {
	.name = "events",
	.operands = "ID",
	.text = "print what a container uses, and when memory ran out",
	.options = options,
	.size = sizeof(struct events_options),
	.min = 1,
	.max = 1,
	.run = run,
};
