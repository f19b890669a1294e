/*
 * Planning a prune: the rows are really deleted, in the order in which things set
 * each other free, noted, and the transaction is rolled back.
 */
#include "base/clock.h"
#include "base/mem.h"
#include "store/blob.h"
#include "store/gc_priv.h"
#include "store/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETUP_NS (60 * CLOCK_NS_PER_S)

void store_prune_plan_release(struct store_prune_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		free(p->v[i].id);
		free(p->v[i].name);
		free(p->v[i].reason);
	}
	free(p->v);
	free(p->by);
	*p = (struct store_prune_plan){0};
}

static void add(struct store_prune_plan *p, enum store_prune_kind kind, const char *id,
	const char *name, const char *reason, uint64_t bytes)
{
	p->v = mem_realloc(p->v, p->n + 1, sizeof(*p->v));
	p->v[p->n++] = (struct store_prune_item){
		kind, mem_strdup(id), mem_strdup(name), mem_strdup(reason), bytes};
	p->bytes += bytes;
}

/* Bytes on disk below a directory; bounded by what lies there. */
static uint64_t tree_bytes(int parent, const char *name, int depth)
{
	uint64_t sum = 0;
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	DIR *d cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return 0;
	struct dirent *de;
	while ((de = readdir(d))) {
		struct stat st;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, "..") ||
			fstatat(dirfd(d), de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		sum += (uint64_t)st.st_blocks * 512;
		if (S_ISDIR(st.st_mode) && depth < 64)
			sum += tree_bytes(dirfd(d), de->d_name, depth + 1);
	}
	return sum;
}

/* A container's directory is there before its row, for the milliseconds of its setting up (more
 * where the image must be synced first). Layers get directory and row in one transaction. */
static bool may_be_new(int base, const char *name)
{
	struct stat st;
	if (fstatat(base, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return true; /* gone meanwhile */
	int64_t changed = st.st_ctim.tv_sec * CLOCK_NS_PER_S + st.st_ctim.tv_nsec;
	return clock_now() - changed < SETUP_NS;
}

/* Directories below layers/ and containers/ that no row names. */
static int plan_leftovers(struct store *s, struct store_prune_plan *p, enum store_dir which,
	const char *prefix, const char *sql, const char *key, struct err *e)
{
	int base = store_dir(s, which, e);
	int fd = base < 0 ? base : openat(base, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d cleanup_dir = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, "read '%s/%s'", s->root, prefix);
	struct dirent *de;
	while ((de = readdir(d))) {
		char name[512], path[512];
		int64_t known = 0;
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		snprintf(name, sizeof(name), "%s%s", key, de->d_name);
		snprintf(path, sizeof(path), "%s/%s", prefix, de->d_name);
		int r = store_query_number(s, &known, e, sql, "s", name);
		if (r < 0)
			return r;
		if (!known && !(which == STORE_DIR_CONTAINERS && may_be_new(base, de->d_name)))
			add(p, STORE_PRUNE_LEFTOVER, path, path,
				"left by a crash, nothing knows it",
				tree_bytes(base, de->d_name, 0));
	}
	return 0;
}

static int plan_containers(
	struct store *s, struct store_prune_plan *p, const struct strv *ids, struct err *e)
{
	int containers = ids && ids->n ? store_dir(s, STORE_DIR_CONTAINERS, e) : 0;
	if (containers < 0)
		return containers;
	for (size_t i = 0; ids && i < ids->n; i++) {
		struct store_query q cleanup_query = STORE_QUERY_INIT;
		int r = store_query(
			s, &q, e, "SELECT name FROM container WHERE id=?1", "s", ids->v[i]);
		if (r >= 0)
			r = store_query_next(s, &q, e);
		if (r > 0)
			add(p, STORE_PRUNE_CONTAINER, ids->v[i], store_query_text(&q, 0),
				"not running", tree_bytes(containers, ids->v[i], 0));
		if (r > 0)
			r = store_exec(s, e, "DELETE FROM container WHERE id=?1", "s", ids->v[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

static int plan_tags(struct store *s, struct store_prune_plan *p, const char *id, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e, "SELECT name FROM tag WHERE image=?1 ORDER BY name", "s", id);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		add(p, STORE_PRUNE_TAG, id, store_query_text(&q, 0), "no container uses it", 0);
	return r;
}

static int plan_images(struct store *s, struct store_prune_plan *p,
	const struct store_prune_options *o, struct err *e)
{
	struct strv ids cleanup_strv = STRV_INIT;
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT id FROM image i WHERE NOT EXISTS(SELECT 1 FROM container WHERE image=i.id)"
		" AND (?1 OR NOT EXISTS(SELECT 1 FROM tag WHERE image=i.id))"
		" AND (?1 OR NOT" GC_INDEX_TAGGED(
			"i.id") ")"
				" AND NOT EXISTS(SELECT 1 FROM lease_ref WHERE ref=i.id)"
				" AND i.added <" GC_LEASED_SINCE
				"AND (?2=0 OR i.added<?2) ORDER BY i.added, i.id",
		"ii", (int64_t)o->all_images, o->before);
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		strv_add(&ids, store_query_text(&q, 0));
	for (size_t i = 0; r >= 0 && i < ids.n; i++) {
		size_t before = p->n;
		r = plan_tags(s, p, ids.v[i], e);
		if (r < 0)
			break;
		const char *name = p->n > before ? p->v[before].name : "<none>";
		char *copy cleanup_free = mem_strdup(name);
		add(p, STORE_PRUNE_IMAGE, ids.v[i], copy,
			p->n > before ? "no container uses it" : "no tag and no container", 0);
		r = gc_image_rows_delete(s, ids.v[i], e);
	}
	return r < 0 ? r : 0;
}

static int plan_cache(struct store *s, struct store_prune_plan *p,
	const struct store_prune_options *o, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT key, instruction FROM cache WHERE collected=0 AND (?1=0 OR last_used<?1)"
		" AND created <" GC_LEASED_SINCE "ORDER BY last_used, key",
		"i", o->before);
	size_t first = p->n;
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		add(p, STORE_PRUNE_CACHE, store_query_text(&q, 0), store_query_text(&q, 1),
			"build cache", 0);
	store_query_end(&q);
	for (size_t i = first; r >= 0 && i < p->n; i++)
		r = store_exec(s, e, "UPDATE cache SET collected=1 WHERE key=?1", "s", p->v[i].id);
	return r < 0 ? r : 0;
}

static int plan_layers(struct store *s, struct store_prune_plan *p, struct err *e)
{
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT diffid, tar + idx FROM layer WHERE" GC_LAYER_UNUSED(
			"layer.diffid") " ORDER BY created, diffid",
		"");
	size_t first = p->n;
	while (r >= 0 && (r = store_query_next(s, &q, e)) > 0)
		add(p, STORE_PRUNE_LAYER, store_query_text(&q, 0), store_query_text(&q, 0),
			"no image and no cache entry needs it", store_query_int(&q, 1));
	store_query_end(&q);
	for (size_t i = first; r >= 0 && i < p->n; i++)
		r = store_exec(s, e, "DELETE FROM layer WHERE diffid=?1", "s", p->v[i].id);
	return r < 0 ? r : 0;
}

struct blob_walk {
	struct store *store;
	struct store_prune_plan *plan;
	struct err *e;
};

static int plan_blob(const char *digest, uint64_t size, int64_t mtime, void *arg)
{
	struct blob_walk *w = arg;
	int r = gc_blob_needed(w->store, digest, mtime, w->e);
	if (r == 0)
		add(w->plan, STORE_PRUNE_BLOB, digest, digest, "no image and no layer needs it",
			size);
	return r < 0 ? r : 0;
}

struct partial_walk {
	struct store_prune_plan *plan;
	const struct store_prune_options *o;
	int64_t now;
};

static int plan_partial(const char *digest, uint64_t size, int64_t touched, bool busy, void *arg)
{
	struct partial_walk *w = arg;
	bool old = w->now - touched >= STORE_PARTIAL_LEASE;
	if (busy || !(old || w->o->all_partials) || (w->o->before && touched >= w->o->before))
		return 0;
	char ago[CLOCK_TEXT_MAX];
	char *reason cleanup_free = mem_printf("a fetch that was cut %s and has not gone on",
		clock_format_ago(touched, w->now, ago));
	add(w->plan, STORE_PRUNE_PARTIAL, digest, digest, reason, size);
	return 0;
}

static int plan_partials(struct store *s, struct store_prune_plan *p,
	const struct store_prune_options *o, struct err *e)
{
	struct partial_walk w = {p, o, clock_now()};
	return o->leftovers ? store_partial_walk(s, plan_partial, &w, e) : 0;
}

static int plan_all(struct store *s, struct store_prune_plan *p,
	const struct store_prune_options *o, struct err *e)
{
	int r = store_lease_sweep(s, e);
	if (r >= 0 && o->leftovers)
		r = plan_leftovers(s, p, STORE_DIR_LAYERS, "layers",
			"SELECT count(*) FROM layer WHERE diffid=?1", "sha256:", e);
	if (r >= 0 && o->leftovers)
		r = plan_leftovers(s, p, STORE_DIR_CONTAINERS, "containers",
			"SELECT count(*) FROM container WHERE id=?1", "", e);
	if (r >= 0)
		r = plan_containers(s, p, o->containers, e);
	if (r >= 0 && (o->images || o->all_images))
		r = plan_images(s, p, o, e);
	if (r >= 0 && o->cache)
		r = plan_cache(s, p, o, e);
	if (r >= 0)
		r = plan_layers(s, p, e);
	if (r >= 0)
		r = plan_partials(s, p, o, e);
	struct blob_walk w = {s, p, e};
	return r < 0 ? r : store_blob_walk(s, plan_blob, &w, e);
}

int store_prune_plan(struct store *s, const struct store_prune_options *o,
	struct store_prune_plan *ret, struct err *e)
{
	int r = store_begin(s, e);
	if (r < 0)
		return r;
	struct store_prune_plan p cleanup_store_prune_plan = {0};
	p.by = mem_strdup(o->by ? o->by : "prune");
	p.made = clock_now();
	r = plan_all(s, &p, o, e);
	store_rollback(s);
	if (r < 0)
		return r;
	*ret = p;
	p = (struct store_prune_plan){0};
	return 0;
}
