/* Names of capabilities (linux/capability.h, in the kernel's order) and docker's arithmetic. */
#include "oci/caps.h"

#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <string.h>

static const char *const names[OCI_CAP_COUNT] = {"CAP_CHOWN", "CAP_DAC_OVERRIDE",
	"CAP_DAC_READ_SEARCH", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL", "CAP_SETGID", "CAP_SETUID",
	"CAP_SETPCAP", "CAP_LINUX_IMMUTABLE", "CAP_NET_BIND_SERVICE", "CAP_NET_BROADCAST",
	"CAP_NET_ADMIN", "CAP_NET_RAW", "CAP_IPC_LOCK", "CAP_IPC_OWNER", "CAP_SYS_MODULE",
	"CAP_SYS_RAWIO", "CAP_SYS_CHROOT", "CAP_SYS_PTRACE", "CAP_SYS_PACCT", "CAP_SYS_ADMIN",
	"CAP_SYS_BOOT", "CAP_SYS_NICE", "CAP_SYS_RESOURCE", "CAP_SYS_TIME", "CAP_SYS_TTY_CONFIG",
	"CAP_MKNOD", "CAP_LEASE", "CAP_AUDIT_WRITE", "CAP_AUDIT_CONTROL", "CAP_SETFCAP",
	"CAP_MAC_OVERRIDE", "CAP_MAC_ADMIN", "CAP_SYSLOG", "CAP_WAKE_ALARM", "CAP_BLOCK_SUSPEND",
	"CAP_AUDIT_READ", "CAP_PERFMON", "CAP_BPF", "CAP_CHECKPOINT_RESTORE"};

int oci_cap_parse(const char *name)
{
	if (!strncasecmp(name, "CAP_", 4))
		name += 4;
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		if (!strcasecmp(name, names[i] + 4))
			return i;
	return -EINVAL;
}

const char *oci_cap_name(int cap)
{
	return cap >= 0 && cap < OCI_CAP_COUNT ? names[cap] : NULL;
}

static int read_list(const struct strv *list, const char *option, uint64_t *ret_set, bool *ret_all,
	struct err *e)
{
	*ret_set = 0;
	*ret_all = false;
	for (size_t i = 0; list && i < list->n; i++) {
		if (!strcasecmp(list->v[i], "ALL")) {
			*ret_all = true;
			continue;
		}
		int cap = oci_cap_parse(list->v[i]);
		if (cap < 0)
			return err_set(e, ERR_USAGE, "%s: unknown capability '%.100s'", option,
				list->v[i]);
		*ret_set |= 1ULL << cap;
	}
	return 0;
}

int oci_caps_compute(bool privileged, const struct strv *add, const struct strv *drop,
	uint64_t *ret, struct err *e)
{
	uint64_t adds, drops;
	bool add_all, drop_all;
	int r = read_list(add, "--cap-add", &adds, &add_all, e);
	if (r >= 0)
		r = read_list(drop, "--cap-drop", &drops, &drop_all, e);
	if (r < 0)
		return r;
	if (privileged)
		*ret = OCI_CAPS_ALL;
	else if (add_all)
		*ret = OCI_CAPS_ALL & ~drops;
	else if (drop_all)
		*ret = adds;
	else
		*ret = (OCI_CAPS_DEFAULT & ~drops) | adds;
	return 0;
}
