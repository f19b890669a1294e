/* Detached mounts of layers, found by the layer's directory. */
#include "snapshot/mounts.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/strv.h"
#include "snapshot/mount_priv.h"

#include <string.h>
#include <unistd.h>

struct snapshot_mounts {
	struct strv dirs;
	int fds[SNAPSHOT_MOUNTS_MAX]; /* of the same index */
};

struct snapshot_mounts *snapshot_mounts_new(void)
{
	return mem_alloc(sizeof(struct snapshot_mounts));
}

void snapshot_mounts_free(struct snapshot_mounts *m)
{
	if (!m)
		return;
	for (size_t i = 0; i < m->dirs.n; i++)
		close(m->fds[i]);
	strv_release(&m->dirs);
	free(m);
}

int mounts_get(const struct snapshot_mounts *m, const char *dir)
{
	for (size_t i = 0; m && i < m->dirs.n; i++)
		if (!strcmp(m->dirs.v[i], dir))
			return m->fds[i];
	return -1;
}

int snapshot_mounts_add(struct snapshot_mounts *m, struct snapshot_spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->lower.n && m->dirs.n < SNAPSHOT_MOUNTS_MAX; i++) {
		const char *dir = spec->lower.v[i];
		if (mounts_get(m, dir) >= 0)
			continue;
		int fd = mount_layer_open(spec->driver, dir, 0, e);
		if (fd < 0)
			return fd;
		m->fds[m->dirs.n] = fd;
		strv_add(&m->dirs, dir);
	}
	spec->mounts = m;
	return 0;
}
