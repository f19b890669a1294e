/*
 * Errors. A function that can fail returns an int: 0 or more is fine, a negative
 * value is -errno or one of the codes below, negated. The sentence for the
 * person is collected in a struct err that the caller owns.
 *
 * Life cycle: `struct err e = ERR_INIT;` on the stack, passed down as the last
 * argument, or NULL where nobody will read it. No heap, nothing to release.
 * Set once: a second err_set is ignored, so the first failure keeps its words.
 * err_wrap puts a context in front ("load image 'x': open 'y': No such file").
 * Text: lower case, the subject quoted, no full stop, never a secret.
 */
#pragma once

#include "base/defs.h"

enum err_code {
	ERR_FIRST = 4096,
	ERR_SYNTAX = ERR_FIRST, /* the input breaks its grammar */
	ERR_LIMIT,              /* a size beyond base/limits.h */
	ERR_DIGEST,             /* content and digest disagree */
	ERR_FORMAT,             /* well-formed, but not what its specification allows */
	ERR_UNSUPPORTED,        /* known and refused: not done by this version or host */
	ERR_NOT_FOUND,          /* a named image, container, stage ... is not there */
	ERR_EXISTS,             /* a name is taken */
	ERR_IN_USE,             /* cannot go, something needs it */
	ERR_STATE,              /* the object is in a state that forbids the operation */
	ERR_CHILD,              /* a process that we ran failed */
	ERR_INTERRUPTED,        /* a signal asked us to stop */
	ERR_NOEXEC,             /* program found, but it cannot be executed (exit status 126) */
	ERR_NOPROG,             /* program not found (exit status 127) */
	ERR_USAGE,              /* the command line is wrong */
};

struct err {
	int code; /* 0: nothing is set; else the positive code */
	char msg[2048];
	char hint[1024];
};

#define ERR_INIT          \
	{                 \
		0, "", "" \
	}

/* Each returns the negative code, so that `return err_set(e, ...)` reads well. code: positive. */
int err_set(struct err *e, int code, const char *fmt, ...) printf_like(3, 4);
/* As err_set with errno, and its text appended after ": ". errno must be of the failed call. */
int err_sys(struct err *e, const char *fmt, ...) printf_like(2, 3);
/* As err_sys, for a negative or positive errno held in r. */
int err_sysno(struct err *e, int r, const char *fmt, ...) printf_like(3, 4);
/* Puts "context: " before the message; sets it from r when nothing was set. Returns r. */
int err_wrap(struct err *e, int r, const char *fmt, ...) printf_like(3, 4);
/* What the person can do about it. The first hint stays. */
void err_hint(struct err *e, const char *fmt, ...) printf_like(2, 3);
/* Forgets everything, for a caller that goes on in another way. */
void err_clear(struct err *e);
/* The words of a code: errno's text or that of one of ours. Static storage. */
const char *err_text(int code);
