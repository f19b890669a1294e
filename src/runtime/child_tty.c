/*
 * The container's terminal: a pty of its own devpts, whose master goes to the
 * parent; the slave becomes the controlling terminal, 0, 1, 2 and /dev/console.
 */
#include "base/err.h"
#include "base/io.h"
#include "base/root.h"
#include "runtime/child_priv.h"
#include "runtime/mount_syscalls_priv.h"
#include "runtime/wire_priv.h"

#include <asm/ioctls.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/vfs.h>

int child_open_terminal(struct child *k, const struct runtime_process *p, struct err *e)
{
	cleanup_fd int master =
		root_open(k->root, "dev/pts/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK, 0, e);
	if (master < 0)
		return err_wrap(e, master, "terminal");
	struct statfs fs;
	if (fstatfs(master, &fs) < 0 || fs.f_type != DEVPTS_SUPER_MAGIC)
		return err_set(e, ERR_STATE, "terminal: '/dev/pts' of the container is no devpts");
	io_set_nonblock(master, false);
	int unlock = 0;
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, "unlock the terminal");
	k->slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (k->slave < 0)
		return err_sys(e, "open the terminal");
	struct winsize size = {.ws_row = p->rows, .ws_col = p->columns};
	if (size.ws_row && size.ws_col && ioctl(k->slave, TIOCSWINSZ, &size) < 0)
		return err_sys(e, "size of the terminal");
	/* the group stays: devpts was mounted with the one that it should have */
	if (fchown(k->slave, p->uid, (gid_t)-1) < 0 && errno != EINVAL && errno != EPERM)
		return err_sys(e, "owner of the terminal");
	struct wire_msg m = {.type = WIRE_TERMINAL};
	int r = io_send_fds(k->sock, &m, sizeof(m.type), &master, 1);
	if (r < 0)
		return err_sysno(e, r, "hand over the terminal");
	if (ioctl(k->slave, TIOCSCTTY, 0) < 0)
		return err_sys(e, "controlling terminal");
	for (int i = 0; i < 3; i++)
		if (dup2(k->slave, i) < 0)
			return err_sys(e, "terminal as descriptor %d", i);
	return 0;
}

/* The terminal is bound by its descriptor, and onto no link that the image left there: neither side
 * is a path that somebody could exchange (CVE-2025-52565, CVE-2026-88264). */
static int bind_console(struct child *k, struct err *e)
{
	struct stat st;
	cleanup_fd int dev = root_open(k->root, "dev", O_RDONLY | O_DIRECTORY, 0, e);
	if (dev < 0)
		return dev;
	if (mknodat(dev, "console", S_IFREG | 0600, 0) < 0 && errno != EEXIST)
		return err_sys(e, "make '/dev/console'");
	cleanup_fd int target = openat(dev, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (target < 0 || fstat(target, &st) < 0)
		return err_sys(e, "open '/dev/console'");
	if (S_ISLNK(st.st_mode) || S_ISDIR(st.st_mode))
		return err_set(e, ERR_FORMAT, "'/dev/console' in the root is no file");
	cleanup_fd int tree =
		sys_open_tree(k->slave, "", AT_EMPTY_PATH | OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	if (tree < 0 || child_attach(tree, target) < 0)
		return err_sys(e, "bind the terminal to '/dev/console'");
	return 0;
}

int child_do_console(struct child *k, const struct runtime_step *s, struct err *e)
{
	int r = child_open_terminal(k, s->item, e);
	if (r == 0 && s->number)
		r = bind_console(k, e);
	return r;
}
