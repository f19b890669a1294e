/* Runtime configs from anybody: parsing, the plan and the limits must not fall over. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "runtime/cgroup_priv.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/plan.h"
#include "runtime/seccomp_priv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = ERR_INIT;
	struct runtime_config *c cleanup_runtime_config = NULL;
	if (runtime_config_parse((const char *)data, size, &c, &e) < 0)
		return 0;
	struct runtime_options o = RUNTIME_OPTIONS_INIT;
	struct runtime_plan p cleanup_runtime_plan = {NULL};
	struct buf b cleanup_buf = BUF_INIT;
	if (runtime_plan_make(c, &o, &p, &e) == 0)
		runtime_plan_print(&p, &b);
	struct arena a cleanup_arena = ARENA_INIT;
	struct runtime_seccomp *filter;
	if (c->seccomp)
		seccomp_parse(c->seccomp, c->seccomp_len, &a, &filter, NULL);
	for (int mode = RUNTIME_CGROUP_V1; mode <= RUNTIME_CGROUP_V2; mode++) {
		struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
		struct cgroup_aim aim = {
			.host = {(enum runtime_cgroup_mode)mode, 0, 0}, .devices = true};
		cgroup_limits(&aim, &c->resources, &w, &e);
	}
	return 0;
}
