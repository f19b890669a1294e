/* Users and groups from the lines of passwd(5) and group(5). */
#include "oci/passwd.h"

#include "base/err.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

#define MAX_ID INT32_MAX /* as docker: what fits everywhere */

void oci_user_release(struct oci_user *u)
{
	free(u->groups);
	free(u->home);
	*u = (struct oci_user){0};
}

struct field {
	const char *p;
	size_t len;
};

/* The next line's fields; at most max of them. False at the end. */
static bool next_line(
	const char **p, const char *end, struct field *fields, size_t max, size_t *ret_n)
{
	if (!*p || *p >= end)
		return false;
	const char *nl = memchr(*p, '\n', (size_t)(end - *p));
	const char *stop = nl ? nl : end;
	size_t n = 0;
	for (const char *s = *p; n < max; n++) {
		const char *colon = memchr(s, ':', (size_t)(stop - s));
		fields[n] = (struct field){s, (size_t)((colon ? colon : stop) - s)};
		if (!colon) {
			n++;
			break;
		}
		s = colon + 1;
	}
	*ret_n = n;
	*p = nl ? nl + 1 : end;
	return true;
}

static bool field_is(struct field f, const char *s)
{
	return strlen(s) == f.len && !memcmp(f.p, s, f.len);
}

static bool parse_id(const char *s, size_t len, uint32_t *ret)
{
	if (len == 0 || len > 10)
		return false;
	uint64_t v = 0;
	for (size_t i = 0; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		v = v * 10 + (uint64_t)(s[i] - '0');
	}
	if (v > MAX_ID)
		return false;
	*ret = (uint32_t)v;
	return true;
}

static bool all_digits(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == 0;
}

struct match {
	bool found;
	uint32_t uid, gid;
	char *name, *home;
};

static void find_user(const char *user, const char *passwd, size_t len, struct match *m)
{
	uint32_t want = 0;
	bool number = !*user || parse_id(user, strlen(user), &want);
	const char *p = passwd;
	struct field f[6];
	size_t n;
	while (next_line(&p, passwd + len, f, ARRAY_SIZE(f), &n)) {
		uint32_t uid, gid;
		if (n < 4 || !parse_id(f[2].p, f[2].len, &uid) || !parse_id(f[3].p, f[3].len, &gid))
			continue;
		if (number ? uid != want : !field_is(f[0], user))
			continue;
		*m = (struct match){true, uid, gid, mem_strndup(f[0].p, f[0].len),
			n > 5 ? mem_strndup(f[5].p, f[5].len) : NULL};
		return;
	}
}

static bool list_has(struct field list, const char *name)
{
	const char *p = list.p, *end = list.p + list.len;
	size_t len = strlen(name);
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;
		if ((size_t)(stop - p) == len && !memcmp(p, name, len))
			return true;
		p = stop + 1;
	}
	return false;
}

static void find_groups(const char *name, const char *group, size_t len, struct oci_user *u)
{
	const char *p = group;
	struct field f[4];
	size_t n;
	while (next_line(&p, group + len, f, ARRAY_SIZE(f), &n)) {
		uint32_t gid;
		if (n < 4 || !parse_id(f[2].p, f[2].len, &gid) || gid == u->gid ||
			!list_has(f[3], name))
			continue;
		if (u->ngroups >= 65536) /* NGROUPS_MAX */
			return;
		u->groups = mem_realloc(u->groups, u->ngroups + 1, sizeof(*u->groups));
		u->groups[u->ngroups++] = gid;
	}
}

int oci_group_resolve(
	const char *spec, const char *group, size_t group_len, uint32_t *ret, struct err *e)
{
	const char *p = group;
	struct field f[4];
	size_t n;
	bool number = all_digits(spec);
	while (!number && next_line(&p, group + group_len, f, ARRAY_SIZE(f), &n)) {
		uint32_t gid;
		if (n >= 3 && field_is(f[0], spec) && parse_id(f[2].p, f[2].len, &gid)) {
			*ret = gid;
			return 0;
		}
	}
	if (!number)
		return err_set(e, ERR_NOT_FOUND,
			"unable to find group %.100s: no matching entries in group file", spec);
	if (!parse_id(spec, strlen(spec), ret))
		return err_set(
			e, ERR_USAGE, "group %.100s: gids must be in range 0-%d", spec, MAX_ID);
	return 0;
}

static int resolve(const char *user, const char *group_name, const char *passwd, size_t passwd_len,
	const char *group, size_t group_len, struct oci_user *u, struct err *e)
{
	struct match m = {0};
	find_user(user, passwd, passwd_len, &m);
	char *name cleanup_free = m.name;
	u->home = m.home && m.home[0] ? m.home : mem_strdup("/");
	if (u->home != m.home)
		free(m.home);
	if (m.found) {
		u->uid = m.uid;
		u->gid = m.gid;
	} else if (all_digits(user)) {
		if (!parse_id(user, strlen(user), &u->uid))
			return err_set(e, ERR_USAGE, "user %.100s: uids must be in range 0-%d",
				user, MAX_ID);
	} else if (*user) {
		return err_set(e, ERR_NOT_FOUND,
			"unable to find user %.100s: no matching entries in passwd file", user);
	}
	if (group_name)
		return oci_group_resolve(group_name, group, group_len, &u->gid, e);
	if (name)
		find_groups(name, group, group_len, u);
	return 0;
}

int oci_user_resolve(const char *spec, const char *passwd, size_t passwd_len, const char *group,
	size_t group_len, struct oci_user *ret, struct err *e)
{
	*ret = (struct oci_user){0};
	char *user cleanup_free = mem_strdup(spec ?: "");
	char *colon = strchr(user, ':');
	if (colon)
		*colon++ = 0;
	int r = resolve(user, str_empty(colon) ? NULL : colon, passwd, passwd_len, group, group_len,
		ret, e);
	if (r < 0)
		oci_user_release(ret);
	return r;
}
