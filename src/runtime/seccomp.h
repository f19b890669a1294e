/*
 * System call filters: the `linux.seccomp` section of a runtime config, the
 * default profile that containers expect, and profiles in Docker's format, which
 * depend on capabilities, architecture and kernel.
 */
#pragma once

#include "base/defs.h"

struct buf;
struct err;

/* The arguments of a condition; op in the words of the specification: SCMP_CMP_EQ ... */
enum { RUNTIME_SECCOMP_ARGS = 6 };

/* What decides how a profile resolves. arch: Docker's word, "amd64", "arm64" ... */
struct runtime_seccomp_host {
	const char *arch;
	unsigned kernel_major, kernel_minor;
};
/* From uname(2). */
void runtime_seccomp_host_get(struct runtime_seccomp_host *ret);

/* Our default profile as a `linux.seccomp` object (JSON text appended to out), for a container
 * whose bounding set is `caps` (bit n: capability n). Pure. */
int runtime_seccomp_default(
	uint64_t caps, const struct runtime_seccomp_host *host, struct buf *out, struct err *e);

/* A profile in Docker's format (with archMap, includes, excludes) or already in the
 * specification's, as a `linux.seccomp` object for these capabilities. Pure. Errors name the
 * JSON path. */
int runtime_seccomp_resolve(const char *profile, size_t len, uint64_t caps,
	const struct runtime_seccomp_host *host, struct buf *out, struct err *e);
