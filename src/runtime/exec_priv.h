/* Parts of runtime_exec. */
#pragma once

#include "runtime/cgroup_priv.h"
#include "runtime/child_priv.h"
#include "runtime/spawn_priv.h"
#include "runtime/state_priv.h"

/* Opens what the process needs to be in the container's groups, or in those below that o names.
 * clone_into: on v2 it is cloned there; else it moves itself. */
int exec_cgroup_enter(const struct runtime_state *s, const struct runtime_exec_options *o,
	bool clone_into, struct child *ch, struct spawn *sp, struct err *e);
/* Pure: "[CONTROLLER[,CONTROLLER...]:]PATH"; *ret_path points into text */
int exec_cgroup_parse(
	const char *text, unsigned *ret_controllers, const char **ret_path, struct err *e);
