/* The parent's side: a container that is being made or runs. */
#pragma once

#include "runtime/cgroup.h"
#include "runtime/child_priv.h"
#include "runtime/container.h"
#include "runtime/spawn_priv.h"

struct runtime_container {
	pid_t pid;
	int pidfd;
	int sock;      /* to the child until its exec; -1 */
	int master;    /* pty; -1 */
	int state_dir; /* -1 for an exec */
	bool started, waited;
	bool start_later;
	void (*before_start)(void);          /* of the options, or NULL */
	bool poststart;                      /* the config has such hooks */
	int console_socket;                  /* borrowed, -1 */
	const struct runtime_config *config; /* borrowed during create */
	const char *id, *bundle;             /* borrowed during create */
	struct runtime_cgroup cgroup;
	char *state_path; /* of the container that an exec joins, too */
	int status;
};

struct runtime_container *container_new(void);
/* The socket pair, the clone; afterwards k->pid, pidfd, sock are set. */
int container_spawn(
	struct runtime_container *k, struct child *child, struct spawn *sp, struct err *e);
/* Serves the child's messages until it is ready. */
int container_await_ready(struct runtime_container *k, struct err *e);
/* Lets it exec, and reports when that fails. sock: to the child, process pid */
int container_let_go(int sock, const char *state_path, pid_t pid, struct err *e);
/* Kills and reaps what was spawned. */
void container_abort(struct runtime_container *k);
/* Fields of a child that are the same for create and exec */
void child_init(struct child *c);
void child_release(struct child *c);
int pid_file_write(const char *path, pid_t pid, struct err *e);
