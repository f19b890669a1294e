/*
 * struct engine_state: the record of one run of a container, in its file `state`.
 * Text, one "name value" a line, the last line is "end": a reader that does not see
 * it reads again. The monitor alone writes it, in place (a descriptor that is held
 * stays good when the container is removed), so a reader who opened it before the
 * container ended learns the exit status even of one that removes itself.
 * Needs libc only.
 */
#pragma once

#include "base/defs.h"

struct err;

enum engine_status {
	ENGINE_CREATED,
	ENGINE_RUNNING,
	ENGINE_PAUSED, /* never written: seen from the cgroup */
	ENGINE_RESTARTING,
	ENGINE_REMOVING,
	ENGINE_EXITED,
	ENGINE_DEAD, /* never written: it should run, but its boot or its process has gone */
};
const char *engine_status_name(enum engine_status s); /* "created", ... */

enum engine_health {
	ENGINE_HEALTH_NONE,
	ENGINE_HEALTH_STARTING,
	ENGINE_HEALTH_HEALTHY,
	ENGINE_HEALTH_UNHEALTHY,
};
const char *engine_health_name(enum engine_health h);

#define ENGINE_STATE_PORTS 2048 /* published ports as text, cut at a comma when longer */

struct engine_state {
	enum engine_status status;
	pid_t pid, monitor;                /* 0: none */
	uint64_t pid_start, monitor_start; /* proc_start_time */
	char boot[40];                     /* boot id in which it was written */
	int64_t started, finished;         /* ns since 1970, 0: not yet */
	int exit_code;                     /* as docker's: 0..255 */
	bool oom_killed;
	unsigned restarts;
	unsigned backoff_ms; /* the wait before the last restart */
	enum engine_health health;
	unsigned health_failures;
	char ip[16], gateway[16], mac[18];
	unsigned prefix;
	char ports[ENGINE_STATE_PORTS]; /* network_port_format, joined with ", " */
	char error[512];                /* why the start failed; one line */
};

/* path: ROOT/containers/ID/state. 0; -ENOENT when there is none (e untouched). */
int engine_state_load(int dirfd, const char *path, struct engine_state *ret, struct err *e);
/* From a descriptor that is kept open. */
int engine_state_read(int fd, struct engine_state *ret, struct err *e);
/* In place; when missing, made whole at once. */
int engine_state_save(int dirfd, const char *path, const struct engine_state *s, struct err *e);
/* Pure: text of at most ENGINE_STATE_TEXT bytes, its length returned; and back. */
enum { ENGINE_STATE_TEXT = 4096 };
size_t engine_state_format(const struct engine_state *s, char out[ENGINE_STATE_TEXT]);
int engine_state_parse(const char *text, size_t len, struct engine_state *ret);
