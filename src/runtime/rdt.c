/* Groups of the resctrl file system; see rdt_priv.h. */
#include "runtime/rdt_priv.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/str.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SCHEMATA_MAX = 1 << 20 }; /* a few lines for each of a few dozen caches */

/* ---- where ---- */

int rdt_find_mount(char **ret, struct err *e)
{
	cleanup_file FILE *f = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t size = 0;
	while (f && getline(&line, &size, f) > 0) {
		char point[512];
		if (strstr(line, " - resctrl ") &&
			sscanf(line, "%*s %*s %*s %*s %511s", point) == 1) {
			free(line);
			*ret = mem_strdup(point);
			return 0;
		}
	}
	free(line);
	err_set(e, ERR_UNSUPPORTED, "linux.intelRdt: resctrl is not mounted on this host");
	err_hint(e, "mount -t resctrl resctrl /sys/fs/resctrl (a processor and a kernel with "
		    "resource control are needed)");
	return -ERR_UNSUPPORTED;
}

static char *control_group(const char *top, const struct runtime_rdt *r, const char *id)
{
	if (str_eq(r->clos_id, "/"))
		return mem_strdup(top);
	return mem_printf("%s/%s", top, r->clos_id ? r->clos_id : id);
}

static char *monitoring_group(const char *top, const struct runtime_rdt *r, const char *id)
{
	cleanup_free char *group = control_group(top, r, id);
	return mem_printf("%s/mon_groups/%s", group, id);
}

/* ---- schemata ---- */

/* "0=ff;1=0f" → the value of a domain, up to its end; NULL: not named */
static const char *domain_value(const char *list, unsigned long domain, size_t *ret_len)
{
	while (*list) {
		char *end;
		list += strspn(list, " \t;");
		unsigned long number = strtoul(list, &end, 10);
		if (*end != '=')
			return NULL;
		size_t len = strcspn(end + 1, ";\n");
		if (number == domain) {
			*ret_len = len;
			return end + 1;
		}
		list = end + 1 + len;
		if (*list == '\n')
			return NULL;
	}
	return NULL;
}

/* Masks are hexadecimal, percentages decimal; both compare without their zeros in front. */
static bool same_value(const char *a, size_t alen, const char *b, size_t blen)
{
	for (; alen > 1 && *a == '0'; alen--)
		a++;
	for (; blen > 1 && *b == '0'; blen--)
		b++;
	while (alen && isspace((unsigned char)a[alen - 1]))
		alen--;
	while (blen && isspace((unsigned char)b[blen - 1]))
		blen--;
	return alen == blen && strncasecmp(a, b, alen) == 0;
}

/* The list of the resource ("L3") that stands before the colon of `line` */
static const char *resource_list(const char *schemata, const char *line)
{
	size_t len = strcspn(line, ":");
	for (const char *p = schemata; p; p = strchr(p, '\n')) {
		p += strspn(p, " \t\n");
		if (strncmp(p, line, len) == 0 && p[len] == ':')
			return p + len + 1;
	}
	return NULL;
}

bool rdt_schema_matches(const char *schemata, const char *line)
{
	line += strspn(line, " \t");
	const char *list = resource_list(schemata, line), *p = strchr(line, ':');
	if (!list || !p)
		return false;
	for (p++; *p; p += strspn(p, "; \t")) {
		char *end;
		unsigned long domain = strtoul(p, &end, 10);
		if (*end != '=')
			return false;
		size_t want_len = strcspn(end + 1, ";"), have_len = 0;
		const char *have = domain_value(list, domain, &have_len);
		if (!have || !same_value(end + 1, want_len, have, have_len))
			return false;
		p = end + 1 + want_len;
	}
	return true;
}

/* Calls each for every line that the config asks for, in the order in which they are written. The
 * old member for the cache may hold lines for the memory, which do not count there. */
static int walk_schemata(const struct runtime_rdt *r,
	int (*each)(void *ctx, const char *line, struct err *e), void *ctx, struct err *e)
{
	const char *old[] = {r->l3_schema, r->mb_schema};
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		cleanup_free char *copy = old[i] ? mem_strdup(old[i]) : NULL;
		char *rest = copy, *line;
		while ((line = strsep(&rest, "\n"))) {
			if (!*line || (i == 0 && str_starts(line, "MB:")))
				continue;
			int k = each(ctx, line, e);
			if (k < 0)
				return k;
		}
	}
	for (size_t i = 0; i < r->schemata.n; i++) {
		int k = each(ctx, r->schemata.v[i], e);
		if (k < 0)
			return k;
	}
	return 0;
}

static bool has_schemata(const struct runtime_rdt *r)
{
	return !str_empty(r->l3_schema) || !str_empty(r->mb_schema) || r->schemata.n;
}

/* ---- doing ---- */

static int write_file(const char *path, const char *text)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return write(fd, text, strlen(text)) < 0 ? -errno : 0;
}

struct group {
	const char *top, *path;
	const char *schemata; /* what stands there */
};

static int check_line(void *ctx, const char *line, struct err *e)
{
	const struct group *g = ctx;
	if (rdt_schema_matches(g->schemata, line))
		return 0;
	return err_set(e, ERR_STATE, "linux.intelRdt: '%s' exists with other schemata than '%s'",
		g->path, line);
}

static int write_line(void *ctx, const char *line, struct err *e)
{
	const struct group *g = ctx;
	cleanup_free char *path = mem_printf("%s/schemata", g->path);
	cleanup_free char *status = mem_printf("%s/info/last_cmd_status", g->top);
	cleanup_free char *text = mem_printf("%s\n", line);
	int r = write_file(path, text);
	if (r == 0)
		return 0;
	/* the kernel says there what it did not like */
	struct buf why cleanup_buf = BUF_INIT_MAX(4096);
	if (file_read(AT_FDCWD, status, &why, NULL) < 0 || !why.len)
		return err_sysno(e, r, "linux.intelRdt: schemata '%s'", line);
	why.data[strcspn(buf_str(&why), "\n")] = 0;
	return err_set(e, -r, "linux.intelRdt: schemata '%s': %s", line, why.data);
}

static int check_existing(const struct runtime_rdt *r, struct group *g, struct err *e)
{
	cleanup_free char *path = mem_printf("%s/schemata", g->path);
	struct buf b cleanup_buf = BUF_INIT_MAX(SCHEMATA_MAX);
	int k = file_read(AT_FDCWD, path, &b, e);
	if (k < 0)
		return k;
	g->schemata = buf_str(&b);
	return walk_schemata(r, check_line, g, e);
}

/* 1: the group was made here */
static int make_control_group(const struct runtime_rdt *r, struct group *g, struct err *e)
{
	bool named = r->clos_id;
	if (named && (str_eq(r->clos_id, "/") || file_exists(AT_FDCWD, g->path)))
		return has_schemata(r) ? check_existing(r, g, e) : 0;
	if (named && !has_schemata(r))
		return err_set(e, ERR_NOT_FOUND, "linux.intelRdt: there is no class '%s' in '%s'",
			r->clos_id, g->top);
	if (mkdir(g->path, 0755) < 0)
		return err_sys(e, "linux.intelRdt: make '%s'", g->path);
	int k = walk_schemata(r, write_line, g, e);
	if (k < 0)
		rmdir(g->path);
	return k < 0 ? k : 1;
}

static int add_task(const char *group, pid_t pid, struct err *e)
{
	char text[16];
	cleanup_free char *path = mem_printf("%s/tasks", group);
	snprintf(text, sizeof(text), "%d", (int)pid);
	int r = write_file(path, text);
	return r < 0 ? err_sysno(e, r, "linux.intelRdt: put the process into '%s'", group) : 0;
}

int rdt_join(const char *top, const struct runtime_rdt *r, const char *id, pid_t pid, struct err *e)
{
	cleanup_free char *group = control_group(top, r, id);
	int k = add_task(group, pid, e);
	if (k < 0 || !r->monitoring)
		return k;
	cleanup_free char *monitor = monitoring_group(top, r, id);
	return add_task(monitor, pid, e);
}

int rdt_apply(
	const char *top, const struct runtime_rdt *r, const char *id, pid_t pid, struct err *e)
{
	cleanup_free char *path = control_group(top, r, id);
	cleanup_free char *monitor = monitoring_group(top, r, id);
	struct group g = {.top = top, .path = path};
	int made = make_control_group(r, &g, e);
	if (made < 0)
		return made;
	int k = 0;
	bool monitored = r->monitoring && mkdir(monitor, 0755) == 0;
	if (r->monitoring && !monitored)
		k = err_sys(e, "linux.intelRdt: make '%s'", monitor);
	if (k == 0)
		k = rdt_join(top, r, id, pid, e);
	if (k < 0 && monitored)
		rmdir(monitor);
	if (k < 0 && made)
		rmdir(path);
	return k;
}

int rdt_remove(const char *top, const struct runtime_rdt *r, const char *id, struct err *e)
{
	cleanup_free char *group = control_group(top, r, id);
	cleanup_free char *monitor = monitoring_group(top, r, id);
	if (r->monitoring && rmdir(monitor) < 0 && errno != ENOENT)
		return err_sys(e, "linux.intelRdt: remove '%s'", monitor);
	if (!r->clos_id && rmdir(group) < 0 && errno != ENOENT)
		return err_sys(e, "linux.intelRdt: remove '%s'", group);
	return 0;
}
