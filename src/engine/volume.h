/*
 * Volumes: directories ROOT/volumes/NAME/_data that outlive containers. One without
 * a name gets 64 random digits and goes with its container.
 */
#pragma once

#include "engine/engine.h"

struct err;
struct strv;

#define ENGINE_VOLUME_ID 65 /* room for a made name */

/* Makes it when it is not there. */
int engine_volume_ensure(struct engine *g, const char *name, struct err *e);
void engine_volume_new_name(char out[ENGINE_VOLUME_ID]);
/* Absolute path of the data; the caller's. */
char *engine_volume_path(struct engine *g, const char *name) must_check;
bool engine_volume_exists(struct engine *g, const char *name);
/* -ERR_NOT_FOUND; -ERR_IN_USE while a container names it. */
int engine_volume_remove(struct engine *g, const char *name, struct err *e);
int engine_volume_list(struct engine *g, struct strv *ret, struct err *e); /* names, sorted */
/* Ids of the containers that use it are appended. */
int engine_volume_users(struct engine *g, const char *name, struct strv *ret, struct err *e);
/* An empty volume takes over what the image has at that place: files, owners, modes, attributes.
 * root: the container's root file system. Nothing happens where the volume is not empty or the
 * image has nothing there. System calls only: no store. */
int engine_volume_fill(const char *path, int root, const char *destination, struct err *e);
