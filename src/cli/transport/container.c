/* Finding a container and what belongs to its file system. */
#include "cli/transport/container.h"

#include "base/mem.h"
#include "base/str.h"
#include "runtime/container.h"

#include <stdlib.h>

/* What every container has mounted, whether its image has the place or not. */
static const char *const mountpoints[] = {
	"/proc", "/dev", "/sys", "/etc/resolv.conf", "/etc/hosts", "/etc/hostname"};

void container_view_release(struct container_view *v)
{
	struct err e = ERR_INIT;
	if (v->paused && runtime_pause(v->state_dir, false, &e) < 0)
		cli_warn("container '%s' stays paused: %s", v->row.name, e.msg);
	store_container_release(&v->row);
	engine_config_release(&v->config);
	transport_container_release(&v->files);
	free(v->state_dir);
}

static int open_files(struct cli *c, struct store *s, struct container_view *v)
{
	struct store_image img cleanup_store_image = {0};
	int r = str_empty(v->row.image) ? 0 : store_image_get(s, v->row.image, &img, &c->err);
	if (r < 0)
		return r;
	strv_add_all(&v->files.layers, &img.layers);
	v->files.upper = store_container_path(s, v->row.id, "upper");
	for (size_t i = 0; i < ARRAY_SIZE(mountpoints); i++)
		strv_add(&v->files.mountpoints, mountpoints[i]);
	for (size_t i = 0; i < v->config.mounts.n; i++)
		strv_add(&v->files.mountpoints, v->config.mounts.v[i].destination);
	v->state_dir = store_container_run_path(s, v->row.id);
	return 0;
}

int container_view_open(struct cli *c, struct store *s, const char *name, struct container_view *v)
{
	*v = (struct container_view){.config = ENGINE_CONFIG_INIT};
	int r = store_container_find(s, name, &v->row, &c->err);
	if (r >= 0)
		r = engine_config_parse(v->row.data, &v->config, &c->err);
	if (r >= 0)
		r = open_files(c, s, v);
	return r;
}

int container_view_pause(struct cli *c, struct container_view *v)
{
	struct runtime_state *state cleanup_runtime_state = NULL;
	if (runtime_state_load(v->state_dir, &state, NULL) < 0 || state->status != RUNTIME_RUNNING)
		return 0;
	int r = runtime_pause(v->state_dir, true, &c->err);
	if (r < 0) {
		err_hint(&c->err, "the container's control group cannot be frozen; stop the "
				  "container, or use --pause=false");
		return r;
	}
	v->paused = true;
	return 0;
}
