/*
 * Containers as the store sees them: an id, a unique name, an image that must not
 * vanish, a directory containers/ID and a JSON text that the engine reads and
 * writes. What it means is the engine's.
 */
#pragma once

#include "store/store.h"

struct store_container {
	char *id;    /* 64 hexadecimal digits */
	char *name;  /* without '/' */
	char *image; /* id of the image, "" for a container of a root file system */
	int64_t created;
	char *data;   /* JSON, the engine's; never NULL */
	bool has_dir; /* for add: the caller has made containers/ID, and keeps it on failure */
};
void store_container_release(struct store_container *c);
#define cleanup_store_container cleanup(store_container_release)

struct store_containers {
	struct store_container *v;
	size_t n;
};
void store_containers_release(struct store_containers *l);
#define cleanup_store_containers cleanup(store_containers_release)

/* Row and directory containers/ID (0700). -ERR_EXISTS when the name is taken (docker's words, with
 * the holder's id), -ERR_NOT_FOUND when the image has gone. quick: not fsynced (run --rm). */
int store_container_add(
	struct store *s, const struct store_container *c, bool quick, struct err *e);
int store_container_update(struct store *s, const char *id, const char *data, struct err *e);
int store_container_rename(struct store *s, const char *id, const char *name, struct err *e);
/* Removes directory and row; absent is fine. Nothing may be mounted below it. */
int store_container_delete(struct store *s, const char *id, struct err *e);

/* Whole id, whole name, then id prefix: as docker. -ERR_NOT_FOUND "no such container: x";
 * -EINVAL "multiple containers with prefix". */
int store_container_find(
	struct store *s, const char *text, struct store_container *ret, struct err *e);
int store_container_list(
	struct store *s, struct store_containers *ret, struct err *e); /* newest first */
/* Absolute path of containers/ID or containers/ID/NAME. Needs no database. */
char *store_container_path(struct store *s, const char *id, const char *name) must_check;
/* Where the runtime keeps the state of a running container, below the runroot. */
char *store_container_run_path(const struct store *s, const char *id) must_check;
