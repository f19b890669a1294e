/*
 * The file `state` in the directory of a container, one for all that outlives its maker: creating
 * and removing a file is what costs when a container starts.
 *
 *   PID STARTTIME PID   padded with blanks to STATE_RECORD bytes, blank until the first process
 *                       waits for its start; written in place, hence the number twice
 *   {...}               one line of JSON: what state.c keeps
 *   {...}               the config as it was read at create, to the end of the file
 */
#pragma once

#include "base/buf.h"
#include "base/defs.h"

#define STATE_FILE   "state"
#define SOCKET_FILE  "start.sock" /* while a container made with RUNTIME_START_LATER waits */
#define STATE_RECORD 48

struct err;

struct state_file {
	struct buf text;
	pid_t pid; /* 0: none is recorded */
	uint64_t start_time;
	const char *state, *config; /* into text; not terminated */
	size_t state_len, config_len;
};

/* In a directory that was made a moment ago; a reader takes a half-written file for an absent one.
 */
int state_file_create(
	int dir, const char *state, const char *config, size_t config_len, struct err *e);
int state_file_write_pid(int dir, pid_t pid, uint64_t start_time, struct err *e);
/* -ERR_NOT_FOUND: no file, or its maker died while it wrote it. Release what was read. */
int state_file_read(int dir, struct state_file *ret, struct err *e);
/* Puts another state and config (NULL: those that were read) in place of a file that was read. */
int state_file_replace(
	int dir, const struct state_file *f, const char *state, const char *config, struct err *e);
void state_file_release(struct state_file *f);
#define cleanup_state_file cleanup(state_file_release)
/* Removes the directory and what a container keeps in it. */
int state_dir_remove(const char *state_dir, struct err *e);
