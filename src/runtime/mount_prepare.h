/*
 * What the parent has to open for the mounts of a container, because the
 * container's process cannot: sources that only the host's root may reach when
 * that process is root of a user namespace, and id-mapped mounts
 * (mount_setattr(2), MOUNT_ATTR_IDMAP; config.md, "mounts": idmap, ridmap,
 * uidMappings), which need privilege over the file system's own user namespace.
 */
#pragma once

#include "base/defs.h"
#include "runtime/config.h"

struct err;
struct runtime_id_maps;

/* For each mount of c a descriptor of a detached mount, or -1: the child opens it itself. NULL when
 * there is none at all. maps: of the container's user namespace when it is new, else empty. The
 * caller closes and frees (mounts_release). */
int mounts_prepare(const struct runtime_config *c, const struct runtime_id_maps *maps,
	const char *bundle, int **ret, struct err *e) must_check;
void mounts_release(int *fds, size_t n);

/* The ranges of one mount as the kernel takes them: `host` of a relative one is looked up in the
 * container's mapping `in`. -ERR_FORMAT when it is not mapped there. Pure. */
int mount_map_resolve(const struct runtime_id_map *v, size_t n, uint64_t relative,
	const struct runtime_id_map *in, size_t nin, struct runtime_id_map *ret,
	struct err *e) must_check;
