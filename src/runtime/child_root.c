/* The root file system as a whole: where it is mounted, its propagation, the change of root. */
#include "base/err.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"

#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

int child_do_propagation(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (mount(NULL, "/", NULL, (unsigned long)s->number, NULL) < 0)
		return err_sys(e, "propagation of the host's mounts in here");
	return 0;
}

/* With linux.rootfsPropagation "shared" the mounts of this namespace are still the peers of the
 * host's: nothing of ours may be mounted on one of those. */
static bool is_shared(const struct child *k)
{
	return k->c->root_propagation & MS_SHARED;
}

static int set_propagation(int fd, uint64_t propagation, unsigned flags)
{
	struct mount_attr a = {.propagation = propagation};
	return sys_mount_setattr(fd, "", AT_EMPTY_PATH | flags, &a);
}

int child_cut_off(const struct child *k, int fd)
{
	return is_shared(k) ? set_propagation(fd, MS_PRIVATE, 0) : 0;
}

/* The mount that the root lies on becomes private: what is mounted there stays here. */
static int isolate_parent(const struct child *k, struct err *e)
{
	cleanup_fd int fd = open(k->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "open root '%s'", k->root_path);
	for (;;) {
		int mounted = sys_is_mount_root(fd);
		if (mounted < 0)
			return err_sys(e, "stat above root '%s'", k->root_path);
		if (mounted)
			break;
		int up = openat(fd, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (up < 0)
			return err_sys(e, "open above root '%s'", k->root_path);
		close(fd);
		fd = up;
	}
	if (set_propagation(fd, MS_PRIVATE, 0) < 0)
		return err_sys(e, "make the mount below root '%s' private", k->root_path);
	return 0;
}

static int bind_root(struct child *k, struct err *e)
{
	/* pivot_root wants a mount: the directory is bound onto itself */
	cleanup_fd int dir = open(k->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(e, "open root '%s'", k->root_path);
	k->root = sys_open_tree(
		dir, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE);
	if (k->root < 0)
		return err_sys(e, "open root '%s'", k->root_path);
	if (is_shared(k) && set_propagation(k->root, MS_PRIVATE, AT_RECURSIVE) < 0)
		return err_sys(e, "make root '%s' private", k->root_path);
	if (child_attach(k->root, dir) < 0)
		return err_sys(e, "mount root '%s'", k->root_path);
	return 0;
}

int child_do_root(struct child *k, const struct runtime_step *s, struct err *e)
{
	int r = is_shared(k) ? isolate_parent(k, e) : 0;
	if (r < 0)
		return r;
	if (!k->mount_root)
		return bind_root(k, e);
	if ((r = k->mount_root(k->mount_root_ctx, k->root_path, e)) < 0)
		return r;
	k->root = open(k->root_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return k->root < 0 ? err_sys(e, "open root '%s'", k->root_path) : 0;
}

int child_do_root_readonly(struct child *k, const struct runtime_step *s, struct err *e)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};
	if (sys_mount_setattr(k->root, "", AT_EMPTY_PATH, &a) < 0)
		return err_sys(e, "make the root read-only");
	return 0;
}

/* Nothing needs them any more; a working directory by their numbers would find them. */
static void close_tree(struct child *k)
{
	int *const fds[] = {&k->root, &k->proc, &k->dev, &k->empty, &k->null_dev};
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		if (*fds[i] >= 0)
			close(*fds[i]);
		*fds[i] = -1;
	}
}

int child_do_pivot(struct child *k, const struct runtime_step *s, struct err *e)
{
	cleanup_fd int old = is_shared(k) ? open("/", O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fchdir(k->root) < 0)
		return err_sys(e, "change to the root '%s'", k->root_path);
	if (k->no_pivot) {
		if (mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0)
			return err_sys(e, "move the root '%s'", k->root_path);
		close_tree(k);
		return chdir("/") < 0 ? err_sys(e, "change to '/'") : 0;
	}
	/* the old root lands on top of the new one: no directory is needed for it */
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return err_sys(e, "pivot_root '%s'", k->root_path);
	/* from peers of the host's mounts the host's would go, too */
	if (is_shared(k) && set_propagation(old, MS_SLAVE, AT_RECURSIVE) < 0)
		return err_sys(e, "cut the old root off");
	if (umount2(".", MNT_DETACH) < 0)
		return err_sys(e, "detach the old root");
	close_tree(k);
	return chdir("/") < 0 ? err_sys(e, "change to '/'") : 0;
}

/* Of the root's own mount; with "rshared" and "runbindable" of all that is mounted below, whatever
 * it asked for itself, as runc and crun do. No mount of ours is a peer of the host's but where the
 * config said so: what becomes shared here has a group of its own. */
int child_do_root_propagation(struct child *k, const struct runtime_step *s, struct err *e)
{
	if (mount(NULL, "/", NULL, (unsigned long)s->number, NULL) < 0)
		return err_sys(e, "propagation of the root");
	return 0;
}
