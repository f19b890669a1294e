/*
 * The state directory of a container:
 *   state       see state_file.h: who made it, its first process, the config
 *   start.sock  while a container made with RUNTIME_START_LATER waits
 * The file is written before anything else is made, so that whatever a killed
 * runtime leaves behind can be found and removed.
 */
#pragma once

#include "base/defs.h"
#include "runtime/cgroup.h"
#include "runtime/config.h"
#include "runtime/container.h"
#include "runtime/state_file.h"

int state_write(int dir, const struct runtime_config *c, const struct runtime_options *o,
	const struct runtime_cgroup *g, struct err *e);
int state_write_pid(int dir, pid_t pid, struct err *e);
/* poststop hooks: failures are warnings. poststart hooks: the first failure ends the container's
 * life, which is up to the caller (runtime.md, "Lifecycle", steps 9 and 13). */
void state_run_poststop(const char *state_dir, const struct runtime_state *s);
int state_run_poststart(const char *state_dir, const struct runtime_state *s, struct err *e);
/* The state document of the specification; the caller frees it */
char *state_document(const char *version, const char *id, const char *bundle,
	const char *annotations, enum runtime_status status, pid_t pid);
/* annotations of a config as a JSON object; the caller frees it */
char *state_annotations(const struct runtime_config *c);
/* The group of a loaded state; path is borrowed from it */
struct runtime_cgroup state_cgroup(const struct runtime_state *s);
/* A pidfd of the container's first process, checked against its start time; -ESRCH: gone */
int state_open_pid(const struct runtime_state *s);
/* An address for bind or connect to start.sock below dir; returns its length */
struct sockaddr_un;
unsigned state_socket_address(int dir, struct sockaddr_un *a);
