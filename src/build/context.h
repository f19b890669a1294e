/*
 * struct build_context: the directory that COPY and ADD take their files from,
 * the Dockerfile that goes with it, and what .dockerignore leaves out.
 *
 * It is a directory of the host, or what came through standard input: a tar
 * (plain or compressed), unpacked below a directory of the caller's, or a
 * Dockerfile alone, with an empty context.
 *
 * Links inside a context are resolved inside it; one that points outside is an
 * error where it would have to be followed.
 */
#pragma once

#include "base/buf.h"
#include "base/defs.h"
#include "dockerfile/ignore.h"

#include <signal.h>

struct err;

struct build_context {
	int fd;            /* the directory; -1: empty context */
	char *path;        /* absolute, without links; "-" for standard input */
	char *file_name;   /* of the Dockerfile, as messages name it */
	char *file_path;   /* where it really lies, absolute; "-" for standard input */
	struct buf file;   /* its bytes */
	char *ignore_name; /* of the ignore file, or NULL */
	struct buf ignore_bytes;
	struct dockerfile_ignore *ignore; /* NULL: nothing is left out */
};
void build_context_release(struct build_context *c);
#define cleanup_build_context cleanup(build_context_release)

struct build_context_options {
	const char *path; /* directory, or "-": standard input */
	const char *file; /* -f; NULL: "Dockerfile" of the context; "-": standard input */
	int stdin_fd;
	/* where a tar from standard input is unpacked: a directory that the caller removes; called
	 * only when there is one */
	int (*unpack_dir)(void *arg, struct err *e);
	/* The Dockerfile of a tar that is still being read, as early as it is known; what is found in the
	 * end may be another one. May be NULL. */
	void (*early)(void *arg, const struct buf *file);
	const volatile sig_atomic_t *stop; /* may be NULL */
	void *arg;
};

/* Finds and reads the Dockerfile and its ignore file (NAME.dockerignore beside it, else
 * .dockerignore of the context). -f is looked for from the current directory, as docker does, then
 * in the context. ret is overwritten. */
int build_context_open(
	const struct build_context_options *o, struct build_context *ret, struct err *e);

/* Why path (clean, relative) is not part of the context: the pattern's verdict on it or on the
 * nearest parent that hides it; excluded false when it is part of it. */
struct dockerfile_ignore_verdict build_context_verdict(
	const struct build_context *c, const char *path);
