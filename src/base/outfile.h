/*
 * A file that a person names for output. What is there as an ordinary file is replaced when all is
 * written, by a rename: until then the old one stays. Through a symbolic link its target is
 * replaced, never the link. What is no file (a pipe, a device, a descriptor of ours: /dev/stdout,
 * /dev/fd/N) is written to as it is.
 */
#pragma once

#include "base/defs.h"

struct err;

struct outfile {
	int fd;           /* to write to; -1: committed or released */
	char *path, *tmp; /* NULL: written directly */
};

/* Whatever it returns, outfile_release may follow. */
int outfile_open(struct outfile *o, const char *path, struct err *e);
/* It is there under its name. */
int outfile_commit(struct outfile *o, struct err *e);
void outfile_release(struct outfile *o); /* without commit: nothing is left */
#define cleanup_outfile cleanup(outfile_release)

/* Before long work: could a file be written there? NULL for path: nothing is asked for. */
int outfile_check(const char *path, struct err *e);

/* All of it at once: a digest, an id. NULL for path: nothing is asked for. */
int outfile_write(const char *path, const char *text, struct err *e);
