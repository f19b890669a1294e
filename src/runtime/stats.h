/*
 * What a container uses, as the document that runc prints for `events`, and the
 * moments in which the kernel kills one of its processes for want of memory.
 */
#pragma once

#include "base/defs.h"

struct err;

/* The object under "data": cpu, cpuset, memory, pids, blkio, hugetlb, network_interfaces; compact
 * JSON, the caller frees it. -ERR_STATE when the container has stopped. */
int runtime_stats(const char *state_dir, char **ret, struct err *e) must_check;

struct runtime_oom_watch {
	int fd; /* poll for POLLIN, then runtime_oom_count */
	char *path;
	int64_t seen;
};
#define RUNTIME_OOM_WATCH_INIT \
	{                      \
		-1, NULL, 0    \
	}
/* 1: watching; 0: this container has no group that counts memory */
int runtime_oom_watch(
	const char *state_dir, struct runtime_oom_watch *ret, struct err *e) must_check;
/* How many were killed since the last call; never blocks. */
int64_t runtime_oom_count(struct runtime_oom_watch *w);
void runtime_oom_release(struct runtime_oom_watch *w);
#define cleanup_runtime_oom cleanup(runtime_oom_release)
