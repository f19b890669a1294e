/* Carrying out a prune plan: item by item, each checked once more inside the transaction. */
#include "base/clock.h"
#include "store/blob.h"
#include "store/cache.h"
#include "store/gc_priv.h"
#include "store/partial.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Each returns 1 when the item went, 0 when it is needed again. */

static int apply_image(struct store *s, const char *id, struct err *e)
{
	int64_t needed = 0;
	int r = store_query_number(s, &needed, e,
		"SELECT EXISTS(SELECT 1 FROM tag WHERE image=?1)"
		" OR EXISTS(SELECT 1 FROM container WHERE image=?1)"
		" OR EXISTS(SELECT 1 FROM lease_ref WHERE ref=?1)"
		" OR NOT EXISTS(SELECT 1 FROM image WHERE id=?1)",
		"s", id);
	if (r < 0 || needed)
		return r;
	r = gc_image_rows_delete(s, id, e);
	return r < 0 ? r : 1;
}

static int apply_cache(
	struct store *s, const struct store_prune_plan *p, const char *key, struct err *e)
{
	int64_t stale = 0;
	int r = store_query_number(s, &stale, e,
		"SELECT count(*) FROM cache WHERE key=?1 AND collected=0 AND last_used<?2", "si",
		key, p->made);
	if (r < 0 || !stale)
		return r;
	r = store_cache_collect(s, key, p->by, e);
	return r < 0 ? r : 1;
}

static int apply_blob(struct store *s, const char *digest, struct err *e)
{
	struct stat st;
	const char *hex = store_digest_hex(digest);
	int dir = store_dir(s, STORE_DIR_BLOBS, e);
	if (dir < 0)
		return dir;
	if (!hex || fstatat(dir, hex, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 1; /* went with its layer */
	int r = gc_blob_needed(
		s, digest, st.st_mtim.tv_sec * CLOCK_NS_PER_S + st.st_mtim.tv_nsec, e);
	if (r != 0)
		return r < 0 ? r : 0;
	r = store_blob_delete(s, digest, e);
	return r < 0 ? r : 1;
}

static int apply_leftover(struct store *s, const char *path, int trash, struct err *e)
{
	const char *name = strrchr(path, '/');
	if (!name)
		return 0;
	name++;
	char digest[300];
	snprintf(digest, sizeof(digest), "sha256:%s", name);
	int64_t known = 0;
	int r = store_query_number(s, &known, e,
		"SELECT EXISTS(SELECT 1 FROM layer WHERE diffid=?1)"
		" OR EXISTS(SELECT 1 FROM container WHERE id=?2)",
		"ss", digest, name);
	if (r < 0 || known)
		return r;
	if (renameat(s->dirs[STORE_DIR_ROOT], path, trash, name) < 0)
		return errno == ENOENT ? 0 : err_sys(e, "remove '%s/%s'", s->root, path);
	return 1;
}

static int apply_item(struct store *s, const struct store_prune_plan *p,
	const struct store_prune_item *i, int trash, struct err *e)
{
	switch (i->kind) {
	case STORE_PRUNE_CONTAINER:
		return 0; /* the caller did that */
	case STORE_PRUNE_TAG:
		return store_exec(s, e,
			"DELETE FROM tag WHERE name=?1 AND image=?2"
			" AND NOT EXISTS(SELECT 1 FROM container WHERE image=?2)",
			"ss", i->name, i->id);
	case STORE_PRUNE_IMAGE:
		return apply_image(s, i->id, e);
	case STORE_PRUNE_CACHE:
		return apply_cache(s, p, i->id, e);
	case STORE_PRUNE_LAYER:
		return gc_layer_collect(s, i->id, trash, e);
	case STORE_PRUNE_BLOB:
		return apply_blob(s, i->id, e);
	case STORE_PRUNE_PARTIAL:
		return store_partial_delete(s, i->id, e);
	case STORE_PRUNE_LEFTOVER:
		return apply_leftover(s, i->id, trash, e);
	}
	return 0;
}

static int apply_all(struct store *s, const struct store_prune_plan *plan, int trash,
	uint64_t *freed, struct err *e)
{
	int r = store_begin(s, e);
	if (r < 0)
		return r;
	struct store *guard cleanup_transaction = s;
	r = store_lease_sweep(s, e);
	for (size_t i = 0; r >= 0 && i < plan->n; i++) {
		r = apply_item(s, plan, &plan->v[i], trash, e);
		if (r > 0)
			*freed += plan->v[i].bytes;
	}
	return r < 0 ? r : store_commit(STEAL(guard), e);
}

int store_prune_apply(
	struct store *s, const struct store_prune_plan *plan, uint64_t *ret_bytes, struct err *e)
{
	char name[STORE_TMP_NAME];
	uint64_t freed = 0;
	int trash = store_tmp_dir(s, name, e);
	if (trash < 0)
		return trash;
	int r = apply_all(s, plan, trash, &freed, e);
	int gone = store_trash_remove(s, name, trash, e);
	if (r >= 0 && ret_bytes)
		*ret_bytes = freed;
	return r < 0 ? r : gone;
}
