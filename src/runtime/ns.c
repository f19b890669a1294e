/* Kinds of namespaces; see ns_priv.h. */
#include "runtime/ns_priv.h"
#include "base/err.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

const struct ns_kind ns_kinds[RUNTIME_NS_KINDS] = {
	[RUNTIME_NS_USER] = {"user", "user", CLONE_NEWUSER},
	[RUNTIME_NS_PID] = {"pid", "pid", CLONE_NEWPID},
	[RUNTIME_NS_NET] = {"network", "net", CLONE_NEWNET},
	[RUNTIME_NS_IPC] = {"ipc", "ipc", CLONE_NEWIPC},
	[RUNTIME_NS_UTS] = {"uts", "uts", CLONE_NEWUTS},
	[RUNTIME_NS_TIME] = {"time", "time", CLONE_NEWTIME},
	[RUNTIME_NS_CGROUP] = {"cgroup", "cgroup", CLONE_NEWCGROUP},
	[RUNTIME_NS_MOUNT] = {"mount", "mnt", CLONE_NEWNS},
};

static const char *word_of(uint64_t flag)
{
	for (int i = 0; i < RUNTIME_NS_KINDS; i++)
		if (ns_kinds[i].flag == flag)
			return ns_kinds[i].word;
	return "unknown";
}

int ns_join_error(int fd, const char *path, uint64_t flag, int error, struct err *e)
{
	/* setns itself refuses a wrong kind, with EINVAL as for much else */
	int type = error == EINVAL && fd >= 0 ? ioctl(fd, NS_GET_NSTYPE) : 0;
	if (type < 0)
		return err_set(e, ERR_FORMAT, "join %s namespace '%s': it is no namespace",
			word_of(flag), path);
	if (type > 0 && (uint64_t)type != flag)
		return err_set(e, ERR_FORMAT, "join %s namespace '%s': it is a %s namespace",
			word_of(flag), path, word_of((uint64_t)type));
	return err_sysno(e, error, "join %s namespace '%s'", word_of(flag), path);
}

int ns_is_own(enum runtime_ns_kind kind, const char *path)
{
	char own[64];
	struct stat a, b;
	snprintf(own, sizeof(own), "/proc/self/ns/%s", ns_kinds[kind].file);
	if (stat(own, &a) < 0)
		return errno == ENOENT ? 1 : -errno;
	if (stat(path, &b) < 0)
		return -errno;
	return a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}
