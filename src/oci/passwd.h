/*
 * Users from the bytes of an image's /etc/passwd and /etc/group, after docker's
 * rules. Bytes are not trusted: a line that is not well formed is skipped.
 */
#pragma once

#include "base/defs.h"

struct err;

struct oci_user {
	uint32_t uid, gid;
	uint32_t *groups; /* additional gids: those that list the user, without gid */
	size_t ngroups;
	char *home; /* never NULL: "/" when unknown */
};
void oci_user_release(struct oci_user *u);
#define cleanup_oci_user cleanup(oci_user_release)

/*
 * spec: "", "name", "uid", "name:group", "uid:gid", ... ("" is root). passwd and group may be NULL
 * (no such file). A number that no line names is taken as it is, with gid 0; a name that is not
 * there is -ERR_NOT_FOUND ("unable to find user x: no matching entries in passwd file", as docker).
 * An explicit group gives no additional groups.
 */
int oci_user_resolve(const char *spec, const char *passwd, size_t passwd_len, const char *group,
	size_t group_len, struct oci_user *ret, struct err *e);
/* One of --group-add: a name or a number. */
int oci_group_resolve(
	const char *spec, const char *group, size_t group_len, uint32_t *ret, struct err *e);
