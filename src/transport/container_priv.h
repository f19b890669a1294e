/* What diff, export and commit of a container share. */
#pragma once

#include "transport/container.h"
#include "transport/stack_priv.h"

/* The writable directory: a descriptor, or -ENOENT (e untouched) when there is none. */
int transport_container_upper(const struct transport_container *c, struct err *e);
/* Normalised paths of the upper directory that are mount points only. */
int transport_container_stubs(const struct transport_container *c, int upper,
	struct transport_stack *image, struct strv *ret, struct err *e);
