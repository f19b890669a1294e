/*
 * A container's output on disk: files log (the newest), log.1, log.2 ... in its
 * directory, rotated by size. One record a line, in the form that Kubernetes' CRI
 * defines:
 *
 *	2026-11-22T06:24:59.123456789Z stdout F the line's bytes
 *
 * P instead of F: the line goes on in the next record of the same stream. Times are
 * UTC with nine digits. Needs libc only.
 */
#pragma once

#include "base/defs.h"

struct err;

#define ENGINE_LOG_MAX_SIZE (10 * 1024 * 1024)
#define ENGINE_LOG_MAX_FILE 3
#define ENGINE_LOG_HEADER   48 /* time, stream, tag and blanks */

enum engine_stream {
	ENGINE_STDOUT,
	ENGINE_STDERR,
};

struct engine_log {
	int dirfd; /* borrowed */
	int fd;
	uint64_t size, max_size;
	unsigned max_files;
	bool broken; /* a write failed (full disk): what follows is dropped until one succeeds */
};

/* max_size 0, max_files 0: the defaults. The file is made by the first write. */
void engine_log_init(struct engine_log *l, int dirfd, uint64_t max_size, unsigned max_files);
void engine_log_close(struct engine_log *l);
/* Appends what was read at time now. Never blocks longer than the disk; never fails: a full disk
 * loses log lines, not the container. */
void engine_log_write(
	struct engine_log *l, enum engine_stream stream, int64_t now, const char *p, size_t len);

struct engine_log_record {
	int64_t time;
	enum engine_stream stream;
	bool partial;
	const char *text; /* borrowed for the call; without the newline */
	size_t len;
};
/* One line of a file, without its newline. 0 or -EINVAL. */
int engine_log_parse(const char *line, size_t len, struct engine_log_record *ret);

struct engine_log_options {
	int64_t tail;         /* the last so many lines; -1: all */
	int64_t since, until; /* ns; 0: no bound */
	bool follow;
	int alive_fd; /* follow: a pidfd of the monitor; when it ends so does the log. -1: none */
	bool (*stop)(void *arg); /* follow: asked after an interrupted wait; may be NULL */
	int (*each)(
		const struct engine_log_record *r, void *arg); /* negative ends and is returned */
	void *arg;
};
/* dir: the container's directory. */
int engine_log_read(int dirfd, const struct engine_log_options *o, struct err *e);
