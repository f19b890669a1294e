/* Making a container from an image and options: config, name, row, directories, volumes. */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/mem.h"
#include "base/proc.h"
#include "base/random.h"
#include "base/str.h"
#include "engine/container.h"
#include "engine/name.h"
#include "engine/option.h"
#include "engine/volume.h"
#include "oci/convert.h"
#include "store/blob.h"
#include "store/image.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void take_string(char **over, char **below)
{
	if (!*over)
		*over = STEAL(*below);
}

static void merge_sets(struct strv *over, const struct strv *below)
{
	for (size_t i = 0; i < below->n; i++)
		if (!strv_has(over, below->v[i]))
			strv_add(over, below->v[i]);
}

/* NAME=VALUE lists: those of `over` win; NAME alone in over takes it away. */
static void merge_env(struct strv *over, const struct strv *below)
{
	struct strv all = STRV_INIT;
	strv_add_all(&all, below);
	for (size_t i = 0; i < over->n; i++) {
		const char *eq = strchr(over->v[i], '=');
		if (!eq) {
			strv_env_unset(&all, over->v[i]);
			continue;
		}
		cleanup_free char *name = mem_strndup(over->v[i], (size_t)(eq - over->v[i]));
		strv_env_set(&all, name, eq + 1);
	}
	strv_release(over);
	*over = all;
}

static void merge_health(struct oci_healthcheck *over, struct oci_healthcheck *below)
{
	if (!over->set) {
		oci_healthcheck_copy(over, below);
		return;
	}
	if (!over->test.n)
		strv_copy(&over->test, &below->test);
	int64_t *const to[] = {&over->interval, &over->timeout, &over->start_period,
		&over->start_interval, &over->retries};
	const int64_t from[] = {below->interval, below->timeout, below->start_period,
		below->start_interval, below->retries};
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		if (!*to[i])
			*to[i] = from[i];
}

/* The options over the image's config, which is emptied where it helps. */
static void merge_config(struct oci_container_config *c, struct oci_container_config *image)
{
	if (!c->has_entrypoint) {
		c->has_entrypoint = image->has_entrypoint;
		strv_copy(&c->entrypoint, &image->entrypoint);
		if (!c->has_cmd || !c->cmd.n) {
			c->has_cmd = image->has_cmd;
			strv_copy(&c->cmd, &image->cmd);
		}
	}
	merge_env(&c->env, &image->env);
	merge_env(&c->labels, &image->labels);
	merge_sets(&c->exposed_ports, &image->exposed_ports);
	merge_sets(&c->volumes, &image->volumes);
	take_string(&c->user, &image->user);
	take_string(&c->working_dir, &image->working_dir);
	take_string(&c->stop_signal, &image->stop_signal);
	if (c->stop_timeout < 0)
		c->stop_timeout = image->stop_timeout;
	merge_health(&c->healthcheck, &image->healthcheck);
}

/* Anonymous volumes for the image's VOLUMEs that no option covers. */
static void add_image_volumes(struct engine_config *c)
{
	for (size_t i = 0; i < c->config.volumes.n; i++) {
		const char *path = c->config.volumes.v[i];
		bool covered = path[0] != '/';
		for (size_t k = 0; k < c->mounts.n; k++)
			covered |= str_eq(c->mounts.v[k].destination, path);
		if (covered)
			continue;
		struct engine_mount *m = engine_mounts_add(&c->mounts);
		m->type = mem_strdup("volume");
		m->destination = mem_strdup(path);
		m->anonymous = true;
	}
}

static int prepare_mount(struct engine *g, struct engine_mount *m, struct err *e)
{
	if (str_eq(m->type, "volume")) {
		if (!m->name) {
			m->name = mem_alloc(ENGINE_VOLUME_ID);
			engine_volume_new_name(m->name);
		}
		free(m->source);
		m->source = engine_volume_path(g, m->name);
		return engine_volume_ensure(g, m->name, e);
	}
	if (!str_eq(m->type, "bind"))
		return 0;
	struct stat st;
	if (stat(m->source, &st) == 0)
		return 0;
	if (errno == ENOENT && m->make_source)
		return 0; /* made at the start, as docker does */
	return err_sys(e, "bind source '%s'", m->source);
}

static int prepare_mounts(struct engine *g, struct engine_config *c, struct err *e)
{
	int r = engine_option_mounts_unique(&c->mounts, e);
	if (r < 0)
		return r;
	add_image_volumes(c);
	for (size_t i = 0; i < c->mounts.n && r >= 0; i++)
		r = prepare_mount(g, &c->mounts.v[i], e);
	return r;
}

static void remove_new_volumes(struct engine *g, const struct engine_config *c)
{
	for (size_t i = 0; i < c->mounts.n; i++)
		if (c->mounts.v[i].anonymous && c->mounts.v[i].name)
			engine_volume_remove(g, c->mounts.v[i].name, NULL);
}

static void default_hostname(struct engine_config *c, const char *id)
{
	char host[256];
	if (c->hostname)
		return;
	bool shared = str_eq(c->network, "host") || str_eq(c->uts_mode, "host");
	if (shared && gethostname(host, sizeof(host)) == 0) {
		host[sizeof(host) - 1] = 0;
		c->hostname = mem_strdup(host);
		return;
	}
	c->hostname = mem_strndup(id, 12);
}

static int check_config(const struct engine_config *c, struct err *e)
{
	struct oci_convert_options o = {0};
	struct strv args cleanup_strv = STRV_INIT;
	if (c->auto_remove && c->restart != ENGINE_RESTART_NO)
		return err_set(
			e, ERR_USAGE, "--rm and --restart contradict each other: choose one");
	return oci_convert_args(&c->config, &o, &args, e);
}

static int name_free(struct engine *g, const char *name, struct err *e)
{
	struct store_container other cleanup_store_container = {0};
	int r = store_container_find(g->store, name, &other, NULL);
	if (r < 0 || !str_eq(other.name, name)) /* the beginning of an id is no name */
		return 0;
	r = err_set(e, ERR_EXISTS, "the container name '%s' is already in use by container '%s'",
		name, other.id);
	err_hint(e, "remove or rename that container to use the name again");
	return r;
}

static int make_directories(struct engine *g, const char *id, struct err *e)
{
	static const char *const names[] = {"upper", "work"};
	int dir = store_dir(g->store, STORE_DIR_CONTAINERS, e);
	if (dir < 0)
		return dir;
	if (mkdirat(dir, id, 0700) < 0)
		return err_sys(e, "make the directory of container '%s'", id);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		cleanup_free char *path = store_container_path(g->store, id, names[i]);
		if (mkdir(path, i ? 0700 : 0755) < 0)
			return err_sys(e, "make '%s'", path);
	}
	return 0;
}

/* In the row from the beginning: should this process die before the start, it is known whose the
 * container was. */
static void note_starter(struct engine *g, struct engine_config *c)
{
	uint64_t start = 0;
	proc_start_time(getpid(), &start);
	free(c->starter);
	c->starter = mem_printf("%d %" PRIu64 " %s", (int)getpid(), start, store_boot(g->store));
}

static int read_image_config(
	struct engine *g, const char *id, struct oci_image_config *ret, struct err *e)
{
	struct buf bytes cleanup_buf = BUF_INIT_MAX(LIMIT_CONFIG);
	int r = store_blob_read(g->store, id, &bytes, e);
	if (r >= 0)
		r = oci_image_config_parse(buf_str(&bytes), bytes.len, ret, e);
	return r < 0 ? err_wrap(e, r, "read the config of image '%s'", id) : 0;
}

void engine_container_discard(struct engine *g, struct engine_container *c)
{
	int dir = store_dir(g->store, STORE_DIR_CONTAINERS, NULL);
	if (dir >= 0 && c->row.id)
		file_remove_tree(dir, c->row.id, NULL);
	remove_new_volumes(g, &c->config);
}

int engine_container_commit(struct engine *g, struct engine_container *c, struct err *e)
{
	return store_container_add(g->store, &c->row, c->config.auto_remove, e);
}

static int plan(struct engine *g, const char *image, struct engine_config *c, bool soon,
	struct engine_container *ret, struct err *e)
{
	struct store_image img cleanup_store_image = {0};
	struct oci_image_config config cleanup_oci_image_config = OCI_IMAGE_CONFIG_INIT;
	int r = engine_image_find(g, image, &img, e);
	if (r >= 0)
		r = read_image_config(g, img.id, &config, e);
	if (r < 0)
		return r;
	free(c->image_name);
	c->image_name = mem_strdup(image);
	merge_config(&c->config, &config.config);
	default_hostname(c, ret->row.id);
	if (soon)
		note_starter(g, c);
	r = check_config(c, e);
	if (r >= 0)
		r = prepare_mounts(g, c, e);
	if (r >= 0)
		r = make_directories(g, ret->row.id, e);
	if (r < 0)
		return r;
	struct buf data cleanup_buf = BUF_INIT;
	engine_config_format(c, &data);
	ret->row.image = mem_strdup(img.id);
	ret->row.created = clock_now();
	ret->row.data = buf_take(&data);
	ret->row.has_dir = true;
	return 0;
}

int engine_container_plan(struct engine *g, const char *image, const char *name,
	const struct engine_config *options, bool soon, struct engine_container *ret, struct err *e)
{
	struct engine_container k = {.config = ENGINE_CONFIG_INIT};
	int r = name ? engine_option_name(name, e) : 0;
	if (r >= 0 && name)
		r = name_free(g, name, e);
	if (r < 0)
		return r;
	char made[ENGINE_NAME_MAX];
	for (unsigned attempt = 0; !name; attempt++) {
		engine_name_random(attempt, made);
		if (name_free(g, made, NULL) == 0)
			name = made;
	}
	k.row.id = mem_alloc(ENGINE_ID);
	random_hex(k.row.id, 32);
	k.row.name = mem_strdup(name);
	engine_config_copy(&k.config, options);
	r = plan(g, image, &k.config, soon, &k, e);
	if (r < 0) {
		engine_container_discard(g, &k);
		engine_container_release(&k);
		return r;
	}
	*ret = k;
	return 0;
}
