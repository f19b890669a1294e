/* Finds and writes the mappings of user namespaces; see idmap.h. */
#include "runtime/idmap.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/procfs.h"
#include "base/str.h"
#include "base/strv.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what belongs to whom ---- */

/* Cuts the line at p into its three fields; false: it has others. */
static bool split_line(char *line, char *field[3])
{
	for (int i = 0; i < 3; i++) {
		field[i] = line;
		if (i == 2)
			break;
		line = strchr(line, ':');
		if (!line)
			return false;
		*line++ = 0;
	}
	return !strchr(field[2], ':');
}

static bool parse_line(char *line, const char *name, uint32_t id, struct runtime_id_map *ret)
{
	char *field[3];
	uint64_t number, first, count;
	if (!split_line(line, field))
		return false;
	bool ours = (name && str_eq(field[0], name)) ||
		    (str_parse_u64(field[0], 10, &number) == 0 && number == id);
	if (!ours || str_parse_u64(field[1], 10, &first) < 0 ||
		str_parse_u64(field[2], 10, &count) < 0)
		return false;
	if (!count || first > UINT32_MAX || count > UINT32_MAX - first)
		return false;
	*ret = (struct runtime_id_map){0, (uint32_t)first, (uint32_t)count};
	return true;
}

size_t runtime_subids_parse(const char *text, size_t len, const char *name, uint32_t id,
	struct runtime_id_map *ret, size_t max)
{
	cleanup_free char *copy = mem_strndup(text, len);
	size_t n = 0;
	for (char *line = copy, *next; line && *line && n < max; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = 0;
		if (parse_line(line, name, id, &ret[n]))
			n++;
	}
	return n;
}

struct range_list {
	struct runtime_id_map v[RUNTIME_ID_MAPS_MAX];
	size_t n;
};

static void read_subids(const char *file, const char *name, uint32_t id, struct range_list *l)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	if (file_read(AT_FDCWD, file, &b, NULL) == 0 && b.len)
		l->n += runtime_subids_parse(
			b.data, b.len, name, id, l->v + l->n, ARRAY_SIZE(l->v) - l->n);
}

/* The ids that this process's own user namespace has; the initial one has them all. */
static bool in_initial_namespace(const char *file, struct range_list *l)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(LIMIT_PASSWD_FILE);
	l->n = 0;
	if (file_read(AT_FDCWD, file, &b, NULL) < 0)
		return true;
	unsigned inside, outside, count;
	int used = 0;
	for (const char *p = buf_str(&b);
		l->n < ARRAY_SIZE(l->v) &&
		sscanf(p, "%u %u %u%n", &inside, &outside, &count, &used) == 3;
		p += used)
		l->v[l->n++] = (struct runtime_id_map){0, inside, count};
	return l->n == 1 && l->v[0].host == 0 && l->v[0].size == UINT32_MAX;
}

/* One behind the other from id 0 of the container on */
static struct runtime_id_map *lay_out(struct range_list *l, size_t *ret_n)
{
	uint64_t next = 0;
	size_t n = 0;
	for (; n < l->n && next + l->v[n].size <= UINT32_MAX; n++) {
		l->v[n].container = (uint32_t)next;
		next += l->v[n].size;
	}
	*ret_n = n;
	return mem_dup(l->v, n * sizeof(*l->v));
}

static int auto_root(const char *map, const char *file, struct runtime_id_map **ret, size_t *ret_n,
	struct err *e)
{
	struct range_list l;
	if (in_initial_namespace(map, &l)) {
		l.n = 0;
		read_subids(file, "containers", UINT32_MAX, &l);
		if (!l.n)
			read_subids(file, "root", 0, &l);
	}
	if (!l.n) {
		err_set(e, ERR_FORMAT,
			"linux: a user namespace needs uidMappings and gidMappings: '%s' has no "
			"range for 'containers' or 'root'",
			file);
		err_hint(e, "add a line such as 'containers:2147483648:65536' to '%s'", file);
		return -ERR_FORMAT;
	}
	*ret = lay_out(&l, ret_n);
	return 0;
}

static void auto_user(const char *file, const char *name, uint32_t uid, uint32_t own,
	struct runtime_id_map **ret, size_t *ret_n)
{
	struct range_list l = {.n = 1};
	l.v[0] = (struct runtime_id_map){0, own, 1};
	read_subids(file, name, uid, &l);
	if (l.n == 1)
		log_warn("'%s' gives no ids to user %s: only one id is mapped, all files belong to "
			 "it, and nothing can run as another user; as root: usermod %s "
			 "100000-165535 %s",
			file, name ? name : "?",
			str_eq(file, "/etc/subuid") ? "--add-subuids" : "--add-subgids",
			name ? name : "USER");
	*ret = lay_out(&l, ret_n);
}

int runtime_id_maps_auto(struct runtime_id_maps *ret, struct err *e)
{
	struct runtime_id_maps m cleanup_runtime_id_maps = {NULL};
	uid_t uid = geteuid();
	if (uid == 0) {
		int r = auto_root("/proc/self/uid_map", "/etc/subuid", &m.uid, &m.nuid, e);
		if (r == 0)
			r = auto_root("/proc/self/gid_map", "/etc/subgid", &m.gid, &m.ngid, e);
		if (r < 0)
			return r;
	} else {
		/* gid ranges too belong to the user, not to a group */
		const struct passwd *pw = getpwuid(uid);
		cleanup_free char *name = pw ? mem_strdup(pw->pw_name) : NULL;
		auto_user("/etc/subuid", name, uid, uid, &m.uid, &m.nuid);
		auto_user("/etc/subgid", name, uid, getegid(), &m.gid, &m.ngid);
	}
	*ret = m;
	m = (struct runtime_id_maps){NULL};
	return 0;
}

void runtime_id_maps_release(struct runtime_id_maps *m)
{
	free(m->uid);
	free(m->gid);
	*m = (struct runtime_id_maps){NULL};
}

/* ---- writing ---- */

struct kind {
	const char *file, *helper, *subids;
};

static const struct kind uid_kind = {"uid_map", "newuidmap", "/etc/subuid"};
static const struct kind gid_kind = {"gid_map", "newgidmap", "/etc/subgid"};

static int write_file(pid_t pid, const char *name, const char *text, size_t len)
{
	char path[64];
	snprintf(path, sizeof(path), "%d/%s", (int)pid, name);
	cleanup_fd int fd = procfs_open(path, O_WRONLY, NULL);
	if (fd < 0)
		return fd;
	/* the kernel takes a map in one write or not at all */
	return write(fd, text, len) != (ssize_t)len ? -errno : 0;
}

static int run_helper(
	const struct kind *k, pid_t pid, const struct runtime_id_map *m, size_t n, struct err *e)
{
	struct strv args cleanup_strv = STRV_INIT;
	strv_add(&args, k->helper);
	strv_addf(&args, "%d", (int)pid);
	for (size_t i = 0; i < n; i++) {
		strv_addf(&args, "%u", m[i].container);
		strv_addf(&args, "%u", m[i].host);
		strv_addf(&args, "%u", m[i].size);
	}
	int r = proc_run(strv_items(&args), -1, NULL, 0, e);
	if (r == 0)
		return 0;
	if (r == 127) {
		err_set(e, ERR_UNSUPPORTED,
			"map the ids of a user namespace: '%s' is not installed", k->helper);
		err_hint(e, "install newuidmap and newgidmap (package uidmap or shadow-utils)");
	} else if (r > 0) {
		err_set(e, ERR_UNSUPPORTED, "map the ids of a user namespace: '%s' ended with %d",
			k->helper, r);
		err_hint(e, "'%s' must give the mapped ids to this user", k->subids);
	}
	return r < 0 ? r : -ERR_UNSUPPORTED;
}

/* Who has no privilege may map his own group alone, when the groups cannot be changed any more. */
static bool is_own_group(const struct runtime_id_map *m, size_t n)
{
	return n == 1 && m->size == 1 && m->host == getegid();
}

static int write_map(
	const struct kind *k, pid_t pid, const struct runtime_id_map *m, size_t n, struct err *e)
{
	struct buf b cleanup_buf = BUF_INIT;
	for (size_t i = 0; i < n; i++)
		buf_printf(&b, "%u %u %u\n", m[i].container, m[i].host, m[i].size);
	/* the cheapest first: root may, and so may a user for his own id */
	int r = write_file(pid, k->file, b.data, b.len);
	if (r == -EPERM && k == &gid_kind && is_own_group(m, n) &&
		write_file(pid, "setgroups", "deny", 4) == 0)
		r = write_file(pid, k->file, b.data, b.len);
	if (r == -EPERM && geteuid() != 0)
		return run_helper(k, pid, m, n, e);
	return r < 0 ? err_sysno(e, r, "write '%s' of the user namespace", k->file) : 0;
}

int runtime_id_maps_write(pid_t pid, const struct runtime_id_maps *m, struct err *e)
{
	int r = write_map(&uid_kind, pid, m->uid, m->nuid, e);
	return r < 0 ? r : write_map(&gid_kind, pid, m->gid, m->ngid, e);
}
