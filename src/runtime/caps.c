/* What the kernel and this process have; applying sets to a process is in caps_apply.c. */
#include "runtime/caps.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

uint64_t runtime_caps_kernel(void)
{
	uint64_t all = 0;
	for (int i = 0; i < 64 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) >= 0; i++)
		all |= 1ULL << i;
	return all;
}

uint64_t runtime_caps_host(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{0}};
	uint64_t bounding = 0;
	if (syscall(SYS_capget, &h, d) < 0)
		return 0;
	for (int i = 0; i < 64; i++)
		bounding |= (uint64_t)(prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) << i;
	return bounding & (d[0].permitted | (uint64_t)d[1].permitted << 32);
}
