/* The kinds of namespaces: their words, files and flags; joining one that a path names. */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

struct err;

struct ns_kind {
	const char *word; /* in configs: "network" */
	const char *file; /* below /proc/PID/ns: "net" */
	uint64_t flag;    /* CLONE_NEWNET */
};
/* By enum runtime_ns_kind, in the order in which they are joined */
extern const struct ns_kind ns_kinds[RUNTIME_NS_KINDS];

/* Describes a setns(fd, flag) that failed with `error`: a path of another kind is named as such.
 * Returns the negative code. */
int ns_join_error(int fd, const char *path, uint64_t flag, int error, struct err *e);
/* 1: the path is the namespace of this kind that this process is in, or the kernel has none of the
 * kind; 0: another one; -errno. */
int ns_is_own(enum runtime_ns_kind kind, const char *path);
