/* What the commands of kist-transport share. */
#pragma once

#include "cli/cli.h"
#include "store/store.h"

/* The store of --root and --runroot, with its driver chosen (--storage-driver). */
int transport_open_store(struct cli *c, struct store **ret);
/* The name that people read: "alpine:3.18" of docker.io/library/alpine:3.18. Static until the next
 * call. */
const char *transport_familiar(const char *tag);
