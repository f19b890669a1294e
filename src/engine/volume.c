/* Volumes by name; see the header. Filling one from the image: volume_fill.c. */
#include "engine/volume.h"
#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/str.h"
#include "base/strv.h"
#include "engine/container.h"
#include "engine/option.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void engine_volume_new_name(char out[ENGINE_VOLUME_ID])
{
	random_hex(out, 32);
}

char *engine_volume_path(struct engine *g, const char *name)
{
	return mem_printf("%s/volumes/%s/_data", store_path(g->store), name);
}

int engine_volume_ensure(struct engine *g, const char *name, struct err *e)
{
	if (!engine_option_volume_name_valid(name))
		return err_set(e, ERR_USAGE, "'%s' is not a volume's name", name);
	int dir = store_dir(g->store, STORE_DIR_VOLUMES, e);
	if (dir < 0)
		return dir;
	cleanup_free char *data = mem_printf("%s/_data", name);
	if (mkdirat(dir, name, 0701) < 0 && errno != EEXIST)
		return err_sys(e, "make volume '%s'", name);
	if (mkdirat(dir, data, 0755) < 0 && errno != EEXIST)
		return err_sys(e, "make volume '%s'", name);
	return 0;
}

bool engine_volume_exists(struct engine *g, const char *name)
{
	int dir = store_dir(g->store, STORE_DIR_VOLUMES, NULL);
	return dir >= 0 && engine_option_volume_name_valid(name) && file_exists(dir, name);
}

int engine_volume_users(struct engine *g, const char *name, struct strv *ret, struct err *e)
{
	struct store_containers all cleanup_store_containers = {0};
	int r = store_container_list(g->store, &all, e);
	for (size_t i = 0; i < all.n && r >= 0; i++) {
		struct engine_config c cleanup_engine_config = ENGINE_CONFIG_INIT;
		r = engine_config_parse(all.v[i].data, &c, e);
		for (size_t k = 0; k < c.mounts.n; k++)
			if (str_eq(c.mounts.v[k].name, name)) {
				strv_add(ret, all.v[i].id);
				break;
			}
	}
	return r < 0 ? r : 0;
}

int engine_volume_remove(struct engine *g, const char *name, struct err *e)
{
	struct strv users cleanup_strv = STRV_INIT;
	if (!engine_volume_exists(g, name))
		return err_set(e, ERR_NOT_FOUND, "no such volume: %s", name);
	int r = engine_volume_users(g, name, &users, e);
	if (r < 0)
		return r;
	if (users.n) {
		cleanup_free char *ids = strv_join(&users, ", ");
		return err_set(e, ERR_IN_USE, "volume '%s' is in use by container %s", name, ids);
	}
	return file_remove_tree(store_dir(g->store, STORE_DIR_VOLUMES, NULL), name, e);
}

int engine_volume_list(struct engine *g, struct strv *ret, struct err *e)
{
	int dir = store_dir(g->store, STORE_DIR_VOLUMES, e);
	if (dir < 0)
		return dir;
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cleanup_dir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "list the volumes");
	for (struct dirent *ent; (ent = readdir(d));)
		if (ent->d_name[0] != '.' && engine_option_volume_name_valid(ent->d_name))
			strv_add(ret, ent->d_name);
	strv_sort(ret);
	return 0;
}
