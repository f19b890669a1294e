/*
 * What a step needs to know of the image that it builds on, read through a
 * mount: users, and which of a container's mount points are missing. Kept from
 * step to step as long as no layer touches it.
 */
#pragma once

#include "base/buf.h"
#include "store/store.h"

struct err;
struct oci_user;
struct snapshot_mounts;
struct strv;

enum { BUILD_STUBS = 8 };

struct build_below {
	bool known;
	struct buf passwd, group;
	bool missing[BUILD_STUBS]; /* by build_stub_path */
	mode_t root_mode;
	uid_t root_uid;
	gid_t root_gid;
};
void build_below_release(struct build_below *b);

/* Reads it when it is not known. mounts: the build's (snapshot/mounts.h). */
int build_below_read(struct store *s, struct snapshot_mounts *mounts, const struct strv *diffids,
	struct build_below *b, struct err *e);
/* After a RUN whose changes lie in upper_fd: forgets what they may have touched. */
void build_below_update(struct build_below *b, int upper_fd);
void build_below_forget(struct build_below *b);
/* USER's text in this image */
int build_below_user(
	const struct build_below *b, const char *spec, struct oci_user *ret, struct err *e);
/* Takes mount points that the runtime made, and nothing else touched, out of an upper directory. */
void build_below_clean(const struct build_below *b, int upper_fd);
