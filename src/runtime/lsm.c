/*
 * Security labels; see lsm_priv.h. A label is written into a file of this
 * process below /proc, which base/procfs.h finds safely.
 */
#include "runtime/lsm_priv.h"
#include "base/err.h"
#include "base/file.h"
#include "base/io.h"
#include "base/mem.h"
#include "base/procfs.h"
#include "base/str.h"
#include "runtime/config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

bool lsm_apparmor_enabled(void)
{
	char c = 'N';
	cleanup_fd int fd = open("/sys/module/apparmor/parameters/enabled", O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &c, 1) == 1 && c == 'Y';
}

bool lsm_selinux_enabled(void)
{
	return file_exists(AT_FDCWD, "/sys/fs/selinux/enforce");
}

static int add_label(struct lsm *l, const char *own, char *label, struct err *e)
{
	l->label[l->n] = label;
	cleanup_fd int proc = procfs_open_root(e);
	if (proc < 0)
		return proc;
	int fd = own ? procfs_open_at(proc, own, O_WRONLY) : -ENOENT;
	if (fd == -ENOENT) /* before Linux 5.1 there is one file for all */
		fd = procfs_open_at(proc, "thread-self/attr/exec", O_WRONLY);
	if (fd < 0)
		return err_sysno(e, fd, "open the security attributes of the process");
	l->fd[l->n++] = fd;
	return 0;
}

int lsm_open(const struct runtime_process *p, struct lsm *l, struct err *e)
{
	int r = 0;
	bool unconfined = str_eq(p->apparmor, "unconfined");
	if (!str_empty(p->apparmor) && !unconfined && !lsm_apparmor_enabled())
		return err_set(e, ERR_UNSUPPORTED,
			"process.apparmorProfile '%s': this host has no AppArmor", p->apparmor);
	if (!str_empty(p->selinux) && !lsm_selinux_enabled())
		return err_set(e, ERR_UNSUPPORTED,
			"process.selinuxLabel '%s': this host has no SELinux", p->selinux);
	/* unconfined is what there is without AppArmor; with it, it is a profile */
	if (!str_empty(p->apparmor) && (!unconfined || lsm_apparmor_enabled()))
		r = add_label(
			l, "thread-self/attr/apparmor/exec", mem_printf("exec %s", p->apparmor), e);
	if (r == 0 && !str_empty(p->selinux))
		r = add_label(l, NULL, mem_strdup(p->selinux), e);
	return r;
}

int lsm_apply(const struct lsm *l, struct err *e)
{
	for (size_t i = 0; i < l->n; i++) {
		int r = io_write_all(l->fd[i], l->label[i], strlen(l->label[i]));
		if (r < 0)
			return err_sysno(e, r, "security label '%s'", l->label[i]);
	}
	return 0;
}
