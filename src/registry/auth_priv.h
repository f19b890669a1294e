/* The two halves of credentials: files (auth.c) and helpers (auth_helper.c). */
#pragma once

#include "registry/auth.h"

/* What docker and its helpers call the hub. */
#define REGISTRY_HUB     "docker.io"
#define REGISTRY_HUB_KEY "https://index.docker.io/v1/"

/* name: as in the file, checked here. key: short form. 1, 0: the helper has none. */
int registry_helper_get(
	const char *name, const char *key, struct registry_credentials *ret, struct err *e);
int registry_helper_store(
	const char *name, const char *key, const struct registry_credentials *c, struct err *e);
/* 1: there was something; 0: not */
int registry_helper_erase(const char *name, const char *key, struct err *e);
