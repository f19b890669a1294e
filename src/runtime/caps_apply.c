/*
 * Sets a process's capabilities, intersected with what this process has itself:
 * on a host that lacks some, a container gets the rest and one warning.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "oci/caps.h"
#include "runtime/child_priv.h"

#include <errno.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t permitted_now(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};
	if (syscall(SYS_capget, &h, d) < 0)
		return 0;
	return d[0].permitted | (uint64_t)d[1].permitted << 32;
}

static void warn_missing(const struct runtime_process *p, uint64_t missing)
{
	struct buf b cleanup_buf = BUF_INIT;
	for (int i = 0; i < OCI_CAP_COUNT; i++)
		if (missing >> i & 1)
			buf_printf(&b, "%s%s", b.len ? ", " : "", oci_cap_name(i));
	for (size_t i = 0; i < p->unknown_caps.n; i++)
		buf_printf(&b, "%s%s", b.len ? ", " : "", p->unknown_caps.v[i]);
	if (b.len)
		log_warn("capabilities that this host does not have are left out: %s", buf_str(&b));
}

int caps_drop_bounding(const struct runtime_process *p, struct err *e)
{
	uint64_t keep = p->caps[RUNTIME_CAP_BOUNDING], have = permitted_now();
	uint64_t all = keep | p->caps[RUNTIME_CAP_EFFECTIVE] | p->caps[RUNTIME_CAP_PERMITTED];
	for (int i = 0; i < 64; i++) {
		if (all >> i & 1) {
			if (prctl(PR_CAPBSET_READ, i, 0, 0, 0) != 1)
				have &= ~(1ULL << i);
			if (keep >> i & 1)
				continue;
		}
		/* dropping what is not there is fine; EINVAL: beyond the last that exists */
		if (prctl(PR_CAPBSET_DROP, i, 0, 0, 0) < 0) {
			if (errno == EINVAL)
				break;
			return err_sys(e, "drop '%s' from the bounding set", oci_cap_name(i));
		}
	}
	warn_missing(p, all & ~have);
	return 0;
}

static int set_ambient(uint64_t ambient, struct err *e)
{
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (int i = 0; i < 64; i++)
		if ((ambient >> i & 1) && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0) < 0)
			return err_sys(e, "ambient capability '%s'", oci_cap_name(i));
	return 0;
}

/* The last calls before the exec need one capability (child_final.c): they drop it. */
static uint64_t keep_for_final(
	struct child *k, const struct __user_cap_data_struct *d, uint64_t have)
{
	const uint64_t bits[] = {1ULL << CAP_CHECKPOINT_RESTORE, 1ULL << CAP_SYS_ADMIN};
	uint64_t keep = have & bits[0] ? bits[0] : have & bits[1];
	if (!k->final_code || !keep)
		return 0;
	k->final_caps = mem_array(2, sizeof(*d));
	memcpy(k->final_caps, d, 2 * sizeof(*d));
	return keep;
}

int caps_apply(struct child *k, const struct runtime_process *p, struct err *e)
{
	uint64_t have = permitted_now();
	uint64_t permitted = p->caps[RUNTIME_CAP_PERMITTED] & have;
	uint64_t effective = p->caps[RUNTIME_CAP_EFFECTIVE] & permitted;
	uint64_t inheritable = p->caps[RUNTIME_CAP_INHERITABLE] & have;
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {
		{(uint32_t)effective, (uint32_t)permitted, (uint32_t)inheritable},
		{(uint32_t)(effective >> 32), (uint32_t)(permitted >> 32),
			(uint32_t)(inheritable >> 32)},
	};
	uint64_t keep = keep_for_final(k, d, have);
	for (int i = 0; i < 2; i++) {
		d[i].permitted |= (uint32_t)(keep >> 32 * i);
		d[i].effective |= (uint32_t)(keep >> 32 * i);
	}
	if (syscall(SYS_capset, &h, d) < 0)
		return err_sys(e, "set capabilities");
	return set_ambient(p->caps[RUNTIME_CAP_AMBIENT] & permitted & inheritable, e);
}
