/* Looks for a delegated group; see the header. */
#include "runtime/cgroup_delegate.h"
#include "base/buf.h"
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TOP  "/sys/fs/cgroup"
#define HINT "start kist with: systemd-run --user --scope -p Delegate=yes kist ..."

enum { PROCS_MAX = 1 << 20 };

/* A group is ours when we may make groups in it, move processes in it and give controllers away. */
static bool is_ours(const char *top, const char *path)
{
	static const char *const files[] = {"", "/cgroup.procs", "/cgroup.subtree_control"};
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		cleanup_free char *file = mem_printf("%s%s%s", top, path, files[i]);
		if (access(file, W_OK) < 0)
			return false;
	}
	return true;
}

/* "0::/a/b" of /proc/PID/cgroup; "" for the root; NULL: not in a tree of v2 */
static char *own_path(const char *text)
{
	for (const char *p = text; p && *p; p = strchr(p, '\n'), p += p != NULL) {
		if (!str_starts(p, "0::/"))
			continue;
		size_t len = strcspn(p + 3, "\n");
		return mem_strndup(p + 3, len > 1 ? len : 0);
	}
	return NULL;
}

/* The highest group above path that is ours, with all between: there is the most room. Cuts path
 * there; false: none. */
static bool cut_to_ours(const char *top, char *path)
{
	if (!is_ours(top, path))
		return false;
	for (char *slash; (slash = strrchr(path, '/'));) {
		*slash = 0;
		if (!is_ours(top, path)) {
			*slash = '/';
			break;
		}
	}
	return true;
}

/* Whether it holds processes, and others than this one */
static void who_is_in(const char *dir, bool *ret_any, bool *ret_others)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(PROCS_MAX);
	cleanup_free char *file = mem_printf("%s/cgroup.procs", dir);
	*ret_any = *ret_others = false;
	if (file_read(AT_FDCWD, file, &b, NULL) < 0)
		return;
	for (const char *p = buf_str(&b); *p; p += strcspn(p, "\n"), p += *p == '\n') {
		*ret_any = true;
		*ret_others |= strtol(p, NULL, 10) != (long)getpid();
	}
}

static int write_into(const char *dir, const char *name, const char *text)
{
	cleanup_free char *file = mem_printf("%s/%s", dir, name);
	cleanup_fd int fd = open(file, O_WRONLY | O_CLOEXEC);
	return fd < 0 ? -errno : io_write_all(fd, text, strlen(text));
}

/* cgroups(7), the "no internal processes" rule: a group that gives controllers to its children holds
 * no processes. Ours moves; those of others are not ours to move. */
static bool make_room(const char *dir)
{
	bool any, others;
	char pid[16];
	who_is_in(dir, &any, &others);
	if (!any)
		return true;
	if (others)
		return false;
	cleanup_free char *leaf = mem_printf("%s/kist-command", dir);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	if (mkdir(leaf, 0755) < 0 && errno != EEXIST)
		return false;
	int r = write_into(leaf, "cgroup.procs", pid);
	if (r < 0)
		log_debug("move to cgroup '%s': %s", leaf, strerror(-r));
	return r >= 0;
}

int runtime_cgroup_delegated_at(
	const char *top, const char *proc_cgroup, char **ret_base, char **ret_why)
{
	cleanup_free char *path = own_path(proc_cgroup);
	if (!path) {
		*ret_why = mem_strdup("this process is in no control group of version 2");
		return 0;
	}
	if (!cut_to_ours(top, path)) {
		*ret_why = mem_printf("the control group '%s' is not delegated to this user; " HINT,
			*path ? path : "/");
		return 0;
	}
	cleanup_free char *dir = mem_printf("%s%s", top, path);
	if (!make_room(dir)) {
		*ret_why = mem_printf(
			"the delegated control group '%s' has other processes in it; " HINT,
			*path ? path : "/");
		return 0;
	}
	*ret_base = STEAL(path);
	return 1;
}

int runtime_cgroup_delegated(char **ret_base, char **ret_why)
{
	struct buf b cleanup_buf = BUF_INIT_MAX(65536);
	struct runtime_cgroup_host host;
	runtime_cgroup_probe(&host);
	if (host.mode != RUNTIME_CGROUP_V2) {
		*ret_why = mem_strdup(
			host.mode == RUNTIME_CGROUP_NONE
				? "this host has no control groups at " TOP
				: "without root limits need cgroup v2, and this host has v1; boot "
				  "it with systemd.unified_cgroup_hierarchy=1");
		return 0;
	}
	if (file_read(AT_FDCWD, "/proc/self/cgroup", &b, NULL) < 0)
		buf_clear(&b);
	return runtime_cgroup_delegated_at(TOP, buf_str(&b), ret_base, ret_why);
}
