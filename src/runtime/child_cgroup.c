/*
 * The mount of type "cgroup": a view of the container's own groups. On v2 one
 * mount; on v1 a tmpfs with one mount per hierarchy the container is in.
 */
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "runtime/cgroup_priv.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SHARED = 16 }; /* controllers of one hierarchy */

/* Without a namespace the mount would show the whole host: the own directory is bound instead. */
static int bind_group(struct child *k, unsigned controller, uint64_t attrs, struct err *e)
{
	char dir[CGROUP_PATH_MAX];
	cgroup_dir(k->cgroup_v2, controller, k->cgroup_path, dir);
	int fd = child_bind_host(dir, attrs);
	return fd < 0 ? err_sysno(e, fd, "bind '%s'", dir) : fd;
}

/* Controllers that share a hierarchy ("cpu,cpuacct") are links to it on the host, and only all
 * together they name one that exists: a new one cannot be made in a namespace. */
static void hierarchy_name(unsigned controller, char *out, size_t size)
{
	char link[64];
	const char *name = cgroup_controller_name(controller);
	snprintf(link, sizeof(link), "/sys/fs/cgroup/%s", name);
	ssize_t n = readlink(link, out, size - 1);
	if (n <= 0 || memchr(out, '/', (size_t)n))
		n = snprintf(out, size, "%s", name);
	out[n] = 0;
}

static int one_hierarchy(
	struct child *k, unsigned controller, const char *name, uint64_t attrs, struct err *e)
{
	if (!k->cgroup_ns)
		return bind_group(k, controller, attrs, e);
	char words[128];
	const char *options[MAX_SHARED + 1];
	size_t n = 0;
	snprintf(words, sizeof(words), "%s", name);
	/* the kernel takes them one by one */
	for (char *p = words; *p && n < MAX_SHARED && controller != RUNTIME_CG_UNIFIED;) {
		options[n++] = p;
		p += strcspn(p, ",");
		if (*p)
			*p++ = 0;
	}
	options[n] = NULL;
	const struct runtime_mount m = {
		.destination = name,
		.type = controller == RUNTIME_CG_UNIFIED ? "cgroup2" : "cgroup",
		.source = "cgroup",
		.attr_set = attrs,
		.data = {options, n},
	};
	int fd = child_new_fs(&m, e);
	/* a user namespace may not where it does not own what it sees */
	if ((fd != -EPERM && fd != -EBUSY) || !k->bring_to_root)
		return fd;
	if (e)
		err_clear(e);
	return bind_group(k, controller, attrs, e);
}

static int add_hierarchy(
	struct child *k, unsigned controller, const struct runtime_mount *m, int dir, struct err *e)
{
	const char *word = cgroup_controller_name(controller);
	char name[128];
	hierarchy_name(controller, name, sizeof(name));
	if (!str_eq(word, name) && symlinkat(name, dir, word) < 0)
		return err_sys(e, "link '%s' for cgroups", word);
	if (mkdirat(dir, name, 0755) < 0 && errno == EEXIST)
		return 0; /* with the controller before */
	cleanup_fd int fd = one_hierarchy(k, controller, name, m->attr_set, e);
	if (fd < 0)
		return fd;
	if (sys_move_mount(fd, "", dir, name, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		return err_sys(e, "mount cgroup '%s'", name);
	return 0;
}

int child_mount_cgroup(struct child *k, const struct runtime_mount *m, int target, struct err *e)
{
	if (k->cgroup_v2) {
		cleanup_fd int fd = one_hierarchy(k, RUNTIME_CG_UNIFIED, "cgroup", m->attr_set, e);
		if (fd < 0)
			return fd;
		return child_attach(fd, target) < 0 ? err_sys(e, "mount '%s'", m->destination) : 0;
	}
	const char *options[] = {"mode=755", "size=64k", NULL};
	const struct runtime_mount tmpfs = {
		.destination = m->destination,
		.type = "tmpfs",
		.source = "cgroup",
		.attr_set = m->attr_set & ~(uint64_t)MOUNT_ATTR_RDONLY,
		.data = {options, 2},
	};
	cleanup_fd int top = child_new_fs(&tmpfs, e);
	if (top < 0)
		return top;
	if (child_attach(top, target) < 0)
		return err_sys(e, "mount '%s'", m->destination);
	for (unsigned bit = 1; bit <= RUNTIME_CG_UNIFIED; bit <<= 1) {
		int r = k->cgroup_controllers & bit ? add_hierarchy(k, bit, m, top, e) : 0;
		if (r < 0)
			return r;
	}
	struct mount_attr ro = {.attr_set = m->attr_set & MOUNT_ATTR_RDONLY};
	if (ro.attr_set && sys_mount_setattr(top, "", AT_EMPTY_PATH, &ro) < 0)
		return err_sys(e, "make '%s' read-only", m->destination);
	return 0;
}
