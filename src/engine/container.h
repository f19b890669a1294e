/*
 * Containers and their lives: created from an image, started under a monitor,
 * stopped, removed, listed. Texts that name a container are what a person types:
 * name, id or the beginning of an id.
 */
#pragma once

#include "engine/config.h"
#include "engine/engine.h"
#include "engine/state.h"
#include "store/container.h"

struct store_image;

/* A container as it is now: row, parsed config, state judged against /proc and the boot. */
struct engine_container {
	struct store_container row;
	struct engine_config config;
	struct engine_state state;
	bool monitored; /* its monitor lives */
};
void engine_container_release(struct engine_container *c);
#define cleanup_engine_container cleanup(engine_container_release)

int engine_container_find(
	struct engine *g, const char *text, struct engine_container *ret, struct err *e);
/* The state alone, judged: RUNNING only with a live first process of this boot. */
int engine_container_state(struct engine *g, const char *id, struct engine_state *ret,
	bool *ret_monitored, struct err *e);

struct engine_containers {
	struct engine_container *v;
	size_t n;
};
int engine_container_list(struct engine *g, struct engine_containers *ret, struct err *e);
void engine_containers_release(struct engine_containers *l);
#define cleanup_engine_containers cleanup(engine_containers_release)

/* Takes the lock of the container's directory: its descriptor. -ERR_IN_USE when another process
 * has it; wait_ms: how long to try. */
int engine_container_lock(struct engine *g, const char *id, int wait_ms, struct err *e);

enum { ENGINE_ID = 65 }; /* an id and its 0 */

/*
 * Makes a container in two steps. plan: id, directory, volumes; *ret has a copy of the options,
 * completed (hostname, Config with the image's values below, anonymous volumes of the image). name
 * NULL: a random one. soon: this process will start it; should it die before, a sweep takes an --rm
 * container away. -ERR_EXISTS: the name is taken.
 * commit: the row, from when on others see it. discard: what plan has made goes again.
 * Between them the container can be got ready to start (engine_start, commit).
 */
int engine_container_plan(struct engine *g, const char *image, const char *name,
	const struct engine_config *options, bool soon, struct engine_container *ret,
	struct err *e);
int engine_container_commit(struct engine *g, struct engine_container *c, struct err *e);
void engine_container_discard(struct engine *g, struct engine_container *c);

/* The image a person names, as `run` looks for it, with a hint of similar names when it is not
 * there. */
int engine_image_find(struct engine *g, const char *text, struct store_image *ret, struct err *e);

enum engine_remove_flags {
	ENGINE_REMOVE_FORCE = 1 << 0,   /* kill it first */
	ENGINE_REMOVE_VOLUMES = 1 << 1, /* its anonymous volumes too */
};
/* -ERR_IN_USE while it runs, without FORCE. */
int engine_container_remove(
	struct engine *g, const char *id, enum engine_remove_flags flags, struct err *e);

int engine_container_kill(struct engine *g, const char *id, int sig, struct err *e);
enum engine_stop_result {
	ENGINE_STOP_NOT_RUNNING,
	ENGINE_STOP_DONE,
	ENGINE_STOP_KILLED, /* it did not end in time: SIGKILL */
};
/* timeout_s -1: the container's own, else 10. Returns an enum engine_stop_result. */
int engine_container_stop(struct engine *g, const char *id, int timeout_s, struct err *e);
/* Until it does not run any more; its exit status. */
int engine_container_wait(struct engine *g, const char *id, struct err *e);
/* Where the helper of its network without root keeps its things. The caller frees it. */
char *engine_usermode_dir(const struct engine *g, const char *id);
/* After the end of a run: network, cgroup, run directory. The caller holds the lock. */
int engine_container_cleanup(struct engine *g, const char *id, struct err *e);
/* Puts away what dead monitors and earlier boots left: networks, cgroups, run directories,
 * containers that should have removed themselves. Cheap when there is nothing. */
int engine_sweep(struct engine *g, struct err *e);
