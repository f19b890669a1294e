/* The control group of a container that is being made: decided before anything is touched, made
 * before the clone (pid 0) or round the process. */
#pragma once

#include "runtime/cgroup_priv.h"
#include "runtime/container.h"
#include "runtime/idmap.h"
#include "runtime/systemd.h"

struct cgroup_setup {
	struct cgroup_aim aim;
	bool systemd;
	struct systemd_unit unit;
	bool delegate; /* to owner, a user of the host */
	uid_t owner;
};

/* maps: those of a new user namespace, or empty. Fills g; makes nothing. */
int cgroup_setup_plan(struct cgroup_setup *s, const struct runtime_config *c,
	const struct runtime_options *o, const struct runtime_id_maps *maps,
	struct runtime_cgroup *g, struct err *e);
/* No group is wanted: a warning when the config has limits */
int cgroup_setup_none(const struct runtime_config *c, struct err *e);
int cgroup_setup_do(struct cgroup_setup *s, const struct runtime_config *c,
	struct runtime_cgroup *g, const char *id, pid_t pid, struct err *e);
void cgroup_setup_release(struct cgroup_setup *s);
