/*
 * What the extended headers before an entry say about it: pax records (POSIX.1-
 * 2017 pax, "pax Extended Header") and GNU's long names. Bytes in, data out.
 */
#pragma once

#include "base/buf.h"
#include "layer/entry.h"

struct err;

struct tar_pax {
	bool has_path, has_linkpath, has_size, has_uid, has_gid, has_mtime;
	struct buf path;
	struct buf linkpath;
	uint64_t size;
	uint64_t uid;
	uint64_t gid;
	int64_t mtime;
	uint32_t mtime_ns;
	struct buf xattr_bytes; /* name, 0, value, 0 of each */
	struct tar_pax_xattr {
		uint32_t name; /* offsets into xattr_bytes */
		uint32_t value;
		uint32_t len;
	} * xattrs;
	size_t n_xattrs;
	size_t cap_xattrs;
	struct layer_xattr *list; /* what tar_pax_xattrs gave last */
};

void tar_pax_release(struct tar_pax *x);
void tar_pax_clear(struct tar_pax *x); /* for the next entry; memory kept */
/* Takes the data of an 'x' header. */
int tar_pax_parse(struct tar_pax *x, const char *p, size_t len, struct err *e);
/* The attributes as an array, valid until the next change. */
const struct layer_xattr *tar_pax_xattrs(struct tar_pax *x);
/* "-12.5" to seconds and nanoseconds; false when it is no such number. */
bool tar_pax_time(const char *p, size_t len, int64_t *ret_s, uint32_t *ret_ns);
