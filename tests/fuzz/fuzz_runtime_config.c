/* Runtime configs from anybody: parsing (of a whole config, and of the objects that exec and update
 * take), the plan, its text and the limits must not fall over. */
#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "runtime/cgroup_priv.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/plan.h"
#include "runtime/seccomp_priv.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void set_limits(const struct runtime_config *c)
{
	struct err e = ERR_INIT;
	for (int mode = RUNTIME_CGROUP_V1; mode <= RUNTIME_CGROUP_V2; mode++) {
		struct cgroup_writes w cleanup_cgroup_writes = {NULL, 0};
		struct cgroup_aim aim = {
			.host = {(enum runtime_cgroup_mode)mode, 0, 0}, .devices = true};
		cgroup_limits(&aim, &c->resources, &w, &e);
	}
}

/* A plan must say something of each of its steps, and no sysctl may lead out of /proc/sys. */
static void plan(const struct runtime_config *c)
{
	static const enum runtime_flags flags[] = {0, RUNTIME_NO_CGROUP, RUNTIME_START_LATER};
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++) {
		struct err e = ERR_INIT;
		struct runtime_options o = RUNTIME_OPTIONS_INIT;
		struct runtime_plan p cleanup_runtime_plan = {NULL};
		struct buf b cleanup_buf = BUF_INIT;
		o.flags = flags[i];
		o.bundle = "/bundle";
		if (runtime_plan_make(c, &o, &p, &e) < 0)
			continue;
		runtime_plan_print(&p, &b);
		size_t lines = 0;
		for (size_t at = 0; at < b.len; at++)
			lines += b.data[at] == '\n';
		if (lines < p.n)
			abort();
	}
	struct runtime_plan exec cleanup_runtime_plan = {NULL};
	struct buf b cleanup_buf = BUF_INIT;
	runtime_plan_exec(c, &c->process, 0, &exec);
	runtime_plan_print(&exec, &b);
	for (size_t i = 0; i < c->sysctl.n; i++) {
		char *path = runtime_sysctl_path(c, c->sysctl.v[i].key, NULL);
		if (path && (path[0] == '/' || strstr(path, "../")))
			abort();
		free(path);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	struct runtime_config *c cleanup_runtime_config = NULL;
	struct runtime_config *process cleanup_runtime_config = NULL;
	struct runtime_config *resources cleanup_runtime_config = NULL;
	runtime_config_parse_process(text, size, &process, NULL);
	if (runtime_config_parse_resources(text, size, &resources, NULL) == 0)
		set_limits(resources);
	if (runtime_config_parse(text, size, &c, NULL) < 0)
		return 0;
	plan(c);
	set_limits(c);
	struct arena a cleanup_arena = ARENA_INIT;
	struct runtime_seccomp *filter;
	if (c->seccomp)
		seccomp_parse(c->seccomp, c->seccomp_len, &a, &filter, NULL);
	return 0;
}
