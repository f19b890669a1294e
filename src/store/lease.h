/*
 * Leases: while a command works, nothing that it uses may be collected. A lease
 * covers every object that entered the store after it began, and what was added to
 * it by name. It ends with store_lease_end or with its process (pid, start time and
 * boot are kept; the dead ones are swept by gc).
 */
#pragma once

#include "store/store.h"

struct store_lease;

/* what: "build", "pull" ...: shown when a prune keeps something because of it. */
int store_lease_begin(struct store *s, const char *what, struct store_lease **ret, struct err *e);
/* ref: digest of a blob, diffID of a layer, id of an image (then with all its layers) */
int store_lease_add(struct store_lease *l, const char *ref, struct err *e);
/* Adds ref to the lease that this process holds on s; fine when it holds none. For what was there
 * before the lease began and is met again: to be called before looking whether it is there. */
int store_lease_keep(struct store *s, const char *ref, struct err *e);
void store_lease_end(struct store_lease *l); /* before store_close */
DEFINE_CLEANUP(struct store_lease *, store_lease_end)
#define cleanup_store_lease cleanup(store_lease_end_cleanup)
