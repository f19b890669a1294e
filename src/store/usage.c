/* Counting what the store holds. */
#include "store/usage.h"

#include "store/blob.h"
#include "store/gc_priv.h"

#include <sys/statvfs.h>

static int count_blob(const char *digest, uint64_t size, int64_t mtime, void *arg)
{
	struct store_usage *u = arg;
	(void)digest;
	(void)mtime;
	u->blobs++;
	u->blob_bytes += size;
	return 0;
}

int store_usage_get(struct store *s, struct store_usage *ret, struct err *e)
{
	struct store_usage u = {0};
	struct store_query q cleanup_query = STORE_QUERY_INIT;
	int r = store_query(s, &q, e,
		"SELECT (SELECT count(*) FROM image), (SELECT count(*) FROM tag),"
		" (SELECT count(*) FROM layer), (SELECT count(*) FROM container),"
		" (SELECT count(*) FROM cache WHERE collected=0),"
		" (SELECT coalesce(sum(tar + idx), 0) FROM layer),"
		" (SELECT coalesce(sum(tar + idx), 0) FROM layer WHERE NOT EXISTS("
		"   SELECT 1 FROM image_layer WHERE diffid=layer.diffid))",
		"");
	if (r >= 0)
		r = store_query_next(s, &q, e);
	if (r < 0)
		return r;
	u.images = store_query_int(&q, 0);
	u.tags = store_query_int(&q, 1);
	u.layers = store_query_int(&q, 2);
	u.containers = store_query_int(&q, 3);
	u.cache_entries = store_query_int(&q, 4);
	u.layer_bytes = store_query_int(&q, 5);
	u.cache_bytes = store_query_int(&q, 6);
	r = store_blob_walk(s, count_blob, &u, e);
	if (r < 0)
		return r;
	struct statvfs v;
	if (fstatvfs(s->dirs[STORE_DIR_ROOT], &v) == 0) {
		u.disk_free = (uint64_t)v.f_bavail * v.f_frsize;
		u.disk_size = (uint64_t)v.f_blocks * v.f_frsize;
	}
	*ret = u;
	return 0;
}
