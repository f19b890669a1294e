/*
 * Lists that come in pages (Link, rel="next"): tags of a repository
 * (distribution-spec, "Listing tags"), repositories of a registry (docker's
 * _catalog). Each page is bounded by LIMIT_LIST_PAGE, all by LIMIT_LIST_ENTRIES.
 */
#pragma once

#include "registry/client/client.h"

struct registry_list {
	const char *last; /* begin after this name; NULL: from the beginning */
	unsigned n;       /* at most so many in all; 0: all */
	/* name is borrowed for the call; a negative result ends the list and is returned */
	int (*each)(void *arg, const char *name, struct err *e);
	void *arg;
};

/* In the registry's order, which is nearly always the alphabet's. A repository without tags
 * calls each for none; one that is not there is -ERR_NOT_FOUND. */
int registry_tags(struct registry_repo *r, const struct registry_list *list, struct err *e);
/* Repositories ("library/alpine"); at->path is not used. Many registries refuse: -ERR_UNSUPPORTED
 * or -EACCES. */
int registry_catalog(struct registry_client *c, const struct registry_endpoint *at,
	const struct registry_list *list, struct err *e);
